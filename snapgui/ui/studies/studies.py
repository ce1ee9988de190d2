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
from snapgui.study.store.deletion import Counts, count_answers
from snapgui.study.store.store import StudyStore
from snapgui.ui.jobs import Handle


@dataclass(frozen=True)
class StudyTask:
    """What a job is asked; ``victim`` loads the model that checks the shams, None asks no model."""

    material: Material
    recipe: Recipe
    settings: StudySettings
    victim: Callable[[], Victim] | None


@dataclass(frozen=True)
class KeptStudy:
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


def kept_studies(store: StudyStore) -> list[KeptStudy]:
    """All studies, the newest first; raises StudyError where a design in the database was tampered with."""
    return [
        KeptStudy(name, store.study(name), count_answers(store, name))
        for name, _ in reversed(store.studies())
    ]


def study_table(studies: Sequence[KeptStudy]) -> dict[str, list[str]]:
    """The studies as columns of words."""
    return {
        "Title": [one.study.settings.title for one in studies],
        "Design": [
            f"{one.study.settings.kind}: {DESIGN_WORDS[one.study.settings.kind][0]}" for one in studies
        ],
        "Readers": [str(one.counts.readers) for one in studies],
        "Sessions done": [
            f"{one.counts.sessions_done} of {one.counts.sessions} begun"
            if one.counts.sessions
            else "none yet"
            for one in studies
        ],
        "Trials a session": [str(len(one.study.lists[0][0])) for one in studies],
        "Answers": [f"{one.counts.responses:,}" for one in studies],
        "Frozen (UTC)": [one.counts.made[:16].replace("T", " ") for one in studies],
    }


def about_study(one: KeptStudy) -> str:
    """A study on one line."""
    settings = one.study.settings
    arms = sorted(
        {stimulus.arm for stimulus in one.study.stimuli if stimulus.use == "main"},
        key=lambda arm: (arm.altered, arm.name),
    )
    sources = len({stimulus.source for stimulus in one.study.stimuli if stimulus.use == "main"})
    sessions = (
        "1 session"
        if settings.sessions == 1
        else f"{settings.sessions} sessions, {settings.washout_days} days apart"
    )
    exposures = (
        f" · shown for {', '.join(map(str, settings.exposures_ms))} ms" if settings.kind == "D" else ""
    )
    return (
        f"{DESIGN_WORDS[settings.kind][0]} · {sources} pictures in {len(arms)} arms "
        f"({', '.join(arm.name for arm in arms)}) · {sessions} of "
        f"{session_words(one.study)}{exposures} · margin {settings.margin * 100:g} % right · {one.name}"
    )


def session_words(study: Study) -> str:
    """What one session holds."""
    trials = study.lists[0][0]
    counts = {
        role: sum(trial.role == role for trial in trials) for role in ("practice", "main", "catch", "repeat")
    }
    named = {"practice": "practice", "main": "that count", "catch": "obvious", "repeat": "repeated"}
    parts = ", ".join(f"{count} {named[role]}" for role, count in counts.items() if count)
    return f"{len(trials)} trials ({parts}), {duration_words(study.settings.kind, len(trials))}"


def reader_address(page_url: str | None, name: str, *, port: int, base_path: str = "") -> str:
    """The address at which a reader finds a study, made from that of the page at which the investigator
    is.
    """
    parts = urlsplit(page_url or "")
    server = f"{parts.scheme}://{parts.netloc}" if parts.netloc else f"http://localhost:{port}"
    path = f"/{base_path.strip('/')}" if base_path.strip("/") else ""
    return f"{server}{path}/?study={name}"
