"""What the comparison viewer is sent, and that it needs nothing from elsewhere."""

import base64
import re

import numpy as np
import pytest
from skimage.color import hed2rgb

from snapgui.engine.images import decode_pixels
from snapgui.engine.visibility.display import Display
from snapgui.engine.visibility.measures import colour_difference, flip_as_displayed
from snapgui.ui.pixels import heat_colours
from snapgui.ui.result.comparison import viewer
from snapgui.ui.result.comparison.pictures import block_mean, comparison_data, stain_pictures

DISPLAY = Display(zoom=2)


def decode(uri: str) -> np.ndarray:
    assert uri.startswith("data:image/png;base64,")
    return decode_pixels(base64.b64decode(uri.split(",", 1)[1]))


@pytest.fixture
def pair(tissue):
    mask = np.zeros((96, 96), bool)
    mask[20:30, 40:52] = True
    altered = tissue.copy()
    altered[mask] = (92, 54, 128)
    return tissue, altered, mask


def test_pictures_arrive_as_they_are(pair) -> None:
    original, altered, mask = pair
    data = comparison_data(original, altered, mask, DISPLAY)
    assert (decode(data["before"]["rgb"]) == original).all() and (
        decode(data["after"]["rgb"]) == altered
    ).all()
    assert ((decode(data["mask"])[..., 0] == 255) == mask).all() and (data["width"], data["height"]) == (
        96,
        96,
    )
    assert data["um_per_px"] == 0.97 and data["gain"] == 1


def test_heat_maps_have_a_fixed_scale(pair) -> None:
    original, altered, mask = pair
    heat = comparison_data(original, altered, mask, DISPLAY)["heat"]
    levels = decode(heat["de00"]["levels"])[..., 0] / 255 * heat["de00"]["top"]
    assert (
        np.abs(levels - np.minimum(colour_difference(original, altered), 40)).max() <= 0.5 * 40 / 255 + 1e-9
    )
    flip = decode(heat["flip"]["levels"])[..., 0] / 255
    assert (
        np.abs(flip - block_mean(flip_as_displayed(original, altered, DISPLAY), 2)).max() <= 0.5 / 255 + 1e-6
    )
    assert heat["flip"]["top"] == 1 and heat["de00"]["ticks"][-1] == 40
    same = comparison_data(original, original, mask, DISPLAY)["heat"]
    assert all(decode(one["levels"]).max() == 0 for one in same.values()) and same["de00"]["top"] == 40


def test_block_mean_is_the_mean_of_each_block() -> None:
    values = np.array([[1, 3, 0, 0], [5, 7, 0, 4]], np.float32)
    assert block_mean(values, 2).tolist() == [[4, 1]]


def test_heat_colours_grow_lighter() -> None:
    colours = np.array(heat_colours())
    assert colours.shape == (256, 3) and colours.min() >= 0 and colours.max() <= 255
    assert (np.diff(colours @ [0.299, 0.587, 0.114]) > -1.5).all() and colours[0].sum() < 10


def test_stains_of_both_pictures_share_one_scale() -> None:
    amounts = np.linspace(0.02, 0.2, 96 * 96).reshape(96, 96)
    nothing = np.zeros_like(amounts)

    def stained(first, second):
        return np.rint(255 * hed2rgb(np.stack([first, second, nothing], axis=-1))).astype(np.uint8)

    weak, strong = stained(amounts / 2, nothing), stained(amounts, nothing)
    first, second = stain_pictures(weak, strong)["haematoxylin"]
    assert first.dtype == np.uint8 and first.shape == (96, 96, 3) and (np.ptp(first, axis=2) == 0).all()
    assert first.min() > second.min() and second.min() == 0, "the weaker picture is lighter at its darkest"
    # The same amount is the same grey in both: half of 0.2 in the last row is 0.1, which the stronger has in
    # its middle.
    middle = np.abs(amounts - amounts[-1, -1] / 2).argmin()
    assert abs(int(second.reshape(-1, 3)[middle, 0]) - int(first[-1, -1, 0])) <= 3
    alike = stain_pictures(weak, weak)
    assert all((a == b).all() for a, b in alike.values())
    grey = np.full((8, 8, 3), 200, np.uint8)
    assert all(np.ptp(a) == 0 for a, _ in stain_pictures(grey, grey).values()), (
        "a flat picture divides by nothing"
    )


def test_the_viewer_needs_no_network() -> None:
    for name in ("viewer.html", "viewer.css", *viewer.SCRIPTS):
        text = (viewer.FOLDER / name).read_text(encoding="utf-8")
        assert not re.search(r"https?:|//[a-z]+\.|\bfetch\(|\bimport\b|XMLHttpRequest|url\(", text), name
    assert "export default function" in (viewer.FOLDER / viewer.SCRIPTS[-1]).read_text(encoding="utf-8")


def test_the_visible_line_names_every_key() -> None:
    html = (viewer.FOLDER / "viewer.html").read_text(encoding="utf-8")
    keys = re.findall(r"<kbd>(.+?)</kbd>", html)
    assert keys == ["space", "1", "2", "3", "A", "S", "W", "B", "D", "H", "M", "+", "−", "0"]
    script = (viewer.FOLDER / "viewer.js").read_text(encoding="utf-8")
    for key in ("a", "d", "s", "w", "b", "h", "m"):
        assert f'key === "{key}"' in script or f'{key}: "' in script
