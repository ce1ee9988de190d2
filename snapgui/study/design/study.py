"""The design of a study: who sees what, in which order; `frozen` keeps it from changing."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, Self, get_args

import numpy as np

from snapgui.engine.settings import Settings
from snapgui.study.design.lists import Shown, build_session
from snapgui.study.design.settings import StudySettings
from snapgui.study.records import SNAP, Stimulus, StudyError, Trial

Measure = Literal["auc", "right"]


@dataclass(frozen=True)
class Primary(Settings):
    """The one outcome that a study is for, named before its first trial.

    Attributes:
        arm: what is told from untouched pictures.
        measure: ``auc``, the area under the ROC curve, or ``right``, the share right of two.
        margin_from, margin_to: between these it counts as practically chance.
    """

    arm: str
    measure: Measure
    margin_from: float
    margin_to: float

    def __post_init__(self) -> None:
        self._check_choice("measure", get_args(Measure))


@dataclass(frozen=True)
class ShamCounts(Settings):
    """How the shams of a study came about, where a model was asked.

    Attributes:
        asked: sources for which shams were made.
        first_fooled: of these, those whose first sham fooled the model as SNAP did.
        lost: of these, those whose every sham did, so that they were left out.
        tries: how many sources took how many shams until one did not, by the number of shams.
        most_tries: how many were made at most of a source.
    """

    asked: int
    first_fooled: int
    lost: int
    tries: dict[str, int]
    most_tries: int


@dataclass(frozen=True)
class Study(Settings):
    """A whole design. ``lists[k][s]`` are the trials of session ``s`` for a reader of list ``k``.

    Designs of before have neither a ``primary`` outcome nor counts of ``shams``; these have counts where a
    model was asked.
    """

    settings: StudySettings
    stimuli: tuple[Stimulus, ...]
    lists: tuple[tuple[tuple[Trial, ...], ...], ...]
    primary: Primary | None = None
    shams: ShamCounts | None = None

    def to_json(self) -> dict[str, Any]:
        """What is not there is not written, so that a design of before has the text that was frozen."""
        return {name: value for name, value in super().to_json().items() if value is not None}

    def by_id(self) -> dict[str, Stimulus]:
        """Stimuli by their opaque names."""
        return {stimulus.id: stimulus for stimulus in self.stimuli}

    def trials_of(self, list_index: int, session: int) -> tuple[Trial, ...]:
        """The trials of a session, both counted from 0; raises StudyError where the design has none such."""
        if not 0 <= list_index < len(self.lists) or not 0 <= session < len(self.lists[list_index]):
            raise StudyError(
                f"The database has a session {session + 1} of list {list_index}, which the design of "
                f"“{self.settings.title[:40]}” does not have. Restore the database."
            )
        return self.lists[list_index][session]

    @classmethod
    def from_json(cls, values: dict[str, Any]) -> Self:
        lists = tuple(
            tuple(tuple(map(Trial.from_json, trials)) for trials in sessions) for sessions in values["lists"]
        )
        stimuli = tuple(map(Stimulus.from_json, values["stimuli"]))
        later = {
            name: kind.from_json(values[name])
            for name, kind in (("primary", Primary), ("shams", ShamCounts))
            if values.get(name) is not None
        }
        settings = StudySettings.from_json(values["settings"])
        return super().from_json(values | {"settings": settings, "stimuli": stimuli, "lists": lists} | later)


def make_study(
    stimuli: Sequence[Stimulus], settings: StudySettings, shams: ShamCounts | None = None
) -> Study:
    """Lists for the stimuli: a Latin square of sources and conditions.

    A condition is an arm (A, C), an arm and the side of the altered picture (B), or an arm and an exposure
    (D). With ``n`` conditions there are ``2n`` lists: source ``i`` is met under condition ``i + k + s``
    modulo ``n`` by list ``k`` in session ``s``, and lists ``n`` to ``2n - 1`` show the same in the opposite
    order. So no reader meets a source twice in a session but in a declared repeat, and over the lists every
    source is met under every condition, as often early as late. A number of readers that is a multiple of
    ``2n`` uses all lists equally.

    Raises:
        StudyError: a source lacks an arm, a source serves two uses, or there are too few sources for what is
            asked.
    """
    by_source: dict[str, dict[str, Stimulus]] = defaultdict(dict)
    for stimulus in stimuli:
        if stimulus.arm.name in by_source[stimulus.source]:
            raise StudyError(
                f"{stimulus.source} is there twice as “{stimulus.arm.name}”. Give each source and arm once."
            )
        by_source[stimulus.source][stimulus.arm.name] = stimulus
    mixed = [name for name, own in by_source.items() if len({stimulus.use for stimulus in own.values()}) > 1]
    if mixed:
        raise StudyError(
            f"{mixed[0]} serves several uses. Practice and obvious pictures need sources of their own."
        )
    main, practice, catch = (
        {name: own for name, own in sorted(by_source.items()) if next(iter(own.values())).use == use}
        for use in ("main", "practice", "catch")
    )
    conditions = _conditions(main, practice, catch, settings)
    if settings.sessions > len({shown.arm for shown in conditions}):
        raise StudyError(
            f"{settings.sessions} sessions are asked and there are "
            f"{len({s.arm for s in conditions})} arms; a source would be met again as before."
        )
    lists = tuple(
        tuple(
            build_session(
                _shuffled(main, settings.seed),
                practice,
                catch,
                conditions,
                shift=k % len(conditions) + session,
                mirrored=k >= len(conditions),
                kind=settings.kind,
                repeats=settings.repeats,
                gap=settings.repeat_gap,
                seed=(settings.seed, k, session),
            )
            for session in range(settings.sessions)
        )
        for k in range(2 * len(conditions))
    )
    return Study(
        settings,
        tuple(sorted(stimuli, key=lambda stimulus: stimulus.id)),
        lists,
        _primary(main, settings),
        shams,
    )


def made_again(study: Study) -> Study:
    """The study that `make_study` makes of the settings and pictures of another: the same, unless it was
    changed or another version made it.

    A frozen design no longer tells in which order its arms were given; they are taken as the first list
    meets them. Raises StudyError as `make_study` does.
    """
    by_id = study.by_id()
    main: dict[str, dict[str, Stimulus]] = defaultdict(dict)
    for stimulus in sorted(study.stimuli, key=lambda one: one.source):
        if stimulus.use == "main":
            main[stimulus.source][stimulus.arm.name] = stimulus
    met: dict[str, str] = {}
    for trial in study.lists[0][0] if study.lists and study.lists[0] else ():
        shown = [by_id[name] for name in trial.stimuli if name in by_id]
        one = next((stimulus for stimulus in shown if stimulus.arm.altered), shown[0] if shown else None)
        if trial.role == "main" and one is not None:
            met.setdefault(one.source, one.arm.name)
    shuffled = _shuffled(main, study.settings.seed)
    sources = [next(iter(own.values())).source for own in shuffled]
    arms = list(dict.fromkeys(met[source] for source in sources if source in met))
    order = {name: place for place, name in enumerate(arms)}
    stimuli = sorted(study.stimuli, key=lambda one: order.get(one.arm.name, -1))
    return make_study(stimuli, study.settings, study.shams)


def _primary(main: Mapping[str, Mapping[str, Stimulus]], settings: StudySettings) -> Primary:
    """SNAP against untouched pictures; where there is no SNAP, the first other arm."""
    altered = [name for own in main.values() for name, stimulus in own.items() if stimulus.arm.altered]
    arm = SNAP.name if SNAP.name in altered else altered[0]
    measure: Measure = "right" if settings.kind == "B" else "auc"
    return Primary(arm, measure, 1 - settings.margin, settings.margin)


def _conditions(
    main: Mapping[str, Mapping[str, Stimulus]],
    practice: Mapping[str, Mapping[str, Stimulus]],
    catch: Mapping[str, Mapping[str, Stimulus]],
    settings: StudySettings,
) -> list[Shown]:
    """The conditions of a study, arms changing fastest."""
    arms = list(dict.fromkeys(name for own in main.values() for name in own))
    for name, own in main.items():
        missing = [arm for arm in arms if arm not in own]
        if missing:
            raise StudyError(
                f"{name} has no picture for {', '.join(missing)}; every source needs every arm. "
                "Leave it out or make them."
            )
    if settings.kind == "B":
        for name, own in [*main.items(), *practice.items(), *catch.items()]:
            if all(stimulus.arm.altered for stimulus in own.values()):
                raise StudyError(
                    f"{name} has no untouched picture; a choice between two needs it beside the altered one."
                )
    altered = [arm for arm in arms if any(own[arm].arm.altered for own in main.values())]
    if not altered:
        raise StudyError(
            "No source has an altered picture, so there is nothing to ask. Give SNAP or another condition."
        )
    if settings.kind == "B":
        return [Shown(arm, right=right) for right in (False, True) for arm in altered]
    levels: tuple[int | None, ...] = settings.exposures_ms if settings.kind == "D" else (None,)
    return [Shown(arm, exposure_ms=level) for level in levels for arm in arms]


def _shuffled(sources: Mapping[str, Mapping[str, Stimulus]], seed: int) -> list[Mapping[str, Stimulus]]:
    """Sources of one truth together, in random order within: so that each truth is spread over the
    conditions.
    """
    rng = np.random.default_rng([seed, 1])
    named = [list(sources.values())[i] for i in rng.permutation(len(sources))]
    return sorted(named, key=lambda own: str(next(iter(own.values())).truth))
