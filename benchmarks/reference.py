"""The strongest attack found for each image: the best of three rules over many starts, kept on disk image by
image.

`python benchmarks/reference.py --cache DIR [--images 64] [--rounds 11] [--steps 500]` may be stopped at any
moment and goes on from what is there. Round 0 starts from the image's median, each further round from random
colours: what a restart is. With ``--tests`` what was found is also written to `reference_margins.json`, which
the tests judge the attack by: `--images 20 --rules sign --rounds 3 --steps 300 --tests`.
"""

import argparse
import dataclasses
import json
import os
import sys
import time
import zipfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from benchmarks.options import add_common, load_common, run_script, strongest
from benchmarks.patches import TARGET, PatchBatch, attack, saved_margins
from snapgui.engine.images import sha256
from snapgui.engine.settings import OPTIMISERS, OptimiserName, TextureName
from snapgui.engine.victim.victim import Victim
from snapgui.errors import DataError
from snapgui.workspace import write_whole

KEPT = Path(__file__).with_name("reference_margins.json")


@dataclass(frozen=True)
class ReferenceSettings:
    """What the cached margins depend on, apart from image and mask."""

    model: str
    gamut: str = "range"
    steps: int = 500
    target: int = TARGET
    texture: TextureName = "free"

    def folder(self, cache: Path) -> Path:
        """Where the margins of these settings lie."""
        colours = self.gamut if self.texture == "free" else self.texture
        return cache / f"reference-{self.model[:12]}-{colours}-to{self.target}-{self.steps}"


@dataclass(frozen=True)
class Reference:
    """The highest margin found for each image ``(N,)``, and how many rounds of each rule all images have."""

    margins: torch.Tensor
    rounds: dict[str, int]
    steps: int

    def text(self) -> str:
        """How much stands behind it."""
        rounds = ", ".join(f"{name} {count}" for name, count in self.rounds.items())
        return (
            f"{len(self.margins)} images, {self.steps} steps, rounds (1 from the median, the rest "
            f"restarts): {rounds}"
        )


def file_name(image: torch.Tensor, mask: torch.Tensor) -> str:
    """The name of an image's file: its own digest with that of the mask, so that neither can change
    unseen.
    """
    return sha256(image.cpu().numpy().tobytes() + mask.cpu().numpy().tobytes())[:24] + ".npz"


def read_margins(path: Path) -> dict[str, float]:
    """Margins by rule and round, such as ``sign-0``; none where there is no file or only half of one."""
    try:
        with np.load(path) as file:
            return {name: float(file[name]) for name in file.files}
    except (OSError, ValueError, EOFError, zipfile.BadZipFile):
        return {}


def write_margins(path: Path, found: dict[str, float]) -> None:
    """Write them in one move: who is killed meanwhile leaves the old file."""
    new = path.with_suffix(".tmp")
    with new.open("wb") as file:
        np.savez(file, **{name: np.float64(value) for name, value in found.items()})  # type: ignore[arg-type]
    os.replace(new, path)


def search(
    victim: Victim, batch: PatchBatch, settings: ReferenceSettings, rule: OptimiserName, number: int
) -> torch.Tensor:
    """Margins ``(N,)`` of the saved pictures after one round of one rule."""
    config = replace(
        strongest(settings.texture),
        target=settings.target,
        start="random" if number else "median",
        steps=settings.steps,
        seed=number,
        optimiser=rule,
    )
    for step in attack(victim, batch, config):
        last = step
    return saved_margins(victim, last.best_images)


