"""Audits with numbers of corruptions, and an example picture of each."""

import numpy as np
import streamlit as st
from numpy.typing import NDArray

from snapgui.audit.read import SavedAudit, audits_folder, read_audit
from snapgui.audit.store import find_audits
from snapgui.corruptions.store import has_comparison
from snapgui.data.demo import demo_patches
from snapgui.engine.corruptions.catalogue import corrupt
from snapgui.engine.images import read_pixels
from snapgui.errors import SnapError


def audits_with_corruptions() -> list[SavedAudit]:
    """Saved audits in whose folders the command ``corruptions`` has left numbers, the newest first; of those
    that cannot be read the Audit page says why.
    """
    found = []
    try:
        folders = find_audits(audits_folder())
    except SnapError:
        return []
    for folder in folders:
        try:
            audit = read_audit(folder)
        except SnapError:
            continue
        if audit.finished and has_comparison(audit):
            found.append(audit)
    return found


@st.cache_data(max_entries=64, show_spinner=False)
def example(kind: str, grade: int, true_class: int) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """The first demo patch of a class, and the same corrupted; raises SnapError where it is not there."""
    patch = next(patch for patch in demo_patches() if patch.true_class == true_class)
    pixels = read_pixels(patch.path)
    return pixels, corrupt(pixels, kind, grade, name=patch.name)
