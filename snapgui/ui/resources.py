"""The only ``st.cache_*`` calls, and the only paths: victims, demo patches, predictions, jobs."""

import logging
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import streamlit as st
import torch
from numpy.typing import NDArray

from snapgui import shipped
from snapgui.audit.store import read_rows
from snapgui.data.datasets import PatchSet, picture_files
from snapgui.data.demo import DEMO_FILE, DEMO_FOLDER, DemoPatch, demo_patches
from snapgui.engine.checks import Finding, check_run
from snapgui.engine.display import Display
from snapgui.engine.images import read_pixels, to_image
from snapgui.engine.learned_visibility import Learned, measure_colorvideovdp, measure_lpips
from snapgui.engine.memory import keep_freed_memory
from snapgui.engine.victim import Victim
from snapgui.engine.visibility_figures import VisibilityPanel
from snapgui.engine.visibility_panel import panel
from snapgui.errors import ModelError, SnapError
from snapgui.records import RunRequest, RunResult
from snapgui.runs.alternatives import Alternative
from snapgui.runs.kept_alternatives import alternatives_stamp, read_alternatives
from snapgui.ui.audits import KeptAudit, audited_patches
from snapgui.ui.folder import open_data_set
from snapgui.ui.jobs import Registry
from snapgui.ui.pictures import thumbnail_uri
from snapgui.ui.widgets.comparison.pictures import comparison_data

if TYPE_CHECKING:
    from snapgui.study.material import Material
    from snapgui.ui.reader_servers import ReaderServers


def shipped_model() -> Path:
    """The checkpoint that the app starts with; SNAP_MODEL names another."""
    return Path(os.environ.get("SNAP_MODEL") or shipped.MODEL)


@st.cache_resource(show_spinner=False)
def prepare_process() -> None:
    """Once a process: leave one core to the page, keep freed memory, log to the terminal."""
    torch.set_num_threads(max(1, (os.cpu_count() or 2) - 1))
    keep_freed_memory()
    logging.basicConfig(level=logging.WARNING)


@st.cache_resource(show_spinner=False)
def registry() -> Registry:
    """The background jobs of this process."""
    return Registry()


@st.cache_resource(show_spinner=False)
def reader_servers() -> "ReaderServers":
    """The studies that this process offers to the local network; they end with it."""
    from snapgui.ui.reader_servers import ReaderServers

    return ReaderServers()


def device() -> str:
    """CUDA where there is one."""
    return "cuda" if torch.cuda.is_available() else "cpu"


def device_words() -> str:
    """The device for people, for instance ``CPU, 1 thread``."""
    if torch.cuda.is_available():
        return torch.cuda.get_device_name()
    threads = torch.get_num_threads()
    return f"CPU, {threads} thread{'s' if threads > 1 else ''}"


def load_victim(path: Path | None) -> Victim:
    """The victim of a checkpoint, the shipped one where none is named; raises ModelError with what does not fit."""
    chosen = path or shipped_model()
    try:
        stamp = chosen.stat().st_mtime_ns, _card_stamp(chosen)
    except OSError as error:
        if path is None:
            raise ModelError(
                f"The shipped model {chosen.name} is missing. Train one with “python -m snapgui train”, "
                "or load a checkpoint of your own on the Model page."
            ) from error
        raise ModelError(f"{chosen} cannot be read ({error.strerror}). Check the name and the rights.") from error
    return _load_victim(str(chosen), stamp, device())


def _card_stamp(path: Path) -> int:
    card = path.with_suffix(".json")
    return card.stat().st_mtime_ns if card.is_file() else 0


@st.cache_resource(max_entries=2, show_spinner="Loading the model")
def _load_victim(path: str, stamp: tuple[int, int], device: str) -> Victim:
    return Victim.load(Path(path), device=device)


@st.cache_data(max_entries=256, show_spinner=False)
def _predict(sha256: str, pixels: NDArray[np.uint8], _victim: Victim) -> tuple[float, ...]:
    return tuple(map(float, _victim.predict(to_image(pixels)[None])[0]))


def predict_pixels(victim: Victim, pixels: NDArray[np.uint8]) -> tuple[float, ...]:
    """Probability of each class for one image."""
    return _predict(victim.card.sha256, pixels, victim)


@st.cache_data(max_entries=64, show_spinner=False)
def _findings(sha256: str, request: RunRequest, _victim: Victim) -> list[Finding]:
    return check_run(_victim, request)


def findings(victim: Victim, request: RunRequest) -> list[Finding]:
    """What is worth saying before a run."""
    return _findings(victim.card.sha256, request, victim)


@st.cache_data(show_spinner=False, max_entries=2)
def _demo_list(stamp: int) -> list[DemoPatch]:
    return list(demo_patches())


def demo_list() -> list[DemoPatch]:
    """The demo patches, none where they are missing; raises DataError where they are not what was shipped."""
    listing = DEMO_FOLDER / DEMO_FILE
    return _demo_list(listing.stat().st_mtime_ns) if listing.is_file() else []


@st.cache_data(max_entries=1000, show_spinner=False)
def _thumbnail(path: str, stamp: int) -> str:
    try:
        return thumbnail_uri(read_pixels(Path(path)))
    except SnapError:
        return ""


