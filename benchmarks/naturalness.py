"""How natural patches are, and how often they fool: detectors trained anew on patches of each condition made
from ``train``, judged on other slides.

`python benchmarks/naturalness.py --cache DIR [--train-images N] [--images N] [--write]`: pictures and numbers
are kept image by image and gone on with after a kill; a larger N begins with the images of a smaller one.
With `--only` and `--write` the conditions that are not named keep the numbers that ship, and their commit.
"""

import argparse
import hashlib
import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from benchmarks.natural_conditions import CONDITIONS
from benchmarks.natural_pictures import Chosen, Shelf, cases_of, choose, choose_demo
from benchmarks.options import add_picture_options, run_script, victim_facts
from benchmarks.patches import open_hcd
from benchmarks.results import commit, provenance, table, write_section
from snapgui import shipped
from snapgui.audit.plan import DONOR_COUNT
from snapgui.engine.detector.cases import Case
from snapgui.engine.images import encode_png
from snapgui.engine.victim.memory import keep_freed_memory
from snapgui.engine.victim.victim import Victim, choose_device
from snapgui.errors import DataError
from snapgui.naturalness.frontier import AXES, FILE, success
from snapgui.naturalness.measure import measure_condition
from snapgui.naturalness.words import HEAD, condition_cells, explanation
from snapgui.workspace import write_whole

FIGURE = Path(__file__).with_name("naturalness.svg")
EXAMPLES = 3
EXAMPLE_WORDS = (
    "Example pictures are the first synthetic patches of the demo that the model finds: none is tissue of a "
    "person. The numbers are of real patches."
)
PICTURE_PARTS = ("original", "altered", "mask")
# Marks of the families, as the app's figure has them.
MARKS = {"SNAP": "o", "peer": "s", "control": "x"}
# Counted up when more is measured, so that kept numbers that lack it are measured again.
MEASURES = b"2"


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add_picture_options(parser, list(CONDITIONS))
    parser.add_argument(
        "--kept",
        action="store_true",
        help="make no pictures: of each condition take the images whose pictures are in the cache",
    )
    parser.add_argument(
        "--write",
        action="store_true",
        help="write the section of RESULTS.md, the figure beside it, and the numbers that the app shows",
    )
    return parser.parse_args()


def numbers_of(
    cache: Path, condition: str, tried: list[Case], training: list[Case], names: Mapping[str, Chosen]
) -> dict[str, Any]:
    """The numbers of one condition; kept, so that they are not measured again for the same pictures."""
    decides = hashlib.sha256(MEASURES)
    for case in (*tried, *training):
        decides.update(case.original.tobytes() + case.altered.tobytes() + case.mask.tobytes())
    path = cache / f"numbers-{condition.replace(' ', '-')}-{decides.hexdigest()[:16]}.json"
    if path.is_file():
        return dict(json.loads(path.read_text(encoding="utf-8")))
    numbers = measure_condition(tried, trained_on=training)
    numbers["no_room"] = len(names["tried"].names) - len(tried)
    write_whole(path, json.dumps(numbers, indent=2).encode(), advice="Free space.")
    return numbers


def draw_frontier(numbers: Mapping[str, dict[str, Any]], path: Path) -> None:
    """Success against each way to say how natural, one point a condition, with intervals, as an SVG file."""
    import matplotlib.pyplot as plt

    figure, axes = plt.subplots(2, 2, figsize=(11, 9), sharey=True, layout="constrained")
    for panel, axis in zip(axes.flat, AXES.values(), strict=True):
        for place, (name, own) in enumerate(numbers.items()):
            x, y = axis.read(own), success(own)
            if x is None or y is None:
                continue
            panel.errorbar(
                x.value,
                y.value * 100,
                xerr=[[x.value - x.low], [x.high - x.value]],
                yerr=[[(y.value - y.low) * 100], [(y.high - y.value) * 100]],
                fmt=MARKS[CONDITIONS[name].family],
                color=f"C{place % 10}",
                elinewidth=0.8,
                label=f"{place + 1} {CONDITIONS[name].words.replace('`', '')}",
            )
            panel.annotate(
                str(place + 1), (x.value, y.value * 100), (4, 4), textcoords="offset points", fontsize=8
            )
        panel.set_xlabel(axis.title)
        panel.axvline(axis.chance, color="grey", linewidth=0.8)
        panel.grid(alpha=0.3)
    for panel in axes[:, 0]:
        panel.set_ylabel("class flips, %")
    figure.legend(*axes[0, 0].get_legend_handles_labels(), loc="outside lower center", ncols=2, fontsize=8)
    figure.savefig(path, metadata={"Date": None})
    plt.close(figure)


