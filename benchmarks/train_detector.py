"""The small detector in ``assets/detector``: trained on patches of every texture made from ``train``, its
threshold set on other real nuclei.

`python benchmarks/train_detector.py --cache DIR [--images N] [--write]`: pictures are made by the shelves of
`natural_pictures.py`, kept image by image and gone on with after a kill. A texture joins by its condition's
name in `TRAINED_ON`; one without pictures yet is made first. `--tell` judges the shipped one on more images.
"""

import argparse
import json
import sys
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression
from sklearn.preprocessing import StandardScaler

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from benchmarks.natural_pictures import Chosen, Shelf, cases_of, choose
from benchmarks.options import run_script
from benchmarks.patches import open_hcd
from benchmarks.results import commit, shown_command
from snapgui import shipped
from snapgui.audit.plan import DONOR_COUNT
from snapgui.data.datasets import PatchSet
from snapgui.engine.detector.cases import Case
from snapgui.engine.detector.crops import cell_places, nuclei_places, take_crops
from snapgui.engine.detector.features import FEATURES, crop_features
from snapgui.engine.detector.linear import LinearDetector, shipped_detector
from snapgui.engine.images import sha256
from snapgui.engine.victim.memory import keep_freed_memory
from snapgui.engine.victim.victim import Victim, choose_device
from snapgui.engine.visibility.naturalness import look_of, measure_naturalness
from snapgui.statistics import area_under_curve, wilson_interval
from snapgui.workspace import write_whole

# Every way to alter cells that a user may choose, and what is like it without being an attack.
TRAINED_ON = ("natural", "few", "paper", "strong", "stain", "sham", "draws", "calm draws")
# Told in the card; real nuclei elsewhere are no texture of ours, and untouched places are no change.
TOLD = (*TRAINED_ON, "pasted", "places")
CARD = shipped.DETECTOR.with_name("card.json")
FALSE_ALARMS = 0.05
STRENGTH = 30.0
Values = NDArray[np.float64]


@dataclass(frozen=True)
class Seen:
    """Features ``(K, F)`` of crops of one image."""

    image: str
    features: Values


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--cache", type=Path, required=True, help="where pictures are kept")
    parser.add_argument(
        "--images", type=int, default=40, help="altered images of train, and of the split told"
    )
    parser.add_argument("--untouched", type=int, default=1000, help="images each of train and val_random")
    parser.add_argument("--split", default="val_slides", help="on which detection is told")
    parser.add_argument("--conditions", nargs="+", choices=TOLD, default=list(TOLD))
    parser.add_argument(
        "--data", type=Path, default=None, help="folder of the patches; else what SNAP_HCD_DIR names"
    )
    parser.add_argument("--model", type=Path, default=shipped.MODEL)
    parser.add_argument("--device", default="cpu", help="auto, cpu or cuda")
    parser.add_argument(
        "--tell",
        action="store_true",
        help="train nothing: judge the shipped detector again, of --conditions and --images of the split",
    )
    parser.add_argument("--write", action="store_true", help="write the detector and its card into assets")
    return parser.parse_args()


def look(cases: Iterable[Case]) -> tuple[list[Seen], list[Seen]]:
    """The cells of each case as they are now, and the same places before."""
    after, before = [], []
    for case in cases:
        middles = cell_places(case.mask, nuclei_places(case.original)).middles
        after.append(Seen(case.name, crop_features(take_crops(case.altered, middles))))
        before.append(Seen(case.name, crop_features(take_crops(case.original, middles))))
    return after, before


def look_at_nuclei(patches: PatchSet, without: Sequence[str], count: int) -> list[Seen]:
    """All nuclei of at most ``count`` untouched images of both classes, in a fixed random order."""
    found = []
    for index in np.random.default_rng(1).permutation(len(patches)):
        if len(found) == count:
            break
        if patches.ids[int(index)] not in without:
            pixels = patches.pixels(int(index))
            crops = take_crops(pixels, nuclei_places(pixels).middles)
            found.append(Seen(patches.ids[int(index)], crop_features(crops)))
    return found


