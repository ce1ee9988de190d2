"""The benchmark of corruptions: SNAP's pictures come from the cache, and the figure is drawn."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from benchmarks.corruptions import cached_subjects, draw
from benchmarks.natural_pictures import Shelf
from snapgui.corruptions.measure import UNTOUCHED, CorruptionSettings, measure
from snapgui.corruptions.store import Comparison
from snapgui.corruptions.summary import summarise
from snapgui.data.datasets import PatchSet
from snapgui.engine.detector.cases import Case


@pytest.fixture
def patches(tissue: np.ndarray) -> PatchSet:
    pictures = [np.roll(tissue, 5 * k, axis=0) for k in range(4)]
    ids = tuple(f"patch{k}" for k in range(4))
    return PatchSet(ids, np.array([0, 1, 1, 0]), ("val",) * 4, lambda row: pictures[row], np.arange(4))


def test_kept_pictures_of_snap_stand_beside_corruptions_of_the_same_patches(
    tmp_path: Path, patches: PatchSet, linear_victim
) -> None:
    victim, mask = linear_victim(), np.zeros((96, 96), bool)
    mask[10:50, 10:50] = True
    shelf = Shelf(tmp_path, "natural", "val", victim, patches)
    for k in (1, 2):
        own = patches.pixels(k)
        altered = np.where(mask[..., None], own // 2, own)
        shelf.save(f"patch{k}", Case(f"patch{k}", own, altered, mask, True) if k == 1 else None)
    subjects = cached_subjects(tmp_path, patches, victim, ["natural"], "val", 2)
    assert sorted(subjects.labels) == [0, 0, 1, 1] and subjects.labels[0] == 1
    snap = {name: subjects.snap["natural"](place) for place, name in enumerate(subjects.names)}
    assert [name for name, picture in snap.items() if picture is not None] == ["patch1"]
    settings = CorruptionSettings(kinds=("jpeg",), grades=(1, 5))
    rows = [
        row
        for condition in (UNTOUCHED, "natural", "jpeg")
        for row in measure(victim, subjects, range(4), condition, settings)
    ]
    numbers = summarise(pd.DataFrame(rows), ["natural"])
    assert numbers["images"]["lost"]["of"] == 2 and len(numbers["corruptions"]) == 2
    # With two patches of a class nothing need be recognised; the figure is drawn of what there is.
    for point in (*numbers["corruptions"], *numbers["snap"]["natural"]):
        point["lost"] = {
            "flipped": {"share": 0.5, "interval": [0.2, 0.8]},
            "de00": {"mean": 1.0},
            "ssim": {"mean": 0.9},
        }
    draw(Comparison("four.", numbers, {"natural": "natural"}), tmp_path / "figure.svg")
    assert (tmp_path / "figure.svg").read_text(encoding="utf-8").count("<svg") == 1
