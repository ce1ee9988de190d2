"""Cached pictures for studies, and the servers of this process."""

from pathlib import Path
from typing import TYPE_CHECKING

import streamlit as st

if TYPE_CHECKING:
    from snapgui.study.pictures.material import Material
    from snapgui.ui.studies.servers import ReaderServers

from typing import TYPE_CHECKING


@st.cache_resource(show_spinner=False)
def reader_servers() -> "ReaderServers":
    """The studies that this process offers to the local network; they end with it."""
    from snapgui.ui.studies.servers import ReaderServers

    return ReaderServers()


@st.cache_resource(max_entries=4, ttl=120, show_spinner="Reading the pictures")
def _study_material(
    origin: str,
    places: tuple[str, ...],
    data: str,
    fooled_only: bool,
    pictures: tuple[str, ...],
    stamps: tuple[int, ...],
) -> "Material":
    from snapgui.study.pictures.material import material_from_audit, material_from_runs
    from snapgui.study.pictures.pairs import material_from_pairs

    folders = [Path(place) for place in places]
    if origin == "runs":
        return material_from_runs(folders)
    if origin == "audit":
        place = Path(data) if data else None
        return material_from_audit(folders[0], place, fooled_only=fooled_only, pictures=pictures)
    return material_from_pairs(folders[0])


def study_material(
    origin: str,
    places: tuple[str, ...],
    *,
    data: str = "",
    fooled_only: bool = True,
    pictures: tuple[str, ...] = (),
) -> "Material":
    """Pictures for a study from ``runs``, an ``audit`` (all or those named) or ``pairs``; raises SnapError
    with what is missing.
    """
    stamps = tuple(
        max(path.stat().st_mtime_ns for path in (Path(place), *Path(place).iterdir()))
        if Path(place).is_dir()
        else 0
        for place in places
    )
    return _study_material(origin, places, data, fooled_only, pictures, stamps)