def fill(
    victim: Victim,
    batch: PatchBatch,
    folder: Path,
    settings: ReferenceSettings,
    *,
    rounds: int,
    chunk: int = 16,
    rules: Sequence[OptimiserName] = OPTIMISERS,
    report: Callable[[str], None] = print,
) -> None:
    """Do what is not done yet, round by round, so that a shorter run is a smaller and not a lopsided
    reference.
    """
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "settings.json").write_text(
        json.dumps(dataclasses.asdict(settings), indent=1), encoding="utf-8"
    )
    names = [file_name(image, mask) for image, mask in zip(batch.images, batch.masks, strict=True)]
    done = {name: read_margins(folder / name) for name in names}
    for number in range(rounds):
        for rule in rules:
            unit = f"{rule}-{number}"
            left = [index for index, name in enumerate(names) if unit not in done[name]]
            for first in range(0, len(left), chunk):
                part = left[first : first + chunk]
                began = time.perf_counter()
                found = search(victim, batch.take(part), settings, rule, number)
                for index, margin in zip(part, found.tolist(), strict=True):
                    done[names[index]][unit] = margin
                    write_margins(folder / names[index], done[names[index]])
                report(
                    f"{unit}: {len(names) - len(left) + first + len(part)} of {len(names)} images, "
                    f"{time.perf_counter() - began:.1f} s"
                )


def read_reference(batch: PatchBatch, folder: Path, settings: ReferenceSettings) -> Reference | None:
    """What the cache holds for all of these images; None where one of them has nothing."""
    found = [
        read_margins(folder / file_name(image, mask))
        for image, mask in zip(batch.images, batch.masks, strict=True)
    ]
    common = set.intersection(*(set(margins) for margins in found))
    if not common:
        return None
    # Only what all images have: an image with more rounds than its neighbours would be judged by another
    # measure.
    best = torch.tensor([max(margins[unit] for unit in common) for margins in found])
    return Reference(
        best,
        {rule: sum(unit.startswith(f"{rule}-") for unit in common) for rule in OPTIMISERS},
        settings.steps,
    )


def write_kept(
    batch: PatchBatch, reference: Reference, settings: ReferenceSettings, path: Path = KEPT
) -> None:
    """Write the margins into one small file, with all that they depend on."""
    names = [file_name(image, mask) for image, mask in zip(batch.images, batch.masks, strict=True)]
    values = {
        **dataclasses.asdict(settings),
        "rounds": reference.rounds,
        "margins": dict(zip(names, map(float, reference.margins), strict=True)),
    }
    text = json.dumps(values, indent=1) + "\n"
    write_whole(path, text.encode(), advice="Make room and write it again.")


def read_kept(batch: PatchBatch, model: str, path: Path = KEPT) -> torch.Tensor:
    """The kept margin of each image ``(N,)``; raises DataError where they are another model's, or of other
    images or masks.
    """
    values = json.loads(path.read_text(encoding="utf-8"))
    names = [file_name(image, mask) for image, mask in zip(batch.images, batch.masks, strict=True)]
    other = sum(name not in values["margins"] for name in names)
    if values["model"] != model or other:
        raise DataError(
            f"{path.name} holds margins of the model {values['model'][:12]} (now {model[:12]}), and {other} "
            f"of {len(batch)} images or masks are not in it. Write it again, see benchmarks/reference.py."
        )
    return torch.tensor([values["margins"][name] for name in names])


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add_common(parser)
    parser.add_argument("--cache", type=Path, required=True, help="folder of the margins found")
    parser.add_argument(
        "--rounds", type=int, default=11, help="rounds of each rule: one from the median, the rest random"
    )
    parser.add_argument(
        "--rules", nargs="+", choices=OPTIMISERS, default=list(OPTIMISERS), help="which rules search"
    )
    parser.add_argument("--steps", type=int, default=500, help="gradient steps a round")
    parser.add_argument("--chunk", type=int, default=16, help="images at once; what a kill can lose")
    parser.add_argument("--tests", action="store_true", help=f"write {KEPT.name} too")
    args = parser.parse_args()
    victim, batch = load_common(args)
    settings = ReferenceSettings(victim.card.sha256, args.gamut, args.steps, texture=args.texture)
    folder = settings.folder(args.cache)
    fill(
        victim,
        batch,
        folder,
        settings,
        rounds=args.rounds,
        chunk=args.chunk,
        rules=args.rules,
        report=lambda line: print(line, flush=True),
    )
    reference = read_reference(batch, folder, settings)
    assert reference is not None
    print(reference.text())
    if args.tests:
        write_kept(batch, reference, settings)


if __name__ == "__main__":
    run_script(main)
