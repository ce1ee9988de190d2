"""Painted nuclei keep to the slide's stains, fade at their rims, and are what their codes say."""

from dataclasses import replace

import cv2
import numpy as np
import pytest
import torch

from snapgui.engine.attack.loop import run_attack
from snapgui.engine.attack.nucleus import FARTHEST, PaintedNuclei
from snapgui.engine.attack.objectives import Targeted
from snapgui.engine.attack.optimisers import Observation, Rule, SignMomentum
from snapgui.engine.attack.packing import compose, round_through
from snapgui.engine.attack.texture import fit_texture
from snapgui.engine.cells.outlines import draw_mask
from snapgui.engine.cells.placement import place_cells
from snapgui.engine.checks import check_run
from snapgui.engine.generator.grids import nuclei_range, stain_range
from snapgui.engine.images import to_image, to_pixels
from snapgui.engine.presets import PRESETS
from snapgui.engine.stains import stain_amounts
from snapgui.errors import MaskError
from snapgui.progress import drain
from snapgui.report.verify.retouch import beyond_bound
from snapgui.runs.records import RunRequest
from snapgui.runs.run import run_snap

FEW = PRESETS["few"]


class StandStill(SignMomentum):
    """A rule that never moves."""

    def step(self, seen: Observation) -> None:
        pass


@pytest.fixture
def mask(tissue: np.ndarray) -> np.ndarray:
    """Four cells, two of them on drawn nuclei."""
    drawn = np.zeros(tissue.shape[:2], np.uint8)
    for x, y in ((9, 9), (35, 24), (55, 50), (70, 16)):
        cv2.circle(drawn, (x, y), 5, 1, -1)
    return drawn.astype(bool)


def painted(tissue: np.ndarray, mask: np.ndarray, position=None, **how) -> np.ndarray:
    images, masks = to_image(tissue)[None], torch.from_numpy(mask)[None, None]
    texture = PaintedNuclei(images, masks, bound=2.5, **how)
    at = texture.start(0) if position is None else position(texture)
    everything = torch.arange(len(texture.rows)), torch.arange(len(texture.pixels.rows))
    colours = round_through(texture.colours(at, *everything))
    return to_pixels(compose(images, texture.pixels.places, colours)[0])


def test_each_cell_has_its_codes_and_nothing_outside_changes(tissue, mask) -> None:
    def one_cell_alone(texture: PaintedNuclei) -> torch.Tensor:
        assert texture.rows.tolist() == [0] * 4 and texture.start(0).shape == (4, 128)
        position = texture.start(0)
        position[2] = 1 - position[2]
        return position

    start, other = painted(tissue, mask), painted(tissue, mask, one_cell_alone)
    assert (start == tissue)[~mask].all() and (start != tissue)[mask].any()
    _, labels = cv2.connectedComponents(mask.astype(np.uint8), connectivity=4)
    differs = (start != other).any(axis=2)
    # Cells are numbered from the top; the third is the one at (35, 24).
    assert set(np.unique(labels[differs])) == {3} and labels[24, 35] == 3


def test_what_is_painted_is_made_of_the_slides_stains_alone(tissue, mask) -> None:
    drawn = painted(tissue, mask, lambda texture: texture.start(1), seed=4)
    assert np.abs(drawn.astype(int) - tissue)[mask].mean() > 8
    assert beyond_bound(tissue, drawn, None).sum() == 0
    assert beyond_bound(tissue, drawn, 0.1).sum() > 50
    again = painted(tissue, mask, lambda texture: texture.start(1), seed=4)
    assert (again == drawn).all()
    assert (painted(tissue, mask, lambda texture: texture.start(1), seed=5) != drawn).any()


def test_codes_are_together_no_farther_off_than_those_of_nuclei(tissue, mask) -> None:
    corner, farthest = (
        painted(tissue, mask, lambda texture, at=at: torch.full((4, 128), at))
        for at in (1.0, 0.5 + 0.5 * FARTHEST / (2.5 * 128**0.5))
    )
    nearer = painted(tissue, mask, lambda texture: torch.full((4, 128), 0.6))
    assert (corner == farthest).all() and (corner != nearer).any()