def together(seen: Iterable[Seen]) -> Values:
    return np.concatenate([np.empty((0, len(FEATURES))), *(one.features for one in seen)])


def fit(altered: Sequence[Values], real: Values, others: Values) -> LinearDetector:
    """Train, every condition of ``altered`` weighing the same and all together as much as real crops; the
    threshold lets through all but `FALSE_ALARMS` of ``others``, real nuclei of other images.
    """
    features = np.concatenate([*altered, real])
    labels = np.concatenate([np.ones(sum(map(len, altered))), np.zeros(len(real))])
    weights = np.concatenate(
        [
            *(np.full(len(one), 1 / len(one) / len(altered)) for one in altered),
            np.full(len(real), 1 / len(real)),
        ]
    )
    scaler = StandardScaler().fit(features)
    regression = LogisticRegression(C=STRENGTH, max_iter=10_000)
    regression.fit(scaler.transform(features), labels, sample_weight=weights * len(labels) / 2)
    detector = LinearDetector(
        scaler.mean_, scaler.scale_, regression.coef_[0], float(regression.intercept_[0]), 0.0, FALSE_ALARMS
    )
    return replace(detector, threshold=float(np.quantile(detector.score_features(others), 1 - FALSE_ALARMS)))


def picked_out(detector: LinearDetector, seen: Sequence[Seen]) -> dict[str, Any]:
    """Share of the crops that are picked out, with a 95 % interval that knows that crops of one image are no
    further images: Wilson's for as many independent crops as they are worth (Korn and Graubard 1998).
    """
    picks = [detector.score_features(one.features) > detector.threshold for one in seen if len(one.features)]
    sizes = np.array([len(one) for one in picks], dtype=float)
    counts = np.array([one.sum() for one in picks], dtype=float)
    rate = float(counts.sum() / sizes.sum())
    variance = float(((counts - rate * sizes) ** 2).sum() / sizes.sum() ** 2)
    worth = rate * (1 - rate) / variance if variance else float(len(sizes))
    worth = min(max(worth, len(sizes)), sizes.sum())
    return {
        "images": len(sizes),
        "crops": int(sizes.sum()),
        "picked_out": int(counts.sum()),
        "share": round(rate, 4),
        "interval": [round(end, 4) for end in wilson_interval(rate * worth, worth)],
    }


def looks(detector: LinearDetector, cases: Iterable[Case]) -> dict[str, int]:
    """How many pictures get which word."""
    found = (look_of(measure_naturalness(case.original, case.altered, case.mask, detector)) for case in cases)
    return dict(sorted(Counter(found).items()))


def area(detector: LinearDetector, after: Sequence[Seen], before: Sequence[Seen]) -> float | None:
    """Area under the ROC curve of cells against the same places before."""
    scores = [detector.score_features(together(part)) for part in (before, after)]
    labels = np.repeat([0, 1], [len(part) for part in scores])
    found = area_under_curve(labels, np.concatenate(scores))
    return round(found, 3)


def held_out(
    seen: Mapping[str, tuple[list[Seen], list[Seen]]], real: list[Seen], others: Values
) -> dict[str, Any]:
    """Each condition judged by detectors that have not seen the image, five parts of the images of train."""
    names = sorted({one.image for after, _ in seen.values() for one in after})
    results: dict[str, list[float]] = {name: [] for name in seen}
    for part in range(5):
        own = set(names[part::5])
        training = {
            name: [[one for one in side if one.image not in own] for side in sides]
            for name, sides in seen.items()
        }
        detector = fit_all(training, real, others)
        for name, sides in seen.items():
            after, before = ([one for one in side if one.image in own] for side in sides)
            results[name].append(area(detector, after, before) or 0.0)
    return {name: round(float(np.mean(found)), 3) for name, found in results.items()}


