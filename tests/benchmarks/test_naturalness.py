"""Pictures of the naturalness benchmark: kept, drawn without looking at the victim, by peers; what ships."""

import json
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from skimage.color import deltaE_ciede2000, rgb2lab

from benchmarks.natural_conditions import CONDITIONS, Work, calm_draw, draw_texture, in_cells
from benchmarks.natural_pictures import UNRECORDED, Chosen, Shelf, cases_of, decisive
from benchmarks.natural_sham import Pair, kept, line, roughness
from benchmarks.naturalness import draw_frontier, write_shipped
from benchmarks.perceptual import ciede2000, lab_of, perc_al
from snapgui.data.datasets import PatchSet
from snapgui.engine.cells.outlines import draw_mask
from snapgui.engine.detector.cases import Case
from snapgui.engine.images import read_pixels, to_image, to_pixels
from snapgui.engine.nuclei import find_nuclei
from snapgui.engine.presets import PRESETS
from snapgui.engine.settings import AttackSettings
from snapgui.engine.sham import Sham
from snapgui.errors import DataError, SettingsError
from snapgui.naturalness.frontier import AXES, read_shipped, shipped_examples, success
from snapgui.statistics import share


def settings_of(name: str) -> tuple[object, object]:
    return CONDITIONS[name].cells, CONDITIONS[name].attack


def test_controls_and_peers_share_the_cells_of_what_they_stand_beside() -> None:
    natural, paper = settings_of("natural"), settings_of("paper")
    assert natural == (PRESETS["natural"].cells, PRESETS["natural"].attack)
    assert settings_of("sham") == settings_of("draws") == settings_of("calm draws") == natural
    assert settings_of("places") == settings_of("pasted") == settings_of("whole") == paper
    assert settings_of("art") == settings_of("square") == paper and settings_of("perc-al") == natural
    assert settings_of("stain")[1].gamut == "stain"
    assert CONDITIONS["natural excluded"].cells == replace(natural[0], centre="excluded")


def test_what_was_kept_before_there_were_peers_is_found_again(tmp_path: Path, linear_victim) -> None:
    nothing = PatchSet((), np.zeros(0, np.int64), (), lambda row: row, np.zeros(0, np.int64))
    names = {
        name: Shelf(tmp_path, name, "train", linear_victim(), nothing).folder.name for name in CONDITIONS
    }
    assert names["natural"].split("-")[-1] == names["draws"].split("-")[-1] != names["sham"].split("-")[-1]
    assert len({names[name].split("-")[-1] for name in ("paper", "art", "square", "stain", "perc-al")}) == 5


@pytest.fixture
def work(tissue: np.ndarray, linear_victim) -> Work:
    nothing = np.zeros(0, np.int64)
    donors = PatchSet((), nothing, (), lambda row: tissue, nothing)
    own = CONDITIONS["paper"]
    return Work(linear_victim(), donors, own.cells, own.attack, ["tissue"], [tissue])


def test_the_square_has_as_many_pixels_as_the_cells(work: Work) -> None:
    ((cells,), (square,)) = in_cells(work), CONDITIONS["square"].place(work)
    assert square.sum() == cells.sum()
    rows, columns = np.nonzero(square)
    assert np.ptp(rows) <= np.ptp(columns) + 1


def test_without_art_one_sentence_says_how_to_get_it(work: Work, monkeypatch) -> None:
    monkeypatch.setitem(sys.modules, "benchmarks.peers", None)
    with pytest.raises(SettingsError, match="benchmarks/requirements.txt"):
        CONDITIONS["art"].make(replace(work, masks=in_cells(work)))


def test_ciede2000_with_a_gradient_is_that_of_scikit_image() -> None:
    rng = np.random.default_rng(0)
    first, second = rng.integers(0, 256, (2, 40, 40, 3), dtype=np.uint8)
    second[:10] = np.clip(first[:10].astype(int) + rng.integers(-3, 4, (10, 40, 3)), 0, 255)
    first[0], second[1], second[2] = first[0, :, :1], second[1, :, :1], first[2]
    images = [
        torch.from_numpy(one / 255).permute(2, 0, 1)[None].requires_grad_(True) for one in (first, second)
    ]
    found = ciede2000(*map(lab_of, images))
    np.testing.assert_allclose(
        found[0].detach(), deltaE_ciede2000(rgb2lab(first), rgb2lab(second)), atol=2e-6
    )
    found.sum().backward()
    assert all(torch.isfinite(image.grad).all() for image in images)


