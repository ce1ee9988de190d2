"""How natural patches are, and how often they fool: detectors trained anew on patches of each condition made
from ``train``, judged on other slides.

`python benchmarks/naturalness.py --cache DIR [--train-images N] [--images N] [--write]`: pictures and numbers
are kept image by image and gone on with after a kill; a larger N begins with the images of a smaller one.
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

from benchmarks.natural_pictures import CONDITIONS, WORDS, Chosen, Shelf, cases_of, choose, commit
from benchmarks.options import run_script, victim_facts
from benchmarks.patches import open_hcd
from benchmarks.results import provenance, table, write_section
from snapgui import shipped
from snapgui.audit.plan import DONOR_COUNT
from snapgui.engine.detector.cases import Case
from snapgui.engine.victim.memory import keep_freed_memory
from snapgui.engine.victim.victim import Victim, choose_device
from snapgui.naturalness.measure import measure_condition, strongest
from snapgui.naturalness.words import HEAD, condition_cells, explanation
from snapgui.workspace import write_whole

FIGURE = Path(__file__).with_name("naturalness.svg")


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--cache", type=Path, required=True, help="where pictures and numbers are kept")
    parser.add_argument("--train-images", type=int, default=300, help="of train, for the detectors")
    parser.add_argument("--images", type=int, default=300, help="of the split that is judged")
    parser.add_argument("--split", default="val_slides")
    parser.add_argument("--only", nargs="+", choices=CONDITIONS, default=list(CONDITIONS))
    parser.add_argument(
        "--data", type=Path, default=None, help="folder of the patches; else what SNAP_HCD_DIR names"
    )
    parser.add_argument("--model", type=Path, default=shipped.MODEL)
    parser.add_argument("--device", default="cpu", help="auto, cpu or cuda")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument(
        "--write", action="store_true", help="write the section of RESULTS.md and the figure beside it"
    )
    return parser.parse_args()


def numbers_of(
    cache: Path, condition: str, tried: list[Case], training: list[Case], names: Mapping[str, Chosen]
) -> dict[str, Any]:
    """The numbers of one condition; kept, so that they are not measured again for the same pictures."""
    decides = hashlib.sha256()
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
    """Success against both detectors and the colour difference, one point a condition, as an SVG file."""
    import matplotlib.pyplot as plt

    figure, axes = plt.subplots(1, 3, figsize=(13, 4.6), sharey=True, layout="constrained")
    kinds = ("cells: detector's AUC", "pictures: detector's AUC", "mean CIEDE2000 in the mask")
    for panel, kind in zip(axes, kinds, strict=True):
        for place, (name, own) in enumerate(numbers.items()):
            level = kind.split(":")[0].removesuffix("s")
            x = strongest(own, level)["auc"] if "AUC" in kind else own["mean_de00_mask"]
            flips = own["flipped"]["share"] * 100
            panel.plot(x, flips, "o", color=f"C{place}", label=WORDS[name].replace("`", ""))
        panel.set_xlabel(kind)
        panel.grid(alpha=0.3)
        if "AUC" in kind:
            panel.axvline(0.5, color="grey", linewidth=0.8)
    axes[0].set_ylabel("class flips, %")
    figure.legend(*axes[0].get_legend_handles_labels(), loc="outside lower center", ncols=3, fontsize=8)
    figure.savefig(path, metadata={"Date": None})
    plt.close(figure)


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
    found: dict[str, dict[str, Any]] = {}
    makers: set[str] = set()
    for condition in args.only:
        cases = {}
        for part, split in splits.items():
            shelves = [Shelf(args.cache, name, split, victim, donors) for name in (condition, "natural")]
            cases[part] = cases_of(shelves[0], chosen[part], shelves[1], lambda text: print(text, flush=True))
            makers |= shelves[0].makers(chosen[part])
        found[condition] = numbers_of(args.cache, condition, cases["tried"], cases["training"], chosen)
        print(" | ".join(condition_cells(condition, found[condition])), flush=True)
    lines = [condition_cells(WORDS[name], own) for name, own in found.items()]
    title = f"How natural are patches? Metastases of {args.split}"
    body = f"{table(HEAD, lines)}\n\n{explanation(found)}"
    print(f"\n{title}\n\n{body}")
    if args.write:
        draw_frontier(found, FIGURE)
        facts = victim_facts(victim, "scikit-learn") | {
            "commit": commit(),
            "pictures made by commit": ", ".join(sorted(makers)),
            "patches": (
                f"{len(chosen['tried'].names)} correctly classified metastases of {args.split}, "
                f"{len(chosen['training'].names)} of train, in a fixed random order"
            ),
        }
        body += f"\n\n![Success against detectability]({FIGURE.name})\n\n{provenance(sys.argv, facts)}"
        write_section("naturalness", title, body)


if __name__ == "__main__":
    run_script(main)
