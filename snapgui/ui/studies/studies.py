"""Reader studies as the app makes and lists them: the job, the list, the address. No Streamlit in here."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from urllib.parse import urlsplit

from snapgui.engine.victim.victim import Victim
from snapgui.errors import DataError
from snapgui.progress import drain
from snapgui.study.design.recipe import Recipe
from snapgui.study.design.settings import StudySettings
from snapgui.study.design.study import Study
from snapgui.study.design.texts import DESIGN_WORDS, duration_words
from snapgui.study.pictures.build import BuildOutcome, build_study
from snapgui.study.pictures.material import Material
from snapgui.study.records import StoreError, StudyError
from snapgui.study.store.deletion import Counts, count_answers
from snapgui.study.store.store import StudyStore
from snapgui.ui.jobs import Handle
from snapgui.words import as_set, counted, shorten


@dataclass(frozen=True)
class StudyTask:
    """What a job is asked; ``victim`` loads the model that checks the shams, None asks no model."""

    material: Material
    recipe: Recipe
    settings: StudySettings
    victim: Callable[[], Victim] | None


@dataclass(frozen=True)
class StoredStudy:
    """A study of the store with how far it is."""

    name: str
    study: Study
    counts: Counts


def study_work(task: StudyTask, store: StudyStore) -> Callable[[Handle], BuildOutcome | None]:
    """Work that makes and freezes one study; None where it was stopped, and then nothing is kept."""

    def work(handle: Handle) -> BuildOutcome | None:
        try:
            victim = task.victim() if task.victim else None
            building = build_study(
                task.material, task.recipe, task.settings, store, victim=victim, stop=handle.stop
            )
            return drain(building, handle.report)
        except OSError as error:
            raise DataError(
                f"The study was not made, since a file could not be read or written: {error}. "
                "Nothing of it is kept."
            ) from error

    return work


def stored_studies(store: StudyStore) -> tuple[list[StoredStudy], list[str]]:
    """All studies, the newest first, and a sentence for each that was damaged or tampered with; raises
    StudyError where the database cannot be read at all.
    """
    found, damaged = [], []
    for name, title in reversed(store.studies()):
        try:
            found.append(StoredStudy(name, store.study(name), count_answers(store, name)))
        except StoreError:
            raise
        except StudyError as error:
            damaged.append(f"{shorten(title)} ({name}): {error}")
    return found, damaged


def study_table(studies: Sequence[StoredStudy]) -> dict[str, list[str]]:
    """The studies as columns of words."""
    columns: dict[str, Callable[[StoredStudy], str]] = {
        "Title": lambda stored: stored.study.settings.title,
        "Design": lambda stored: (
            f"{stored.study.settings.kind}: {DESIGN_WORDS[stored.study.settings.kind][0]}"
        ),
        "Readers": lambda stored: str(stored.counts.readers),
        "Sessions done": _sessions_done,
        "Trials per session": lambda stored: str(len(stored.study.lists[0][0])),
        "Answers": lambda stored: f"{stored.counts.responses:,}",
        "Frozen (UTC)": lambda stored: stored.counts.made[:16].replace("T", " "),
    }
    return {title: [read(stored) for stored in studies] for title, read in columns.items()}


def _sessions_done(stored: StoredStudy) -> str:
    counts = stored.counts
    return f"{counts.sessions_done} of {counts.sessions} started" if counts.sessions else "none yet"


def about_study(stored: StoredStudy) -> str:
    """A study on one line."""
    study, settings = stored.study, stored.study.settings
    main = [stimulus for stimulus in study.stimuli if stimulus.use == "main"]
    arms = sorted({stimulus.arm for stimulus in main}, key=lambda arm: (arm.altered, arm.name))
    sources = len({stimulus.source for stimulus in main})
    apart = "" if settings.sessions == 1 else f", {settings.washout_days} days apart"
    exposures = (
        f" · shown for {', '.join(map(str, settings.exposures_ms))} ms" if settings.kind == "D" else ""
    )
    return (
        f"{DESIGN_WORDS[settings.kind][0]} · {counted(sources, 'picture')} in {counted(len(arms), 'arm')} "
        f"({', '.join(arm.name for arm in arms)}) · {counted(settings.sessions, 'session')}{apart} of "
        f"{session_words(study)}{exposures} · margin {as_set(settings.margin)} correct · {stored.name}"
    )


def session_words(study: Study) -> str:
    """What one session holds."""
    trials = study.lists[0][0]
    counts = {
        role: sum(trial.role == role for trial in trials) for role in ("practice", "main", "catch", "repeat")
    }
    named = {"practice": "practice", "main": "that count", "catch": "obvious", "repeat": "repeated"}
    parts = ", ".join(f"{count} {named[role]}" for role, count in counts.items() if count)
    return f"{counted(len(trials), 'trial')} ({parts}), {duration_words(study.settings.kind, len(trials))}"


def reader_address(page_url: str | None, name: str, *, port: int, base_path: str = "") -> str:
    """The address at which a reader finds a study, made from that of the page at which the investigator
    is.
    """
    parts = urlsplit(page_url or "")
    server = f"{parts.scheme}://{parts.netloc}" if parts.netloc else f"http://localhost:{port}"
    path = f"/{base_path.strip('/')}" if base_path.strip("/") else ""
    return f"{server}{path}/?study={name}"
