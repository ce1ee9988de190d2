"""All ticked pictures of the filmstrip, one run after the other, with the settings of the workbench."""

from collections.abc import Callable
from dataclasses import dataclass, replace

import streamlit as st

from snapgui.engine.cells.outlines import draw_mask
from snapgui.engine.cells.placement import place_cells
from snapgui.engine.images import WINDOW_PX, to_image
from snapgui.engine.settings import AttackSettings, CellSettings
from snapgui.engine.victim.victim import Victim
from snapgui.errors import ImageError, SnapError
from snapgui.progress import drain
from snapgui.runs.records import RunRequest, RunResult
from snapgui.runs.run import run_snap
from snapgui.runs.store import save_run
from snapgui.shipped import PACKAGE
from snapgui.ui import resources
from snapgui.ui.jobs import Handle
from snapgui.ui.parts.job import start_job, work_button
from snapgui.ui.parts.text import plain
from snapgui.ui.state import Choice, SnapState, bench_settings
from snapgui.words import counted

KIND = "batch"


@dataclass(frozen=True)
class BatchProgress:
    """Which picture is at work: its place from 1 on, of how many."""

    place: int
    pictures: int


@dataclass(frozen=True)
class BatchOutcome:
    """How many pictures were run and saved, how many fooled the model, and why others were not run."""

    done: int
    fooled: int
    failures: tuple[str, ...]


def batch_controls(
    state: SnapState, victim: Victim | None, ticked: list[str], read: Callable[[str], Choice]
) -> None:
    """A button that runs what is ticked, and how the last batch of this session ended."""
    if ticked and victim is not None:
        work_button(
            f"Run {counted(len(ticked), 'picture')}",
            ticked,
            lambda names: _start(victim, names, read),
            key="run_ticked",
            width="stretch",
            help="One after the other, with the settings on the right and cells placed in each. Every one is "
            "saved as a run.",
        )
    job = resources.registry().snapshot(state.jobs.get(KIND))
    if job is None or job.active:
        return
    if job.error:
        st.error(plain(job.error))
    elif job.result is not None:
        st.caption(plain(outcome_words(job.result)))
        st.page_link(PACKAGE / "ui" / "pages" / "runs.py", label="See them on the Runs page")


def outcome_words(outcome: BatchOutcome) -> str:
    """How a batch ended, in words."""
    words = f"{counted(outcome.done, 'picture')} run; the model was fooled by {outcome.fooled}."
    return " ".join([words, *outcome.failures])


def _start(victim: Victim, ticked: list[str], read: Callable[[str], Choice]) -> None:
    cells, attack = bench_settings()
    start_job(
        KIND,
        counted(len(ticked), "picture"),
        batch_work(victim, ticked, read, cells, attack),
        brief=lambda now: f"picture {now.place} of {now.pictures}",
    )


def batch_work(
    victim: Victim,
    names: list[str],
    read: Callable[[str], Choice],
    cells: CellSettings,
    attack: AttackSettings,
) -> Callable[[Handle], BatchOutcome]:
    """Work that runs pictures one by one; one that cannot be run is named, and the others go on."""

    def work(handle: Handle) -> BatchOutcome:
        done = fooled = 0
        failures = []
        for place, name in enumerate(names, start=1):
            if handle.stop():
                break
            handle.report(BatchProgress(place, len(names)))
            try:
                result = _run(victim, read(name), cells, attack, handle.stop)
                save_run(result)
            except SnapError as error:
                failures.append(f"{name}: {error}")
            else:
                done += 1
                fooled += result.flipped
        return BatchOutcome(done, fooled, tuple(failures))

    return work


def _run(
    victim: Victim, picture: Choice, cells: CellSettings, attack: AttackSettings, stop: Callable[[], bool]
) -> RunResult:
    height, width = picture.pixels.shape[:2]
    if (height, width) != (WINDOW_PX, WINDOW_PX):
        raise ImageError(f"it is {width} x {height} px; a batch takes pictures of {WINDOW_PX} px a side.")
    p = victim.predict(to_image(picture.pixels)[None])[0]
    attack = replace(attack, target=int(p.argmin()))
    mask = draw_mask(place_cells(victim, picture.pixels, cells, attack), (height, width))
    request = RunRequest(
        picture.pixels,
        mask,
        attack,
        cells=cells,
        image_name=picture.name,
        true_class=picture.true_class,
        synthetic=picture.synthetic,
    )
    return drain(run_snap(victim, request, stop=stop))
