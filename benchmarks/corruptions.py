"""Ordinary corruptions beside SNAP: how often each fools the model, at which visibility.

`python benchmarks/corruptions.py --cache DIR [--images N] [--write]`: SNAP's pictures are those that
`naturalness.py` has kept in the cache; every part is kept there too and gone on with after a kill, and a larger N
begins with the pictures of a smaller one. Of a finished audit, `python -m snapgui corruptions` does the same.
"""

import argparse
import sys
from pathlib import Path

import torch

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from benchmarks.natural_pictures import Shelf
from benchmarks.options import run_script
from benchmarks.patches import open_hcd
from snapgui import shipped
from snapgui.corruptions.measure import CorruptionSettings
from snapgui.corruptions.run import CorruptionProgress, run_corruptions
from snapgui.corruptions.subjects import Pixels, Subjects, take_turns
from snapgui.data.datasets import PatchSet
from snapgui.engine.victim.memory import keep_freed_memory
from snapgui.engine.victim.victim import Victim, choose_device
from snapgui.progress import drain
from snapgui.words import duration

CURVES = ("natural", "paper", "strong")


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--cache", type=Path, required=True, help="where pictures and rows are kept")
    parser.add_argument("--images", type=int, default=350, help="at most so many of each class")
    parser.add_argument("--split", default="val_slides")
    parser.add_argument("--only", nargs="+", choices=CURVES, default=list(CURVES), help="presets of SNAP")
    parser.add_argument(
        "--data", type=Path, default=None, help="folder of the patches; else what SNAP_HCD_DIR names"
    )
    parser.add_argument("--model", type=Path, default=shipped.MODEL)
    parser.add_argument("--device", default="cpu", help="auto, cpu or cuda")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--write", action="store_true")
    return parser.parse_args()


def cached_subjects(
    cache: Path, patches: PatchSet, victim: Victim, curves: list[str], split: str, most: int
) -> Subjects:
    """Patches of both classes, with the pictures of SNAP that the cache holds of them."""
    places = take_turns(patches.labels, most=most)
    names = tuple(patches.ids[i] for i in places)
    shelves = {name: Shelf(cache, name, split, victim, patches) for name in curves}

    def snap(shelf: Shelf, place: int) -> Pixels | None:
        case = shelf.read(names[place]) if shelf.path(names[place]).is_file() else None
        return None if case is None else case.altered

    return Subjects(
        names=names,
        labels=tuple(int(patches.labels[i]) for i in places),
        pixels=lambda place: patches.pixels(int(places[place])),
        snap={name: lambda place, shelf=shelf: snap(shelf, place) for name, shelf in shelves.items()},
        identity={"split": split, "cache": {name: shelf.folder.name for name, shelf in shelves.items()}},
    )


def show(progress: CorruptionProgress) -> None:
    left = "" if progress.left_s is None else f", {duration(progress.left_s)} left"
    print(f"{progress.done} of {progress.of} parts{left}, {progress.doing}", flush=True)


def main() -> None:
    args = parse()
    keep_freed_memory()
    torch.set_num_threads(args.threads)
    victim = Victim.load(args.model, device=choose_device(args.device))
    patches = open_hcd(args.data).split(args.split)
    subjects = cached_subjects(args.cache, patches, victim, args.only, args.split, args.images)
    settings = CorruptionSettings(images=args.images)
    rows = drain(run_corruptions(victim, subjects, args.cache / "corruptions", settings), show)
    assert rows is not None


if __name__ == "__main__":
    run_script(main)
