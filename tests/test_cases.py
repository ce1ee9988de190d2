"""Files that people really have, with their right answers, where they lie in ``cases`` beside the folder that
SNAP_HCD_DIR names.
"""

import os
from pathlib import Path

import numpy as np
import pytest
import torch

from snapgui.data.datasets import open_patches
from snapgui.engine.cells.outlines import understand_mask
from snapgui.engine.images import read_pixels, to_image
from snapgui.engine.tissue import why_not_tissue
from snapgui.engine.victim.victim import Victim
from snapgui.errors import DataError, ImageError

pytestmark = pytest.mark.real_data


@pytest.fixture(scope="module")
def cases() -> Path:
    folder = Path(os.environ.get("SNAP_HCD_DIR", "."), "..", "cases").resolve()
    if not (folder / "pictures").is_dir():
        pytest.skip("no folder of cases lies beside the real patches")
    return folder


@pytest.mark.parametrize(
    "name",
    [
        "01_exif_orientation6.png",
        "03_tiff_orientation6.tif",
        "06_float01_rgb.tif",
        "08_uint16_rgb_of_8bit.tif",
        "10_cmyk.tif",
    ],
)
def test_the_same_picture_in_another_dressing(cases: Path, name: str) -> None:
    base = read_pixels(cases / "pictures" / "00_base.png")
    assert np.array_equal(read_pixels(cases / "pictures" / name), base)


def test_a_pyramid_is_called_one(cases: Path) -> None:
    with pytest.raises(ImageError, match="pyramid"):
        read_pixels(cases / "pictures" / "18_pyramid_pages.tif")


@pytest.mark.parametrize("name", ["21_black.png", "21_nearwhite.png"])
def test_what_shows_no_tissue_is_said_so(cases: Path, name: str, shipped_victim: Victim) -> None:
    pixels = read_pixels(cases / "pictures" / name)
    assert why_not_tissue(pixels)
    assert torch.isfinite(shipped_victim.predict(to_image(pixels)[None])).all()


@pytest.mark.parametrize(
    ("name", "count"),
    [
        ("00_base.png", 543),
        ("01_zero_one.png", 543),
        ("04_voc_palette.png", 543),
        ("05_white_on_transparent.png", 543),
        ("17_qupath.geojson", 200),
    ],
)
def test_a_mask_has_its_pixels(cases: Path, name: str, count: int) -> None:
    mask, _ = understand_mask((cases / "masks" / name).read_bytes(), shape=(96, 96))
    assert mask.sum() == count


def test_a_ring_keeps_its_hole(cases: Path) -> None:
    mask, _ = understand_mask((cases / "masks" / "14_ring.png").read_bytes(), shape=(96, 96))
    rows, columns = np.nonzero(mask)
    middle = (rows.min() + rows.max()) // 2, (columns.min() + columns.max()) // 2
    assert mask.any() and not mask[middle]


@pytest.mark.parametrize("name", ["k01_base", "k08_utf16", "h01_base", "f01_imagefolder"])
def test_a_data_set_gives_the_same_answers_in_every_layout(
    cases: Path, name: str, shipped_victim: Victim
) -> None:
    patches = open_patches(cases / "sets" / name)
    images = torch.stack([to_image(patches.pixels(n)) for n in range(len(patches))])
    p = shipped_victim.predict(images)[range(len(patches)), patches.labels]
    assert (len(patches), int(patches.labels.sum())) == (12, 6)
    assert int((p[patches.labels == 1] > 0.5).sum()) == 5
    assert float(p.mean()) == pytest.approx(0.8868, abs=0.0005)


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("h02_channels_first", "channels last"),
        ("h03_float01", "float32"),
        ("k06_conflicting_duplicate_rows", "twice, with the label “0” and “1”"),
    ],
)
def test_a_data_set_that_does_not_hold_together_is_refused(cases: Path, name: str, words: str) -> None:
    with pytest.raises(DataError, match=words):
        open_patches(cases / "sets" / name)