def thumbnail(path: Path) -> str:
    """A picture file as a small data URI; empty where it cannot be read."""
    return _thumbnail(str(path), path.stat().st_mtime_ns if path.is_file() else 0)


@st.cache_data(max_entries=1000, ttl=600, show_spinner=False)
def patch_thumbnail(folder: str, row: int, _patches: PatchSet) -> str:
    """One patch of a data set as a small data URI; empty where it cannot be read."""
    try:
        return thumbnail_uri(_patches.pixels(row))
    except SnapError:
        return ""


def read_picture(path: Path) -> NDArray[np.uint8]:
    """A picture file as pixels; raises ImageError."""
    return read_pixels(path)


@st.cache_data(max_entries=4, ttl=60, show_spinner="Reading the folder")
def folder_files(folder: str) -> list[Path]:
    """Picture files of a folder, sorted; raises ImageError if there are none."""
    return picture_files([Path(folder)])


@st.cache_resource(max_entries=2, ttl=600, show_spinner="Reading the data set")
def data_set(folder: str) -> PatchSet:
    """A labelled data set; raises DataError with what is missing."""
    return open_data_set(Path(folder))


@st.cache_data(max_entries=2, show_spinner=False)
def _audit_rows(folder: str, stamp: int) -> pd.DataFrame:
    return read_rows(Path(folder))


def audit_rows(folder: Path) -> pd.DataFrame:
    """The table of a finished audit; raises DataError if it is gone or damaged."""
    table = folder / "rows.parquet"
    return _audit_rows(str(folder), table.stat().st_mtime_ns if table.is_file() else 0)


@st.cache_resource(max_entries=2, ttl=600, show_spinner="Reading the data set")
def _audited(fingerprint: str, data: str, there: bool, _audit: KeptAudit) -> PatchSet:
    return audited_patches(_audit)


def audited(audit: KeptAudit) -> PatchSet:
    """The patches that an audit looked at; raises DataError if they are gone."""
    return _audited(audit.about["fingerprint"], str(audit.data), audit.data.is_dir(), audit)


@st.cache_resource(max_entries=4, ttl=120, show_spinner="Reading the pictures")
def _study_material(origin: str, places: tuple[str, ...], data: str, fooled_only: bool, stamps: tuple[int, ...]) -> "Material":
    from snapgui.study.material import material_from_audit, material_from_runs
    from snapgui.study.pairs import material_from_pairs

    folders = [Path(place) for place in places]
    if origin == "runs":
        return material_from_runs(folders)
    if origin == "audit":
        return material_from_audit(folders[0], Path(data) if data else None, fooled_only=fooled_only)
    return material_from_pairs(folders[0])


def study_material(origin: str, places: tuple[str, ...], *, data: str = "", fooled_only: bool = True) -> "Material":
    """Pictures for a study from ``runs``, an ``audit`` or ``pairs``; raises SnapError with what is missing."""
    stamps = tuple(max(path.stat().st_mtime_ns for path in (Path(place), *Path(place).iterdir())) if Path(place).is_dir() else 0 for place in places)
    return _study_material(origin, places, data, fooled_only, stamps)


@st.cache_data(max_entries=32, show_spinner=False)
def compared(
    original: NDArray[np.uint8], altered: NDArray[np.uint8], mask: NDArray[np.bool_], display: Display
) -> dict[str, Any]:
    """What the comparison viewer is sent of two pictures."""
    return comparison_data(original, altered, mask, display)


@st.cache_data(max_entries=32, show_spinner=False)
def visibility(
    original: NDArray[np.uint8], altered: NDArray[np.uint8], mask: NDArray[np.bool_], display: Display
) -> VisibilityPanel:
    """Every visibility measure of one patch; raises SnapError where two pictures do not fit together."""
    return panel(original, altered, mask, display)


@st.cache_data(max_entries=32, show_spinner="Measuring with LPIPS and ColorVideoVDP")
def _learned(
    original: NDArray[np.uint8], altered: NDArray[np.uint8], display: Display, weights: str, stamp: int
) -> tuple[Learned, ...]:
    lpips = measure_lpips(original, altered, display, weights=Path(weights) if weights else None)
    return lpips, measure_colorvideovdp(original, altered, display)


def learned_visibility(
    original: NDArray[np.uint8], altered: NDArray[np.uint8], display: Display, weights: str
) -> tuple[Learned, ...]:
    """LPIPS and ColorVideoVDP, or how to get them; raises ModelError for a file that holds no such weights."""
    file = Path(weights).expanduser() if weights else None
    return _learned(original, altered, display, str(file or ""), file.stat().st_mtime_ns if file is not None and file.is_file() else 0)


@st.cache_data(max_entries=4, show_spinner=False)
def _alternatives(run_id: str, stamp: tuple[tuple[str, int], ...], _result: RunResult) -> list[Alternative]:
    return read_alternatives(run_id, _result.request.attack)


def alternatives(result: RunResult) -> list[Alternative]:
    """What was computed beside a run, in the order in which it is shown."""
    return _alternatives(result.run_id, alternatives_stamp(result.run_id), result)
