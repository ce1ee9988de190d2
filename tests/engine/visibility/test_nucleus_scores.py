"""Cells against the image's own nuclei, and the colours that a patch changed."""

import math

import numpy as np
import pytest
from scipy import ndimage

from snapgui import shipped
from snapgui.engine.cells.outlines import fill
from snapgui.engine.images import read_pixels
from snapgui.engine.nuclei import find_nuclei
from snapgui.engine.settings import STAINS
from snapgui.engine.visibility.gamut_shares import gamut_shares
from snapgui.engine.visibility.nucleus_scores import (
    TRAITS,
    measure_traits,
    robust_z,
    score_cells,
    z_over_cells,
)


@pytest.fixture(scope="module")
def field() -> np.ndarray:
    return read_pixels(shipped.DEMO_FOLDER / "metastasis_05.png")


def typical_nuclei(field: np.ndarray) -> list[np.ndarray]:
    """Masks of nuclei that are typical in every trait and lie off the edge."""
    masks = [fill(outline, field.shape[:2]) > 0 for outline in find_nuclei(field)]
    traits = np.concatenate([measure_traits(field, mask.astype(np.int32)) for mask in masks])
    usual = (np.abs(robust_z(traits, traits)) < 1.2).all(axis=1)
    return [
        mask
        for mask, is_usual in zip(masks, usual, strict=True)
        if is_usual and mask[6:-6, 6:-6].sum() == mask.sum()
    ]


def paste(field: np.ndarray, nucleus: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """A copy of a nucleus and of two pixels around it, moved towards the far side: the picture and the
    mask.
    """
    down, right = (
        step if middle < 48 else -step
        for middle, step in zip(ndimage.center_of_mass(nucleus), (31, 17), strict=True)
    )
    moved = np.roll(field, (down, right), axis=(0, 1))
    mask = np.roll(nucleus, (down, right), axis=(0, 1))
    around = ndimage.binary_dilation(mask, iterations=2)
    return np.where(around[..., None], moved, field), mask


def test_a_copied_nucleus_is_like_the_others_and_a_green_square_is_not(field) -> None:
    nuclei = typical_nuclei(field)
    assert nuclei, "the demo field has typical nuclei"
    for nucleus in nuclei[:3]:
        altered, mask = paste(field, nucleus)
        scores = score_cells(field, altered, mask)
        (cell,) = scores.cells
        assert all(abs(cell.z[trait]) < 2 for trait in TRAITS), cell.z
        assert 0.4 < scores.rim_ratio < 2 and scores.sentence is None and scores.nuclei >= 8
    square = np.zeros(field.shape[:2], bool)
    square[30:46, 40:56] = True
    green = field.copy()
    green[square] = (0, 255, 0)
    scores = score_cells(field, green, square)
    (cell,) = scores.cells
    assert (
        cell.z["area_px"] > 5
        and abs(cell.z["haematoxylin"]) > 5
        and cell.z["rim_gradient"] > 5
        and scores.rim_ratio > 3
    )
    assert (
        (cell.x_px, cell.y_px) == (47.5, 37.5)
        and cell.traits["area_px"] == 256
        and cell.traits["solidity"] == 1
    )


def test_robust_z_by_hand() -> None:
    own = np.array([[1.0, 5, 2], [2, 5, 2], [3, 5, 2], [4, 5, 2], [100, 10, 2]])
    scores = robust_z(np.array([[3.0, 5, 2], [6, 6, 2]]), own)
    # Medians 3, 5, 2; MAD 1, then 0 (mean absolute deviation 1), then all alike.
    assert scores[:, 0] == pytest.approx([0, 3 / 1.4826]) and scores[:, 1] == pytest.approx([0, 1 / 1.2533])
    assert np.isnan(scores[:, 2]).all()


def test_traits_by_hand() -> None:
    picture = np.full((40, 40, 3), 255, np.uint8)
    labels = np.zeros((40, 40), np.int32)
    labels[10:20, 10:30] = 1
    picture[labels == 1] = 0
    area, solidity, eccentricity, _, _, rim = measure_traits(picture, labels)[0]
    assert area == 200 and solidity == 1
    # Variances of a 10 x 20 block of pixels, (n^2 - 1) / 12, plus 1/12 for the pixels' own extent.
    assert eccentricity == pytest.approx(math.sqrt(1 - 100 / 400), abs=1e-2)
    # White to black is 100 in L*: 50 a pixel on both sides by central differences, more in the corners
    # inside.
    assert rim == pytest.approx(50, rel=0.02)


def test_a_mask_over_everything_has_no_rim(tissue) -> None:
    (cell,) = score_cells(tissue, tissue, np.ones((96, 96), bool)).cells
    assert cell.traits["rim_gradient"] is None and cell.z["rim_gradient"] is None and cell.z["area_px"] > 3


def test_few_nuclei_are_said_to_be_few() -> None:
    glass = np.full((96, 96, 3), 245, np.uint8)
    mask = np.zeros((96, 96), bool)
    mask[10:20, 10:20] = mask[40:50, 40:50] = True
    scores = score_cells(glass, glass, mask)
    assert (
        scores.nuclei == 0
        and len(scores.cells) == 2
        and scores.rim_ratio is None
        and scores.own == {} == scores.own_beyond_3
    )
    assert all(z is None for cell in scores.cells for z in cell.z.values()) and z_over_cells(
        scores, "area_px"
    ) == (None, None)
    assert (
        scores.sentence
        == "Cells are compared with the image's own nuclei from 8 nuclei on; here 0 were found."
    )


def test_the_farthest_cell_keeps_its_sign(field) -> None:
    mask = np.zeros(field.shape[:2], bool)
    mask[10:12, 10:12] = mask[40:60, 40:60] = True
    middle, farthest = z_over_cells(score_cells(field, field, mask), "area_px")
    assert 0 < middle < farthest


def test_gamut_shares_by_hand(field) -> None:
    same = gamut_shares(field, field)
    assert same.changed_px == 0 and same.outside_range is None and same.outside_stain is None
    assert 0 < same.own_outside_stain <= 0.04, "at most 1 % on each side of two stains"
    altered = field.copy()
    altered[0, :3] = (0, 255, 0)
    altered[1, 0] = np.median(field.reshape(-1, 3), axis=0)
    shares = gamut_shares(field, altered)
    assert shares.changed_px == 4 and shares.outside_range == shares.outside_stain == 0.75


@pytest.mark.parametrize("stains", STAINS)
def test_colours_of_the_stain_gamut_stay_inside_when_rounded(field, stains) -> None:
    import torch

    from snapgui.engine.attack.gamut import fit_gamut
    from snapgui.engine.attack.packing import pack
    from snapgui.engine.images import to_image

    images = to_image(field)[None]
    generator = torch.Generator().manual_seed(0)
    # Mostly the box's corners and sides, where rounding may step over.
    coordinates = (torch.rand(96 * 96, 2, generator=generator) * 1.5 - 0.25).clamp(0, 1)
    everywhere = pack(torch.ones_like(images[:, :1]) > 0)
    colours = fit_gamut("stain", images, stains).colours(coordinates, everywhere)
    altered = colours.mul(255).round().to(torch.uint8).view(96, 96, 3).numpy()
    assert gamut_shares(field, altered, stains=stains).outside_stain == 0
