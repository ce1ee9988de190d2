"""Pictures of the naturalness benchmark: kept, and drawn without looking at the victim."""

from pathlib import Path

import numpy as np
import pytest

from benchmarks.natural_pictures import (
    CONDITIONS,
    UNRECORDED,
    WORDS,
    Chosen,
    Shelf,
    calm_draw,
    cases_of,
    draw_texture,
    settings_of,
)
from benchmarks.naturalness import draw_frontier
from snapgui.data.datasets import PatchSet
from snapgui.engine.cells.outlines import draw_mask
from snapgui.engine.detector.cases import Case
from snapgui.engine.nuclei import find_nuclei
from snapgui.engine.presets import PRESETS


def test_each_condition_has_its_words_and_controls_share_the_cells_of_what_they_stand_beside() -> None:
    assert set(WORDS) == set(CONDITIONS)
    natural, paper = settings_of("natural"), settings_of("paper")
    assert natural == (PRESETS["natural"].cells, PRESETS["natural"].attack)
    assert settings_of("sham") == settings_of("draws") == settings_of("calm draws") == natural
    assert settings_of("places") == settings_of("pasted") == settings_of("whole") == paper
    assert settings_of("stain")[1].gamut == "stain"


def test_random_draws_stay_in_the_cells_and_calm_ones_change_as_much_as_asked(tissue: np.ndarray) -> None:
    mask = draw_mask(find_nuclei(tissue), tissue.shape[:2])
    attack = settings_of("natural")[1]
    full = draw_texture(tissue, mask, attack, seed=1, share=1.0)
    half = draw_texture(tissue, mask, attack, seed=1, share=0.5)
    np.testing.assert_array_equal(full[~mask], tissue[~mask])
    np.testing.assert_array_equal(draw_texture(tissue, mask, attack, seed=1, share=0.0), tissue)

    def change(picture: np.ndarray) -> float:
        return float(np.abs(picture.astype(int) - tissue)[mask].mean())

    calm = calm_draw(Case("name", tissue, half, mask), attack)
    assert change(calm) == pytest.approx(change(half), rel=0.05)
    assert change(half) < 0.7 * change(full)


def test_what_is_kept_is_not_made_again(
    tmp_path: Path, tissue: np.ndarray, linear_victim, monkeypatch
) -> None:
    nothing = np.zeros(0, np.int64)
    donors = PatchSet((), nothing, (), lambda row: tissue, nothing)
    shelves = [Shelf(tmp_path, name, "train", linear_victim(), donors) for name in ("places", "natural")]
    glass = np.full_like(tissue, 250)
    chosen = Chosen(["tissue", "glass"], [tissue, glass])
    first = cases_of(shelves[0], chosen, shelves[1], lambda text: None)
    assert [case.name for case in first] == ["tissue"], "glass has no room for cells"
    monkeypatch.setattr("benchmarks.natural_pictures._make", None)
    (again,) = cases_of(shelves[0], chosen, shelves[1], lambda text: None)
    np.testing.assert_array_equal(again.mask, first[0].mask)
    assert again.flipped == first[0].flipped
    assert len(shelves[0].makers(chosen)) == 1 and UNRECORDED not in shelves[0].makers(chosen)


def test_the_frontier_is_drawn(tmp_path: Path) -> None:
    level = {kind: {"auc": 0.6, "low": 0.5, "high": 0.7} for kind in ("linear", "trees", "network")}
    numbers = {
        "flipped": {"share": 0.9},
        "mean_de00_mask": 2.8,
        "detector": {"cell": level, "picture": level},
    }
    draw_frontier({"natural": numbers, "paper": numbers}, tmp_path / "frontier.svg")
    assert (tmp_path / "frontier.svg").read_text(encoding="utf-8").count("<svg") == 1