def write_shipped(
    facts: Mapping[str, str],
    numbers: Mapping[str, dict[str, Any]],
    made: Mapping[str, Mapping[str, str]],
    examples: Mapping[str, list[Case]],
    folder: Path = shipped.NATURALNESS_FOLDER,
) -> dict[str, Any]:
    """What the app shows: numbers and example pictures of each condition, and by which commits these were
    ``made``. Conditions without numbers here keep what ships. Returns all that ships now.

    Raises:
        DataError: what is kept was measured by other ``facts``.
    """
    files: dict[str, bytes] = {}
    by_content: dict[bytes, str] = {}

    def kept(name: str, data: bytes) -> str:
        """The file of a picture; the same picture is kept once."""
        found = by_content.setdefault(data, f"{name.replace(' ', '-')}.png")
        files[found] = data
        return found

    conditions = _of_before(facts, set(CONDITIONS) - set(numbers), folder)
    for own in conditions.values():
        for picture in own["pictures"]:
            for part in PICTURE_PARTS:
                picture[part] = kept(Path(picture[part]).stem, (folder / picture[part]).read_bytes())
    for name, own in numbers.items():
        condition, pictures = CONDITIONS[name], []
        for case in examples[name]:
            pictures.append(
                {
                    "name": case.name,
                    "flipped": case.flipped,
                    "original": kept(case.name, encode_png(case.original)),
                    "altered": kept(f"{case.name}-{name}", encode_png(case.altered)),
                    "mask": kept(
                        f"{case.name}-{name}-mask", encode_png(np.where(case.mask, 255, 0).astype(np.uint8))
                    ),
                }
            )
        conditions[name] = {
            "words": condition.words,
            "short": condition.short,
            "family": condition.family,
            **made[name],
            "numbers": own,
            "pictures": pictures,
        }
    in_order = {name: conditions[name] for name in CONDITIONS if name in conditions}
    about = {**facts, "examples": EXAMPLE_WORDS, "conditions": in_order}
    for old in folder.glob("*.png"):
        if old.name not in files:
            old.unlink()
    # The numbers last: where they lie, the pictures belong to them.
    files[FILE] = json.dumps(about, indent=1, ensure_ascii=False).encode() + b"\n"
    write_whole(folder, files, advice="Free space.")
    return about


def _of_before(facts: Mapping[str, str], names: set[str], folder: Path) -> dict[str, dict[str, Any]]:
    """Those of the named conditions that ship."""
    path = folder / FILE
    if not path.is_file():
        return {}
    about = json.loads(path.read_text(encoding="utf-8"))
    found = {name: own for name, own in about["conditions"].items() if name in names}
    other = [name for name, value in facts.items() if about.get(name) != value]
    if found and other:
        raise DataError(
            f"{', '.join(found)} in {path} were measured with another {' and '.join(other)}. Measure them "
            "again too (name them with --only), or use the same model and numbers of images."
        )
    return found


def main() -> None:
    args = parse()
    keep_freed_memory()
    torch.set_num_threads(args.threads)
    victim = Victim.load(args.model, device=choose_device(args.device))
    everything = open_hcd(args.data)
    train = everything.split("train")
    donors = train.subset(np.flatnonzero(train.labels == 0)).sample(DONOR_COUNT, seed=1)
    chosen = {
        "tried": choose(everything.split(args.split), victim, args.images),
        "training": choose(train, victim, args.train_images),
    }
    splits = {"tried": args.split, "training": "train"}
    demo, examples = choose_demo(victim, EXAMPLES), {}
    found: dict[str, dict[str, Any]] = {}
    made: dict[str, dict[str, str]] = {}

    def shelf_and_cases(condition: str, split: str, images: Chosen) -> tuple[Shelf, list[Case]]:
        own, natural = (Shelf(args.cache, name, split, victim, donors) for name in (condition, "natural"))
        return own, cases_of(own, images, natural, lambda text: print(text, flush=True))

    for condition in args.only:
        cases, makers = {}, set()
        images = dict(chosen)
        for part, split in splits.items():
            if args.kept:
                images[part] = Shelf(args.cache, condition, split, victim, donors).kept(chosen[part])
            shelf, cases[part] = shelf_and_cases(condition, split, images[part])
            makers |= shelf.makers(images[part])
        made[condition] = {"commit": commit(), "pictures_by": ", ".join(sorted(makers))}
        if args.write:
            _, examples[condition] = shelf_and_cases(condition, "demo", demo)
        found[condition] = numbers_of(args.cache, condition, cases["tried"], cases["training"], images)
        print(" | ".join(condition_cells(condition, found[condition])), flush=True)
    if not args.write:
        return print(f"\n{_table(found)}")
    words = (
        f"{len(chosen['tried'].names)} metastases of {args.split} that the model finds; detectors trained on "
        f"{len(chosen['training'].names)} of train."
    )
    shown = write_shipped({"words": words, "model_sha256": victim.card.sha256}, found, made, examples)
    conditions = shown["conditions"]
    numbers = {name: own["numbers"] for name, own in conditions.items()}
    draw_frontier(numbers, FIGURE)
    facts = (
        {"commit": _commits(conditions, "commit")}
        | victim_facts(victim, "scikit-learn")
        | {
            "pictures made by commit": _commits(conditions, "pictures_by"),
            "patches": (
                f"{len(chosen['tried'].names)} correctly classified metastases of {args.split}, "
                f"{len(chosen['training'].names)} of train, in a fixed random order"
            ),
        }
    )
    body = (
        f"{_table(numbers)}\n\n![Success against detectability]({FIGURE.name})\n\n"
        f"{provenance(sys.argv, facts)}"
    )
    write_section("naturalness", f"How natural are patches? Metastases of {args.split}", body)


def _table(numbers: Mapping[str, dict[str, Any]]) -> str:
    lines = [condition_cells(CONDITIONS[name].words, own) for name, own in numbers.items()]
    return f"{table(HEAD, lines)}\n\n{explanation(numbers)}"


def _commits(conditions: Mapping[str, Mapping[str, str]], which: str) -> str:
    """Each commit with the conditions that it measured or made."""
    names: dict[str, list[str]] = {}
    for name, own in conditions.items():
        names.setdefault(own[which], []).append(name)
    return "; ".join(f"{hashes} ({', '.join(of)})" for hashes, of in names.items())


if __name__ == "__main__":
    run_script(main)
