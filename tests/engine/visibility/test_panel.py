"""The whole panel: regions, closed forms, monotone in the change, JSON and rows."""

import json
import math
import sys
import types

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from skimage.color import deltaE_ciede2000

from snapgui.engine.visibility.display import Display
from snapgui.engine.visibility.figures import Spread, VisibilityPanel
from snapgui.engine.visibility.learned import Learned, measure_colorvideovdp, measure_lpips
from snapgui.engine.visibility.measures import colour_difference
from snapgui.engine.visibility.panel import panel, ring_around
from snapgui.errors import ImageError, MaskError, ModelError
from snapgui.ui.result.visibility_rows import panel_rows

DISPLAY = Display(zoom=2)


@pytest.fixture
def mask() -> np.ndarray:
    mask = np.zeros((96, 96), bool)
    mask[20:30, 20:30] = True
    mask[60:70, 50:60] = True
    return mask


def test_the_same_picture_is_not_different(tissue, mask) -> None:
    result = panel(tissue, tissue, mask, DISPLAY)
    assert set(result.regions) == {"mask", "ring", "whole"} and result.ring_px == 3
    for figures in result.regions.values():
        assert figures.flip == figures.de00 == Spread(0, 0, 0) and figures.psnr_db == math.inf
        assert figures.linf_levels == 0 and figures.l2 == 0 and figures.ssim.worst == pytest.approx(1)
    assert result.gamut.outside_range is None and result.changed_outside_mask_px == 0


def test_a_uniform_shift_has_closed_forms(mask) -> None:
    grey = np.full((96, 96, 3), 100, np.uint8)
    whole = panel(grey, grey + np.uint8(10), mask, DISPLAY).regions["whole"]
    assert (
        whole.linf_levels == 10
        and whole.l2 == pytest.approx(10 / 255 * math.sqrt(96 * 96 * 3))
        and whole.pixels == 96 * 96
    )
    assert whole.psnr_db == pytest.approx(20 * math.log10(25.5))
    # Without any structure SSIM is its luminance term, with C1 = (0.01 x 255)^2.
    c1 = 2.55**2
    assert whole.ssim.mean == pytest.approx((2 * 100 * 110 + c1) / (100**2 + 110**2 + c1), abs=1e-4)
    assert whole.flip.mean == pytest.approx(whole.flip.worst, abs=1e-5) and whole.de00.mean == pytest.approx(
        whole.de00.tail
    )


def test_a_shift_inside_the_mask_alone(mask) -> None:
    grey = np.full((96, 96, 3), 100, np.uint8)
    altered = grey.copy()
    altered[mask] += 10
    result = panel(grey, altered, mask, DISPLAY)
    inside, ring, whole = (result.regions[name] for name in ("mask", "ring", "whole"))
    assert (
        inside.pixels == 200
        and inside.l2 == whole.l2 == pytest.approx(10 / 255 * math.sqrt(600))
        and ring.l2 == 0
    )
    assert (
        whole.de00.mean == pytest.approx(inside.de00.mean * 200 / 9216)
        and whole.de00.worst == inside.de00.worst
    )
    assert inside.ssim.mean < ring.ssim.mean < 1 and ring.psnr_db == math.inf
    assert inside.flip.mean > ring.flip.mean > 0, "the eye's blur spreads beyond the mask"
    assert result.gamut.changed_px == 200 and result.gamut.outside_range == 1
    altered[0, 0] += 1
    assert panel(grey, altered, mask, DISPLAY).changed_outside_mask_px == 1


@pytest.mark.parametrize(
    ("first", "second", "expected"),
    # Sharma, Wu, Dalal 2005, table 1: pairs 1, 4, 7, 14, 17, 25, 34.
    [
        ((50, 2.6772, -79.7751), (50, 0, -82.7485), 2.0425),
        ((50, -1.3802, -84.2814), (50, 0, -82.7485), 1.0000),
        ((50, 0, 0), (50, -1, 2), 2.3669),
        ((50, -0.0010, 2.4900), (50, 0.0011, -2.4900), 4.7461),
        ((50, 2.5, 0), (73, 25, -18), 27.1492),
        ((60.2574, -34.0099, 36.2677), (60.4626, -34.1751, 39.4387), 1.2644),
        ((2.0776, 0.0795, -1.1350), (0.9033, -0.0636, -0.5514), 0.9082),
    ],
)
def test_ciede2000_is_the_published(first, second, expected) -> None:
    assert deltaE_ciede2000(np.array(first), np.array(second)) == pytest.approx(expected, abs=6e-5)


