import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from snapgui.engine.cells.outlines import (
    area_fraction,
    centre_mask,
    draw_mask,
    generate_outline,
    outlines_of,
    read_mask,
    touches_centre,
)
from snapgui.engine.cells.proposals import propose_cells
from snapgui.engine.images import encode_png
from snapgui.engine.nuclei import find_nuclei, tissue_mask
from snapgui.engine.settings import CellSettings
from snapgui.errors import ImageError, MaskError, SettingsError

SHAPE = (96, 96)


def dense_tissue(seed: int = 0) -> np.ndarray:
    rng = np.random.default_rng(seed)
    return np.clip(rng.normal((190, 130, 170), 12, (*SHAPE, 3)), 0, 255).astype(np.uint8)


def test_every_drawn_nucleus_is_found(tissue: np.ndarray) -> None:
    outlines = find_nuclei(tissue)
    assert len(outlines) == 42
    middles = np.array([outline.mean(axis=0) for outline in outlines])
    truth = np.array([(x, y) for y in range(9, 92, 15) for x in range(9, 92, 13)])
    nearest = np.linalg.norm(truth[:, None] - middles[None], axis=2).min(axis=1)
    assert nearest.max() < 1.0, "outlines are off their nuclei by a pixel or more"
    areas = np.array([draw_mask([outline], SHAPE).sum() for outline in outlines])
    assert abs(np.median(areas) - np.pi * 4.25**2) < 15


def test_glass_and_a_flat_field_have_no_nuclei() -> None:
    assert find_nuclei(np.full((*SHAPE, 3), 245, np.uint8)) == []
    assert find_nuclei(np.full((*SHAPE, 3), (200, 140, 180), np.uint8)) == []


def test_tissue_is_neither_glass_nor_black() -> None:
    field = dense_tissue()
    field[:48] = 245
    mask = tissue_mask(field)
    assert not mask[:44].any() and mask[52:].all()
    assert not tissue_mask(np.zeros((*SHAPE, 3), np.uint8)).any()


@settings(max_examples=40, deadline=None)
@given(
    count=st.integers(1, 25),
    area=st.floats(0.01, 0.15),
    centre=st.sampled_from(["open", "excluded"]),
    seed=st.integers(0, 10_000),
)
def test_scattered_cells_hold_the_budget_the_gap_and_the_centre(
    count: int, area: float, centre, seed: int
) -> None:
    config = CellSettings(count=count, area=area, centre=centre, seed=seed)
    if area * 96 * 96 / count < 4:
        with pytest.raises(MaskError, match="less than 4 px each"):
            propose_cells(dense_tissue(), config)
        return
    try:
        outlines = propose_cells(dense_tissue(), config)
    except MaskError as error:
        assert "found room" in str(error) and centre == "excluded" and area / count > 0.05
        return
    mask = draw_mask(outlines, SHAPE)
    assert len(outlines) == count
    assert abs(mask.sum() - area * 96 * 96) <= max(0.5 * area * 96 * 96 / count, 0.5)
    assert sum(draw_mask([outline], SHAPE).sum() for outline in outlines) == mask.sum(), "cells overlap"
    if centre == "excluded":
        assert not touches_centre(mask)
    again = draw_mask(propose_cells(dense_tissue(), config), SHAPE)
    assert (again == mask).all(), "same seed, another mask"


def test_other_seed_other_mask() -> None:
    first, second = (
        draw_mask(propose_cells(dense_tissue(), CellSettings(seed=seed)), SHAPE) for seed in (0, 1)
    )
    assert (first != second).any()


@pytest.mark.parametrize("centre", ["open", "excluded"])
@pytest.mark.parametrize(("count", "area"), [(6, 0.03), (12, 0.05), (30, 0.15)])
def test_nuclei_hold_the_budget_and_lie_on_nuclei(
    tissue: np.ndarray, centre, count: int, area: float
) -> None:
    config = CellSettings(count=count, area=area, centre=centre, placement="nuclei")
    outlines = propose_cells(tissue, config)
    mask = draw_mask(outlines, SHAPE)
    assert abs(mask.sum() - area * 96 * 96) <= 0.5 * area * 96 * 96 / count
    assert centre == "open" or not touches_centre(mask)
    if count <= 12:
        dark = tissue.mean(axis=2) < 140
        assert (mask & dark).sum() > 0.75 * mask.sum()


def test_cells_lie_on_tissue_only() -> None:
    field = dense_tissue()
    field[:, 48:] = 245
    mask = draw_mask(propose_cells(field, CellSettings()), SHAPE)
    assert not (mask & ~tissue_mask(field)).any()


def test_what_cannot_be_placed_is_said(tissue: np.ndarray) -> None:
    glass = np.full((*SHAPE, 3), 245, np.uint8)
    with pytest.raises(MaskError, match="tissue open to cells"):
        propose_cells(glass, CellSettings())
    with pytest.raises(MaskError, match="less than 4 px each"):
        propose_cells(tissue, CellSettings(count=100, area=0.01))
    with pytest.raises(SettingsError, match="area is 0"):
        CellSettings(area=0)
    with pytest.raises(SettingsError, match="centre is “shut”"):
        CellSettings(centre="shut")  # type: ignore[arg-type]


@given(seed=st.integers(0, 10_000), diameter=st.floats(5, 40))
def test_generated_outlines_have_the_area_of_their_diameter(seed: int, diameter: float) -> None:
    outline = generate_outline(diameter, np.random.default_rng(seed)).astype(np.float64)
    x, y = outline.T
    area = abs(np.sum(x * np.roll(y, -1) - np.roll(x, -1) * y)) / 2
    assert abs(area / (np.pi * (diameter / 2) ** 2) - 1) < 0.02


@given(seed=st.integers(0, 1000))
def test_filling_agrees_with_the_area_of_a_polygon(seed: int) -> None:
    rng = np.random.default_rng(seed)
    outline = generate_outline(30, rng) + rng.uniform(40, 56, 2).astype(np.float32)
    assert abs(draw_mask([outline], SHAPE).sum() - np.pi * 15**2) < 0.05 * np.pi * 15**2


def test_outlines_of_a_mask_give_the_mask_back_nearly() -> None:
    mask = draw_mask(propose_cells(dense_tissue(), CellSettings(count=5, area=0.1)), SHAPE)
    back = draw_mask(outlines_of(mask), SHAPE)
    assert (back & ~mask).sum() == 0 and len(outlines_of(mask)) == 5


def test_masks_are_read_and_checked() -> None:
    mask = np.zeros(SHAPE, bool)
    mask[3:9, 4:10] = True
    data = encode_png(mask.astype(np.uint8) * 255)
    assert (read_mask(data, shape=SHAPE) == mask).all()
    assert area_fraction(mask) == 36 / 9216
    with pytest.raises(MaskError, match="96 x 96 px and the image 64 x 48 px"):
        read_mask(data, shape=(48, 64))
    with pytest.raises(MaskError, match="marks no pixel"):
        read_mask(encode_png(np.zeros(SHAPE, np.uint8)), shape=SHAPE)
    with pytest.raises(ImageError, match="not a PNG"):
        read_mask(b"words", shape=SHAPE)


def test_centre_is_the_central_32_px() -> None:
    centre = centre_mask(SHAPE)
    assert centre.sum() == 32 * 32 and centre[32:64, 32:64].all()
