"""Ordinary corruptions beside SNAP: how often each fools the model, at which visibility.

`python benchmarks/corruptions.py --cache DIR [--audit FOLDER] [--images N] [--write]`: SNAP's pictures are
those that `naturalness.py` has kept in the cache, or those of a finished audit. Every part is kept in the
cache and gone on with after a kill, and a larger N begins with the pictures of a smaller one.
"""

import argparse
import sys
from pathlib import Path
from typing import Any

import torch

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from benchmarks.natural_pictures import Shelf
from benchmarks.options import run_script, victim_facts
from benchmarks.patches import open_hcd
from benchmarks.results import commit, provenance, table, write_section
from snapgui import shipped
from snapgui.audit.read import read_finished
from snapgui.corruptions.audits import audit_subjects, audited_victim
from snapgui.corruptions.measure import CorruptionSettings
from snapgui.corruptions.run import CorruptionProgress, run_corruptions
from snapgui.corruptions.store import Comparison, table_of, write_comparison
from snapgui.corruptions.subjects import Pixels, Subjects, take_turns
from snapgui.corruptions.summary import images_words, summarise
from snapgui.corruptions.words import HEAD, SNAP_HEAD, explanation, headline, point_cells, snap_cells
from snapgui.data.datasets import PatchSet
from snapgui.engine.corruptions.catalogue import CORRUPTIONS
from snapgui.engine.victim.memory import keep_freed_memory
from snapgui.engine.victim.victim import Victim, choose_device
from snapgui.progress import drain
from snapgui.words import duration
from snapgui.workspace import write_whole

FIGURE = Path(__file__).with_name("corruptions.svg")
# Presets of SNAP, the one that all is said of first.
CURVES = ("natural", "paper", "strong")
FAMILIES = {"optics": "#0072b2", "colour": "#009e73", "place": "#999999", "slide": "#cc79a7"}
TITLES = {"de00": "mean CIEDE2000 over the whole picture", "ssim": "1 - SSIM, mean over the whole picture"}
MARKS = "osv^DX*P"


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--cache", type=Path, required=True, help="where pictures and rows are kept")
    parser.add_argument("--audit", type=Path, default=None, help="take model, patches and SNAP from here")
    parser.add_argument("--images", type=int, default=350, help="at most so many of each class")
    parser.add_argument("--split", default="val_slides")
    parser.add_argument("--only", nargs="+", choices=CURVES, default=list(CURVES), help="presets of SNAP")
    parser.add_argument(
        "--data", type=Path, default=None, help="folder of the patches; else what SNAP_HCD_DIR names"
    )
    parser.add_argument("--model", type=Path, default=shipped.MODEL)
    parser.add_argument("--device", default="cpu", help="auto, cpu or cuda")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument(
        "--write",
        action="store_true",
        help="write the section of RESULTS.md, the figure beside it, and the numbers that the app shows",
    )
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


def draw(comparison: Comparison, path: Path) -> None:
    """Metastases lost against visibility, by CIEDE2000 and by SSIM, as an SVG file."""
    import matplotlib.pyplot as plt

    figure, panels = plt.subplots(1, 2, figsize=(12, 7), sharey=True, layout="constrained")
    for panel, (measure, title) in zip(panels, TITLES.items(), strict=True):
        marks: dict[str, int] = {}
        for name, kind in CORRUPTIONS.items():
            points = [point for point in comparison.numbers["corruptions"] if point["kind"] == name]
            place = marks[kind.family] = marks.get(kind.family, -1) + 1
            look = {"color": FAMILIES[kind.family], "marker": MARKS[place], "linewidth": 1}
            draw_line(panel, points, measure, label=kind.words, **look)
        for (curve, points), style in zip(comparison.numbers["snap"].items(), ("-", "--", ":"), strict=False):
            look = {"color": "#d55e00", "marker": ".", "linestyle": style, "linewidth": 2.2}
            draw_line(panel, points, measure, label=f"SNAP, {curve}, 10 to 100 % of it", **look)
        panel.set_xscale("log")
        panel.set_xlabel(title)
        panel.grid(alpha=0.3)
    panels[0].set_ylabel("recognised metastases lost, %")
    figure.legend(*panels[0].get_legend_handles_labels(), loc="outside lower center", ncols=5, fontsize=9)
    figure.savefig(path, metadata={"Date": None})
    plt.close(figure)


def draw_line(panel: Any, points: list[dict[str, Any]], measure: str, **look: Any) -> None:
    own = [point["lost"] for point in points if "lost" in point]
    shares = [part["flipped"] for part in own]
    visible = [part[measure]["mean"] for part in own]
    panel.errorbar(
        [1 - value for value in visible] if measure == "ssim" else visible,
        [share["share"] * 100 for share in shares],
        yerr=[
            [(share["share"] - share["interval"][0]) * 100 for share in shares],
            [(share["interval"][1] - share["share"]) * 100 for share in shares],
        ],
        elinewidth=0.7,
        markersize=5,
        **look,
    )


def main() -> None:
    args = parse()
    keep_freed_memory()
    torch.set_num_threads(args.threads)
    device = choose_device(args.device)
    if args.audit is not None:
        audit = read_finished(args.audit)
        victim = audited_victim(audit, device=str(device))
        subjects = audit_subjects(audit, victim, most=args.images)
        where = f"the audit {audit.folder.name}"
    else:
        victim = Victim.load(args.model, device=device)
        patches = open_hcd(args.data).split(args.split)
        subjects = cached_subjects(args.cache, patches, victim, args.only, args.split, args.images)
        where = args.split
    settings = CorruptionSettings(images=args.images)
    rows = drain(run_corruptions(victim, subjects, args.cache / "corruptions", settings), show)
    assert rows is not None
    numbers = summarise(rows, list(subjects.snap))
    comparison = Comparison(
        f"{images_words(numbers)} of {where}.", numbers, {curve: curve for curve in subjects.snap}
    )
    write_whole(
        args.cache / "corruptions" / "corruptions.csv", table_of(comparison).encode(), advice="Free space."
    )
    first = next(iter(subjects.snap))
    lines = [point_cells(point, first) for point in numbers["corruptions"]]
    strengths = [snap_cells(curve, point) for curve, points in numbers["snap"].items() for point in points]
    title = f"Ordinary corruptions beside SNAP: {where}"
    body = "\n\n".join(
        [
            headline(comparison, first),
            table(HEAD, lines),
            "SNAP's own pictures, weakened:",
            table(SNAP_HEAD, strengths),
            explanation(comparison),
        ]
    )
    print(f"\n{title}\n\n{body}")
    if args.write:
        facts = victim_facts(victim, "opencv-python", "scikit-image") | {
            "patches": f"{images_words(numbers)} of {where}, in a fixed random order of each class",
        }
        draw(comparison, FIGURE)
        write_comparison(
            shipped.NATURALNESS_FOLDER,
            comparison,
            {"commit": commit(), "model_sha256": victim.card.sha256, "device": facts["device"]},
        )
        body += f"\n\n![Metastases lost against visibility]({FIGURE.name})\n\n{provenance(sys.argv, facts)}"
        write_section("corruptions", title, body)


if __name__ == "__main__":
    run_script(main)