@pytest.mark.parametrize(
    ("first", "second", "expected"),
    [((255, 0, 0), (0, 255, 0), 86.61), ((255, 0, 0), (0, 0, 255), 52.88), ((0, 255, 0), (0, 0, 255), 83.19)],
)
def test_ciede2000_of_the_screens_primaries(first, second, expected) -> None:
    pictures = (np.full((8, 8, 3), colour, np.uint8) for colour in (first, second))
    assert colour_difference(*pictures) == pytest.approx(expected, abs=0.01)


@settings(max_examples=8, deadline=None, derandomize=True)
@given(st.integers(0, 40), st.integers(1, 40), st.tuples(*[st.sampled_from([-1, 1])] * 3))
def test_more_change_is_never_less_visible(weak, more, direction) -> None:
    mask = np.zeros((48, 48), bool)
    mask[15:30, 18:30] = True
    original = np.clip(128 + np.random.default_rng(1).normal(0, 4, (48, 48, 3)), 100, 156).astype(np.uint8)

    def figures(strength: int) -> dict:
        altered = original.copy()
        altered[mask] = (original[mask] + np.array(direction) * strength).astype(np.uint8)
        return panel(original, altered, mask, Display(zoom=1)).regions

    less, greater = figures(weak), figures(weak + more)
    for region in ("mask", "whole"):
        a, b = less[region], greater[region]
        assert a.flip.mean <= b.flip.mean + 1e-6 and a.de00.mean < b.de00.mean and a.ssim.mean > b.ssim.mean
        assert a.psnr_db > b.psnr_db and a.linf_levels < b.linf_levels and a.l2 < b.l2


@settings(max_examples=15, deadline=None, derandomize=True)
@given(st.integers(0, 2**31), st.integers(1, 8))
def test_the_ring_lies_around_the_mask(seed, width) -> None:
    mask = np.random.default_rng(seed).random((32, 32)) > 0.98
    ring = ring_around(mask, width)
    assert not (ring & mask).any() and ring_around(np.zeros_like(mask), width).sum() == 0
    rows, columns = np.nonzero(mask)
    for y, x in np.argwhere(~mask):
        near = len(rows) and ((rows - y) ** 2 + (columns - x) ** 2).min() <= width**2
        assert ring[y, x] == bool(near)


def test_a_mask_over_everything_has_no_ring(tissue) -> None:
    assert set(panel(tissue, tissue, np.ones((96, 96), bool), DISPLAY).regions) == {"mask", "whole"}


def test_json_there_and_back(tissue, mask) -> None:
    altered = tissue.copy()
    altered[mask] = (92, 54, 128)
    result = panel(tissue, altered, mask, DISPLAY, learned=[Learned("LPIPS", None, "", "how to get it")])
    text = json.dumps(result.to_json(), allow_nan=False)
    assert json.loads(text)["regions"]["ring"]["psnr_db"] is None
    assert VisibilityPanel.from_json(json.loads(text)) == result
    whole = panel(tissue, altered, np.ones((96, 96), bool), DISPLAY)
    assert VisibilityPanel.from_json(json.loads(json.dumps(whole.to_json(), allow_nan=False))) == whole


