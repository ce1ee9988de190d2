"""PCam's HDF5: the same patches however they are stored, and a damaged file is refused or holds patches."""

from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from snapgui.data.datasets import PCAM_FILE, open_patches
from tests.fuzz.mutations import bounded, damaged

PIXELS = np.random.default_rng(0).integers(0, 256, (3, 96, 96, 3), dtype=np.uint8)
LABELS = np.array([0, 1, 1])


@pytest.fixture(scope="module")
def pcam(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("pcam")


def write(folder: Path, part: str, content: Any, name: str | None = None, **how: Any) -> Path:
    path = folder / PCAM_FILE.format(split="test", part=part)
    with h5py.File(path, "w", libver=how.pop("libver", None)) as file:
        if content is None:
            file.create_group(name or part)
        else:
            file.create_dataset(name or part, data=content, **how)
    return path


@st.composite
def stored(draw: st.DrawFn) -> dict[str, Any]:
    chunks = draw(st.sampled_from((None, (1, 96, 96, 3), (2, 50, 96, 2))))
    how: dict[str, Any] = {"libver": draw(st.sampled_from(("earliest", "latest"))), "chunks": chunks}
    if chunks:
        how["compression"] = draw(st.sampled_from((None, "gzip", "lzf")))
        how["shuffle"] = draw(st.booleans())
        how["fletcher32"] = draw(st.booleans())
        how["maxshape"] = draw(st.sampled_from((None, (None, 96, 96, 3))))
    return how


def labels_as(draw: st.DrawFn) -> np.ndarray:
    kind = draw(st.sampled_from(("u1", "i1", ">i8", "f4", "f8", "?", "f2")))
    shape = draw(st.sampled_from(((3,), (3, 1), (3, 1, 1, 1), (1, 3))))
    return LABELS.astype(kind).reshape(shape)


@bounded("HDF5, dressed")
@given(data=st.data())
def test_patches_are_the_same_however_they_are_stored(door, pcam: Path, data: st.DataObject) -> None:
    write(pcam, "x", PIXELS, **data.draw(stored()))
    write(pcam, "y", labels_as(data.draw))
    found = None
    with door():
        found = open_patches(pcam)
    assert found is not None and found.labels.tolist() == LABELS.tolist()
    assert all((found.pixels(i) == PIXELS[i]).all() for i in range(3))


FORMS: tuple[Any, ...] = (
    *(
        PIXELS.astype(np.float32) / 255,
        PIXELS.astype(np.uint16),
        PIXELS.astype(np.int8),
        PIXELS.swapaxes(1, 3),
    ),
    *(
        PIXELS[:0],
        PIXELS[:2],
        PIXELS[..., :1],
        PIXELS[:, :64],
        PIXELS[0],
        PIXELS.reshape(-1),
        np.uint8(0),
        None,
    ),
    *(np.array([b"a", b"b"]), np.zeros(3, dtype=[("a", "u1")]), np.zeros(3, complex), h5py.Empty("u1")),
    *(LABELS, LABELS - 1, LABELS * 0.5, LABELS / 0.0 if False else np.array([0, 1, np.nan]), LABELS[:2]),
)


@bounded("HDF5, damaged")
@given(data=st.data())
def test_a_damaged_file_is_refused_or_holds_patches(door, pcam: Path, data: st.DataObject) -> None:
    paths = write(pcam, "x", PIXELS, **data.draw(stored())), write(pcam, "y", labels_as(data.draw))
    part = data.draw(st.integers(0, 1))
    harm = data.draw(st.sampled_from(("bytes", "bytes", "bytes", "form", "name", "swapped", "text")))
    if harm == "bytes":
        paths[part].write_bytes(data.draw(damaged(paths[part].read_bytes())))
    elif harm == "form":
        write(pcam, "xy"[part], data.draw(st.sampled_from(FORMS)))
    elif harm == "name":
        write(pcam, "xy"[part], (PIXELS, LABELS)[part], name=data.draw(st.sampled_from(("X", "data", "x/y"))))
    elif harm == "swapped":
        x, y = (path.read_bytes() for path in paths)
        paths[0].write_bytes(y)
        paths[1].write_bytes(x)
    else:
        paths[part].write_text("version https://git-lfs.github.com/spec/v1", encoding="utf-8")
    with door():
        found = open_patches(pcam)
        assert len(found) == len(found.labels) > 0 and set(found.labels.tolist()) <= {0, 1}
        for index in range(len(found)):
            with door():
                pixels = found.pixels(index)
                assert pixels.shape == (96, 96, 3) and pixels.dtype == np.uint8
