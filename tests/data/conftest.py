"""Fixtures of the data room."""

import os
from pathlib import Path

import pytest

from snapgui.data.datasets import PatchSet, open_patches


@pytest.fixture(scope="session")
def hcd() -> PatchSet:
    """The real patches; the test is skipped where ``SNAP_HCD_DIR`` does not name their folder."""
    folder = os.environ.get("SNAP_HCD_DIR")
    if not folder:
        pytest.skip("SNAP_HCD_DIR is not set: no real patches to test with")
    return open_patches(Path(folder))