def test_rows_are_for_people(tissue, mask) -> None:
    altered = tissue.copy()
    altered[mask] = (92, 54, 128)
    result = panel(tissue, altered, mask, DISPLAY, learned=[Learned("LPIPS", 0.25, "", "words")])
    rows = panel_rows(result)
    values = {(row.measure, row.region): row.value for row in rows}
    assert len(values) == len(rows), "no figure stands twice"
    assert (
        values["FLIP mean", "mask"] == result.regions["mask"].flip.mean
        and values["SSIM minimum", "whole"] == result.regions["whole"].ssim.worst
    )
    assert (
        values["PSNR", "ring"] == math.inf
        and values["Changed pixels", "whole"] == 200
        and values["LPIPS", "whole"] == 0.25
    )
    assert values["Screen", "whole"] == DISPLAY.pixels_per_degree and "pixels per degree" in rows[0].words
    assert all(row.words for row in rows) and all(row.value is not None for row in rows)
    glass = np.full((96, 96, 3), 245, np.uint8)
    missing = [row for row in panel_rows(panel(glass, glass, mask, DISPLAY)) if row.value is None]
    assert len(missing) == 2 + 1 + 12 and all(
        "No pixel changed" in row.words or "here 0 were found" in row.words for row in missing
    )


def test_what_does_not_fit_together_is_refused(tissue, mask) -> None:
    with pytest.raises(ImageError, match="one size"):
        panel(tissue, tissue[:90], mask, DISPLAY)
    with pytest.raises(ImageError, match="7 px"):
        panel(tissue[:6], tissue[:6], mask[:6], DISPLAY)
    with pytest.raises(MaskError, match="marks 0 pixels"):
        panel(tissue, tissue, np.zeros_like(mask), DISPLAY)
    with pytest.raises(MaskError, match="shape"):
        panel(tissue, tissue, mask[:50], DISPLAY)


def test_pictures_stay_as_they_are(tissue, mask) -> None:
    kept, altered = tissue.copy(), tissue.copy()
    altered[mask] = 0
    altered.flags.writeable = tissue.flags.writeable = mask.flags.writeable = False
    panel(tissue, altered, mask, DISPLAY)
    assert np.array_equal(tissue, kept)


def test_without_the_packages_a_sentence_says_how_to_get_them(tissue, monkeypatch, tmp_path) -> None:
    monkeypatch.setitem(sys.modules, "lpips", None)
    monkeypatch.setitem(sys.modules, "pycvvdp", None)
    lpips = measure_lpips(tissue, tissue, DISPLAY, weights=tmp_path / "any.pth")
    assert lpips.value is None and "pip install lpips" in lpips.words and "AlexNet" in lpips.words
    vdp = measure_colorvideovdp(tissue, tissue, DISPLAY)
    assert vdp.value is None and "pip install cvvdp" in vdp.words


def test_lpips_takes_its_trunk_from_the_named_file(tissue, monkeypatch, tmp_path) -> None:
    class Fake(torch.nn.Module):
        """Two slices of a trunk with torchvision's numbers, as the package has them."""

        def __init__(self, **_: object) -> None:
            super().__init__()
            self.net = torch.nn.ModuleDict({"slice1": torch.nn.ModuleDict({"0": torch.nn.Conv2d(3, 1, 1)})})

        def forward(self, first: torch.Tensor, second: torch.Tensor, *, normalize: bool) -> torch.Tensor:
            assert normalize and first.shape == (1, 3, 192, 192)
            trunk = self.net["slice1"]["0"]
            return (trunk(first) - trunk(second)).abs().mean()

    monkeypatch.setitem(sys.modules, "lpips", types.SimpleNamespace(LPIPS=Fake))
    torch.save(
        {"features.0.weight": torch.ones(1, 3, 1, 1), "features.0.bias": torch.zeros(1)},
        tmp_path / "alex.pth",
    )
    torch.save({"fc.weight": torch.zeros(1)}, tmp_path / "other.pth")
    altered = tissue.copy()
    altered[0, 0] = 255 - tissue[0, 0]
    before = torch.random.get_rng_state()
    expected = abs(altered[0, 0].astype(float) - tissue[0, 0]).sum() / 255 / 9216
    assert measure_lpips(tissue, altered, DISPLAY, weights=tmp_path / "alex.pth").value == pytest.approx(
        expected, rel=1e-4
    )
    assert torch.equal(torch.random.get_rng_state(), before), "the caller's random numbers are left alone"
    assert measure_lpips(tissue, altered, DISPLAY, weights=None).value is None
    with pytest.raises(ModelError, match="AlexNet"):
        measure_lpips(tissue, altered, DISPLAY, weights=tmp_path / "other.pth")
