"""An example picture of each corruption."""

import numpy as np
import streamlit as st
from numpy.typing import NDArray

from snapgui.data.demo import demo_patches
from snapgui.engine.corruptions.catalogue import corrupt
from snapgui.engine.images import read_pixels


@st.cache_data(max_entries=64, show_spinner=False)
def example(kind: str, grade: int, true_class: int) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """The first demo patch of a class, and the same corrupted; raises SnapError where it is not there."""
    patch = next(patch for patch in demo_patches() if patch.true_class == true_class)
    pixels = read_pixels(patch.path)
    return pixels, corrupt(pixels, kind, grade, name=patch.name)