def test_perc_al_flips_inside_the_mask_with_less_and_less_colour_difference(tissue, linear_victim) -> None:
    victim, image = linear_victim(scale=0.05), to_image(tissue)[None]
    start = int(victim.predict(image).argmax())
    mask = torch.from_numpy(draw_mask(find_nuclei(tissue), tissue.shape[:2]))[None, None]
    few, many = (perc_al(victim, image, mask, 1 - start, steps=steps) for steps in (8, 60))
    for found in (few, many):
        assert int(victim.predict(found).argmax()) == 1 - start
        assert torch.equal(found[~mask.expand_as(found)], image[~mask.expand_as(image)])
        assert torch.equal(to_image(to_pixels(found[0]))[None], found), "8 bits"
    own = lab_of(image)
    assert ciede2000(own, lab_of(many)).norm() < ciede2000(own, lab_of(few)).norm()


def test_random_draws_stay_in_the_cells_and_calm_ones_change_as_much_as_asked(tissue: np.ndarray) -> None:
    mask = draw_mask(find_nuclei(tissue), tissue.shape[:2])
    attack = CONDITIONS["natural"].attack
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


def stand_in(share: float = 0.9) -> dict[str, object]:
    level = {kind: {"auc": 0.6, "low": 0.5, "high": 0.7} for kind in ("linear", "trees", "network")}
    return {
        "images": 40,
        "trained_on": 40,
        "flipped": {"share": share, "interval": [share - 0.1, share + 0.05]},
        "area": 0.05,
        "mean_de00_mask": 2.8,
        "mean_de00_mask_interval": [2.5, 3.1],
        "mean_flip": 0.02,
        "mean_flip_interval": [0.01, 0.03],
        "beyond_stains": None,
        "detector": {"cell": level, "picture": level},
    }


def test_the_frontier_is_drawn(tmp_path: Path) -> None:
    draw_frontier({"natural": stand_in(), "paper": stand_in()}, tmp_path / "frontier.svg")
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


def test_what_ships_is_read_as_it_was_written_and_old_pictures_go(tmp_path: Path, tissue: np.ndarray) -> None:
    mask = np.zeros(tissue.shape[:2], bool)
    mask[4:20, 8:30] = True
    case = Case("one", tissue, np.where(mask[..., None], tissue // 2, tissue), mask, True)
    (tmp_path / "old.png").write_bytes(b"")
    numbers = {"natural": stand_in(), "places": stand_in(0.1)}
    examples = {"natural": [case], "places": []}
    facts = {"words": "40 of somewhere.", "model_sha256": "f00d"}
    made = {name: {"commit": "abc", "pictures_by": "def"} for name in numbers}
    write_shipped(facts, numbers, made, examples, tmp_path)
    frontier = read_shipped(tmp_path)
    assert frontier.words == "40 of somewhere." and [point.name for point in frontier.points] == list(numbers)
    assert frontier.points[0].words == "natural" and frontier.points[1].family == "control"
    natural = frontier.points[0].numbers
    assert success(natural).low == pytest.approx(0.8) and AXES["FLIP"].read(natural).high == 0.03
    ((read,), words) = shipped_examples("natural", tmp_path)
    assert read.flipped and "synthetic" in words
    for name in ("original", "altered", "mask"):
        np.testing.assert_array_equal(getattr(read, name), getattr(case, name))
    assert not (tmp_path / "old.png").exists()
    assert read_pixels(tmp_path / "one.png").shape == tissue.shape

    # Measured again alone, one condition leaves the others as they were.
    again = replace(case, altered=np.where(mask[..., None], tissue // 3, tissue))
    later = {"few": {"commit": "later", "pictures_by": "later"}}
    about = write_shipped(facts, {"few": stand_in(0.5)}, later, {"few": [again]}, tmp_path)
    assert about == json.loads((tmp_path / "naturalness.json").read_text(encoding="utf-8"))
    assert [own["commit"] for own in about["conditions"].values()] == ["abc", "later", "abc"]
    assert read_shipped(tmp_path).points[0].numbers == natural
    for name, written in (("natural", case), ("few", again)):
        ((read,), _) = shipped_examples(name, tmp_path)
        np.testing.assert_array_equal(read.altered, written.altered)
    write_shipped(facts, {"natural": stand_in()}, made, {"natural": []}, tmp_path)
    assert sorted(path.name for path in tmp_path.glob("*.png")) == [
        "one-few.png",
        "one-natural-mask.png",
        "one.png",
    ]
    with pytest.raises(DataError, match="another model_sha256"):
        write_shipped(facts | {"model_sha256": "beef"}, {"few": stand_in()}, later, {"few": []}, tmp_path)
