"""How good a sham is: can a detector tell SNAP from it, how often does it fool the model, what is lost.

`python benchmarks/natural_sham.py --cache DIR [--train-images N] [--images N] [--write]`: pictures of SNAP
are those of `naturalness.py`, kept in the same folder, and made where they are missing.
"""

import argparse
import sys
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from benchmarks.natural_pictures import Pixels, Shelf, cases_of, choose
from benchmarks.options import add_picture_options, run_script, victim_facts
from benchmarks.patches import open_hcd
from benchmarks.results import provenance, table, write_section
from snapgui.engine.cells.outlines import Mask
from snapgui.engine.detector.cases import Case
from snapgui.engine.presets import PRESETS, PresetName
from snapgui.engine.sham import SHAM_ATTEMPTS, Sham, Source, make_sham
from snapgui.engine.victim.memory import keep_freed_memory
from snapgui.engine.victim.victim import Victim, choose_device
from snapgui.naturalness.measure import measure_against, strongest
from snapgui.naturalness.words import area_words
from snapgui.statistics import share
from snapgui.words import with_count

CONDITIONS: tuple[PresetName, ...] = ("natural", "paper")
HEAD = (
    "SNAP",
    "first shams that fool the model",
    "sources lost",
    "shams made until then, in how many sources",
    "change, SNAP and sham, levels of 255",
    "roughness, sham over SNAP",
    "SNAP against sham, cells",
    "SNAP against sham, pictures",
)


@dataclass(frozen=True)
class Pair:
    """SNAP's picture of an image that it fools the model with, and its sham."""

    snap: Case
    sham: Sham


def roughness(pixels: Pixels, mask: Mask) -> float:
    """Mean absolute difference between neighbours that both lie in the mask, in levels."""
    values = pixels.astype(np.float64)
    down = np.abs(np.diff(values, axis=0)).mean(axis=2)[mask[1:] & mask[:-1]]
    across = np.abs(np.diff(values, axis=1)).mean(axis=2)[mask[:, 1:] & mask[:, :-1]]
    return float(np.concatenate([down, across]).mean())


def change(case: Case, pixels: Pixels) -> float:
    """Mean absolute change in the mask, in levels."""
    return float(np.abs(pixels.astype(np.int64) - case.original)[case.mask].mean())


def pair_up(condition: PresetName, cases: Sequence[Case], victim: Victim) -> list[Pair]:
    """Each case that fools the model with its sham, as a study makes it."""
    texture = PRESETS[condition].attack.texture
    return [
        Pair(
            case,
            make_sham(
                Source(case.name, case.original, case.altered, case.mask, texture=texture),
                seed=0,
                victim=victim,
            ),
        )
        for case in cases
        if case.flipped
    ]


def kept(pairs: Sequence[Pair]) -> tuple[list[Case], list[Case]]:
    """SNAP and sham of the sources that have a sham which does not fool the model."""
    own = [pair for pair in pairs if not pair.sham.fooled]
    return [pair.snap for pair in own], [replace(pair.snap, altered=pair.sham.pixels) for pair in own]


def measure(tried: Sequence[Pair], training: Sequence[Pair]) -> dict[str, Any]:
    """The numbers of one condition, as plain JSON."""
    snaps, shams = kept(tried)
    return {
        "first_fooled": share(sum(bool(pair.sham.first_fooled) for pair in tried), len(tried)),
        "lost": share(len(tried) - len(snaps), len(tried)),
        "tries": Counter(pair.sham.attempt + 1 for pair in tried if not pair.sham.fooled),
        "change": [
            float(np.mean([change(case, case.altered) for case in cases])) for cases in (snaps, shams)
        ],
        "rougher": float(
            np.mean(
                [
                    roughness(sham.altered, sham.mask) / roughness(snap.altered, snap.mask)
                    for snap, sham in zip(snaps, shams, strict=True)
                ]
            )
        ),
        "detector": measure_against((snaps, shams), kept(training)),
    }


def line(name: str, numbers: dict[str, Any]) -> list[str]:
    """One line of the table, in the order of `HEAD`."""
    tries = numbers["tries"]
    return [
        f"`{name}`",
        with_count(numbers["first_fooled"]),
        with_count(numbers["lost"]),
        ", ".join(f"{tried} in {tries[tried]}" for tried in sorted(tries)),
        " and ".join(f"{levels:.1f}" for levels in numbers["change"]),
        f"{numbers['rougher']:.2f}",
        area_words(strongest(numbers, "cell")),
        area_words(strongest(numbers, "picture")),
    ]


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add_picture_options(parser, CONDITIONS)
    parser.add_argument("--write", action="store_true", help="write the section of RESULTS.md")
    return parser.parse_args()


def main() -> None:
    args = parse()
    keep_freed_memory()
    torch.set_num_threads(args.threads)
    victim = Victim.load(args.model, device=choose_device(args.device))
    everything = open_hcd(args.data)
    parts = {
        split: choose(everything.split(split), victim, count)
        for split, count in ((args.split, args.images), ("train", args.train_images))
    }
    lines = []
    for condition in args.only:
        pairs = {}
        for split, chosen in parts.items():
            shelf, natural = (
                Shelf(args.cache, name, split, victim, everything) for name in (condition, "natural")
            )
            cases = cases_of(shelf, chosen, natural, lambda text: print(text, flush=True))
            pairs[split] = pair_up(condition, cases, victim)
        lines.append(line(condition, measure(pairs[args.split], pairs["train"])))
        print(" | ".join(lines[-1]), flush=True)
    title = f"SNAP against its sham: metastases of {args.split}"
    body = (
        f"{table(HEAD, lines)}\n\nOf each picture with which SNAP fools the model a sham is made as a study "
        f"makes it: the first of at most {SHAM_ATTEMPTS} that does not fool the model; a source whose every "
        "sham does is lost. Detectors as above, trained on pairs of train and judged on those of "
        f"{args.split}, look at SNAP and at its sham in the very same places. Brackets are 95 % intervals."
    )
    print(f"\n{title}\n\n{body}")
    if args.write:
        facts = victim_facts(victim, "scikit-learn") | {
            "patches": (
                f"{len(parts[args.split].names)} correctly classified metastases of {args.split}, "
                f"{len(parts['train'].names)} of train, in a fixed random order"
            ),
        }
        write_section("sham", title, f"{body}\n\n{provenance(sys.argv, facts)}")


if __name__ == "__main__":
    run_script(main)