@pytest.mark.parametrize("end", [0, 1])
def test_no_pixel_gets_more_or_less_of_a_stain_than_nuclei_have(tissue, mask, end: int) -> None:
    own = nuclei_range(tissue, stain_range(tissue))
    drawn = painted(tissue, mask, lambda texture: torch.full((4, 128), float(end)))
    before, after = (stain_amounts(picture[mask] / 255, own.stains)[0] for picture in (tissue, drawn))
    # Rounding to 8 bits moves the amounts of dark pixels a little.
    assert (after < np.maximum(before, own.high) + 0.05).all()
    assert (after > np.minimum(before, own.low) - 0.05).all()


def test_change_is_counted_from_the_likely_nucleus(tissue, mask) -> None:
    images, masks = to_image(tissue)[None], torch.from_numpy(mask)[None, None]
    texture = fit_texture(FEW.attack, images, masks)
    likely = to_pixels(compose(images, texture.pixels.places, round_through(texture.reference()))[0])
    assert (likely == painted(tissue, mask)).all()
    grey = likely.astype(int).sum(axis=2)
    # On bare ground a nucleus is painted: darker than the ground was.
    assert grey[50, 55] < tissue.astype(int).sum(axis=2)[50, 55] - 30


def test_codes_go_further_by_adam_than_by_signs(tissue, mask, shipped_victim) -> None:
    images, masks = to_image(tissue)[None], torch.from_numpy(mask)[None, None]
    settings = replace(FEW.attack, least_change=False, confidence=1.0, steps=20)

    def margin(rule: Rule | None) -> float:
        texture = fit_texture(settings, images, masks)
        *_, step = run_attack(
            shipped_victim,
            images,
            masks,
            objective=Targeted(0),
            texture=texture,
            settings=settings,
            optimiser=rule,
        )
        return float(Targeted(0).margin(shipped_victim(step.best_images)))

    assert margin(None) > max(margin(SignMomentum), margin(StandStill))


def test_a_run_of_the_preset_paints_and_can_be_repeated(tissue, shipped_victim) -> None:
    attack = replace(FEW.attack, steps=2)
    cells = place_cells(shipped_victim, tissue, FEW.cells, attack)
    mask = draw_mask(cells, (96, 96))
    assert 0.04 < mask.mean() <= 0.07
    request = RunRequest(pixels=tissue, mask=mask, attack=attack, image_name="drawn")
    first, second = (drain(run_snap(shipped_victim, request)) for _ in range(2))
    assert (first.adversarial == second.adversarial).all()
    assert (first.adversarial != tissue).any(axis=2).sum() > 50
    assert "random nuclei" in first.controls


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        (
            lambda tissue, mask: (tissue[..., :1].repeat(3, axis=2), mask),
            "The image is grey: it has no stains",
        ),
        (lambda tissue, mask: (tissue, np.eye(96, dtype=bool)), "too thin: nothing of them lies inside"),
        (
            lambda tissue, mask: (
                cv2.resize(tissue, (240, 240)),
                cv2.resize(mask.astype(np.uint8), (240, 240)).astype(bool),
            ),
            "the image is of another scale. Resize it to about 0.97",
        ),
    ],
)
def test_what_cannot_be_painted_is_said(tissue, mask, shipped_victim, spoil, words: str) -> None:
    pixels, cells = spoil(tissue, mask)
    finding, *_ = check_run(shipped_victim, pixels, cells, FEW.attack)
    assert finding.level == "error" and words in finding.text
    request = RunRequest(pixels=pixels, mask=cells, attack=FEW.attack, image_name="drawn")
    with pytest.raises(MaskError, match=words[:20]):
        next(run_snap(shipped_victim, request))


def test_a_missing_generator_is_said(tissue, mask, shipped_victim, monkeypatch, tmp_path) -> None:
    monkeypatch.setenv("SNAP_GENERATOR", str(tmp_path / "gone.safetensors"))
    finding, *_ = check_run(shipped_victim, tissue, mask, FEW.attack)
    assert "needs a generator of nuclei, and gone.safetensors is not there" in finding.text
