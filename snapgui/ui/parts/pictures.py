"""Pictures for the page: always PNG, always at a whole-number zoom."""

import numpy as np
import streamlit as st
from numpy.typing import NDArray

from snapgui.engine.visibility.measures import enlarge
from snapgui.ui.parts.text import plain


def show_pixels(pixels: NDArray[np.uint8], zoom: int, *, alt: str, caption: str | None = None) -> None:
    """Show uint8 ``(H, W, 3)`` enlarged by repeating pixels; nothing is blended or compressed with loss."""
    large = enlarge(pixels, zoom)
    st.image(
        large, caption=plain(caption) if caption else None, width=large.shape[1], output_format="PNG", alt=alt
    )
