"""Cached audits, their patches, and both pictures of a tile."""

import base64
from pathlib import Path

import streamlit as st

from snapgui.audit.read import FinishedAudit, SavedAudit, audited_patches, read_finished
from snapgui.audit.shown.tiles import Tile, tiles_of
from snapgui.data.datasets import PatchSet
from snapgui.engine.nuclei import find_nuclei
from snapgui.errors import SnapError
from snapgui.ui.pixels import data_uri


@st.cache_resource(max_entries=2, show_spinner=False)
def _finished(folder: str, stamps: tuple[int, ...]) -> FinishedAudit:
    return read_finished(Path(folder))


def finished_audit(folder: Path) -> FinishedAudit:
    """A finished audit with its table, which nobody changes; raises DataError if it is gone or damaged."""
    return _finished(str(folder), _stamps(folder))


def _stamps(folder: Path) -> tuple[int, ...]:
    files = [folder / name for name in ("audit.json", "summary.json", "rows.parquet")]
    return tuple(file.stat().st_mtime_ns if file.is_file() else 0 for file in files)


@st.cache_resource(max_entries=2, show_spinner=False)
def _tiles(folder: str, stamps: tuple[int, ...], _audit: FinishedAudit) -> list[Tile]:
    return tiles_of(_audit)


def audit_tiles(audit: FinishedAudit) -> list[Tile]:
    """The pictures that an audit kept, which nobody changes."""
    return _tiles(str(audit.folder), _stamps(audit.folder), audit)


@st.cache_resource(max_entries=2, ttl=600, show_spinner="Reading the data set")
def _audited(fingerprint: str, data: str, there: bool, _audit: SavedAudit) -> PatchSet:
    return audited_patches(_audit)


def audited_set(audit: SavedAudit) -> PatchSet:
    """The patches that an audit looked at; raises DataError if they are gone."""
    return _audited(audit.about["fingerprint"], str(audit.data), audit.data.is_dir(), audit)


def stored_uri(path: Path) -> str:
    """A stored picture as a data URI, byte for byte; empty where it is gone or no PNG."""
    try:
        data = path.read_bytes()
    except OSError:
        return ""
    png = data.startswith(b"\x89PNG")
    return "data:image/png;base64," + base64.b64encode(data).decode("ascii") if png else ""


@st.cache_data(max_entries=600, show_spinner=False)
def _original(fingerprint: str, data: str, position: int, _patches: PatchSet) -> str:
    return data_uri(_patches.pixels(position))


def original_uri(audit: SavedAudit, tile: Tile, patches: PatchSet | None) -> str:
    """The picture before the attack as a data URI; empty where it is gone or not what was audited."""
    if patches is None or patches.ids[tile.position] != tile.id:
        return ""
    try:
        return _original(audit.about["fingerprint"], str(audit.data), tile.position, patches)
    except (SnapError, OSError):
        return ""


@st.cache_data(max_entries=4, show_spinner="Counting nuclei")
def _nuclei(fingerprint: str, data: str, _tiles: list[Tile], _patches: PatchSet) -> dict[int, int]:
    found = {}
    for tile in _tiles:
        if _patches.ids[tile.position] == tile.id:
            try:
                found[tile.position] = len(find_nuclei(_patches.pixels(tile.position)))
            except (SnapError, OSError):
                continue
    return found


def nuclei_counts(audit: SavedAudit, tiles: list[Tile], patches: PatchSet) -> dict[int, int]:
    """How many nuclei each untouched picture shows, by position; those that are gone are left out."""
    return _nuclei(audit.about["fingerprint"], str(audit.data), tiles, patches)