def fit_all(
    seen: Mapping[str, Sequence[Sequence[Seen]]], real: Sequence[Seen], others: Values
) -> LinearDetector:
    """On all conditions: altered cells against the same places before and nuclei of other images."""
    before = [together(sides[1]) for sides in seen.values()]
    return fit(
        [together(sides[0]) for sides in seen.values()], np.concatenate([*before, together(real)]), others
    )


def main() -> None:
    args = parse()
    commit()  # Of now, whatever is edited while this runs.
    keep_freed_memory()
    torch.set_num_threads(1)
    victim = Victim.load(args.model, device=choose_device(args.device))
    everything = open_hcd(args.data)
    train = everything.split("train")
    donors = train.subset(np.flatnonzero(train.labels == 0)).sample(DONOR_COUNT, seed=1)
    splits = (args.split,) if args.tell else ("train", args.split)
    chosen = {split: choose(everything.split(split), victim, args.images) for split in splits}

    def cases(condition: str, split: str) -> list[Case]:
        shelves = [Shelf(args.cache, name, split, victim, donors) for name in (condition, "natural")]
        subjects: Chosen = chosen[split]
        return cases_of(shelves[0], subjects, shelves[1], lambda text: print(text, flush=True))

    def tell(detector: LinearDetector) -> dict[str, Any]:
        """What it picks out of each condition of the split."""
        told = {}
        for name in args.conditions:
            tried = cases(name, args.split)
            after, before = look(tried)
            told[name] = {
                "commit": commit(),
                "altered": picked_out(detector, after),
                "same_places_before": picked_out(detector, before),
                "auc_against_before": area(detector, after, before),
                "looks": looks(detector, tried),
            }
            print(name, json.dumps(told[name]), flush=True)
        return told

    if args.tell:
        card = json.loads(CARD.read_text(encoding="utf-8"))
        card["detection"]["conditions"] |= tell(shipped_detector())
        return write_card(card) if args.write else None
    trained_on = [name for name in args.conditions if name in TRAINED_ON]
    seen = {name: look(cases(name, "train")) for name in trained_on}
    nuclei = look_at_nuclei(train, chosen["train"].names, args.untouched)
    real, others = nuclei[: len(nuclei) // 2], together(nuclei[len(nuclei) // 2 :])
    detector = fit_all(seen, real, others)
    untouched = look_at_nuclei(everything.split("val_random"), (), args.untouched)
    alarms = picked_out(detector, untouched)
    detector = replace(detector, false_alarm_rate=alarms["share"])
    data = detector.to_bytes()
    card = {
        "name": "Cells that are not the image's own",
        "kind": "logistic regression on the features of 16 x 16 px crops at 0.97 um/px",
        "sha256": sha256(data),
        "commit": commit(),
        "command": shown_command(sys.argv),
        "trained_on": {
            "split": "train",
            "conditions": {
                name: {"images": len(sides[0]), "cells": len(together(sides[0]))}
                for name, sides in seen.items()
            },
            "real": "the same places before, and all nuclei of other untouched images",
            "untouched_images": len(real),
            "victim_sha256": victim.card.sha256,
        },
        "threshold": {
            "false_alarms_asked": FALSE_ALARMS,
            "set_on": f"{len(others)} nuclei of {len(nuclei) - len(real)} further untouched images of train",
        },
        "false_alarms": {"split": "val_random", "of": "all nuclei of untouched images", **alarms},
        "auc_held_out_on_train": held_out(seen, real, others),
        "detection": {"split": args.split, "conditions": tell(detector)},
        "limits": (
            "Intervals are of images, not of cells. A cell that it does not pick out may still be noticed "
            "by a person, and the other way round. Another stain, scanner or scale brings other false "
            "alarms: compare with the untouched places of the same image."
        ),
    }
    print(json.dumps(card, indent=2))
    if args.write:
        shipped.DETECTOR.parent.mkdir(exist_ok=True)
        write_whole(shipped.DETECTOR, data, advice="Free space.")
        write_card(card)


def write_card(card: Mapping[str, Any]) -> None:
    write_whole(CARD, f"{json.dumps(card, indent=2)}\n".encode(), advice="Free space.")


if __name__ == "__main__":
    run_script(main)
