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
    decisive,
    draw_texture,
    settings_of,
)
from benchmarks.natural_sham import Pair, kept, line, roughness
from benchmarks.naturalness import draw_frontier
from snapgui.data.datasets import PatchSet
from snapgui.engine.cells.outlines import draw_mask
from snapgui.engine.detector.cases import Case
from snapgui.engine.nuclei import find_nuclei
from snapgui.engine.presets import PRESETS
from snapgui.engine.settings import AttackSettings
from snapgui.engine.sham import Sham
from snapgui.statistics import share


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


def test_kept_pictures_do_not_hang_on_stains_that_they_did_not_use() -> None:
    assert "stains" not in decisive(PRESETS["natural"].attack) and "stains" not in decisive(AttackSettings())
    assert decisive(AttackSettings(gamut="stain"))["stains"] == "own"


def test_a_source_whose_every_sham_fools_is_lost_and_counted(tissue: np.ndarray) -> None:
    mask = np.zeros(tissue.shape[:2], bool)
    mask[10:14, 10:14] = True
    case = Case("name", tissue, tissue // 2, mask, True)
    pairs = [
        Pair(case, Sham(tissue // 3, 0.0, fooled, True, tries)) for fooled, tries in ((False, 4), (True, 63))
    ]
    snaps, shams = kept(pairs)
    assert snaps == [case] and (shams[0].altered == tissue // 3).all()
    flat = np.where(np.arange(96)[:, None, None] % 2, 10, 40) * np.ones((96, 96, 3), np.uint8)
    assert roughness(flat, mask) == pytest.approx(15), "across nothing, down 30"
    level = {kind: {"auc": 0.57, "low": 0.5, "high": 0.6} for kind in ("linear", "trees", "network")}
    numbers = {
        "first_fooled": share(2, 2),
        "lost": share(1, 2),
        "tries": {5: 1},
        "change": [9.0, 9.1],
        "rougher": 1.0,
        "detector": {"cell": level, "picture": level},
    }
    assert line("paper", numbers)[2:4] == ["1 of 2: 50.0 % (9.5 to 90.5)", "5 in 1"]
