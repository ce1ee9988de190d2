"""How pictures become a study: arms, uses and numbers, and what a session then holds."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Self

from snapgui.engine.settings import Settings
from snapgui.errors import SettingsError
from snapgui.study.design.settings import StudySettings
from snapgui.study.design.study import Study, make_study
from snapgui.study.records import OBVIOUS, SNAP, UNTOUCHED, Arm, Kind, Stimulus, StudyError, Use

MOST_SOURCES = 2000


@dataclass(frozen=True)
class Recipe(Settings):
    """How material becomes stimuli.

    Attributes:
        arms: ways in which the main sources are shown: ``untouched``, and altered ones by name.
        sources: main sources at most; the rest of the material is not used.
        practice: sources for practice trials.
        catch: sources for obvious trials.
    """

    arms: tuple[str, ...] = ("untouched", "SNAP", "sham")
    sources: int = 40
    practice: int = 4
    catch: int = 4

    def __post_init__(self) -> None:
        self._check_range("sources", 1, MOST_SOURCES)
        self._check_range("practice", 0, 100)
        self._check_range("catch", 0, 100)
        if (
            len(set(self.arms)) < len(self.arms)
            or "untouched" not in self.arms
            or len(self.arms) < 2
            or OBVIOUS.name in self.arms
        ):
            raise SettingsError(
                f"The arms are {', '.join(self.arms) or 'none'}; give untouched and at least one "
                "altered arm, each once."
            )

    @classmethod
    def from_json(cls, values: dict[str, Any]) -> Self:
        return super().from_json(values | {"arms": tuple(values["arms"])})


def suggest_recipe(count: int, arms: Sequence[str] = Recipe().arms) -> Recipe:
    """Counts that fit to so many pictures: about a tenth each for practice and as obvious ones, at most
    four.
    """
    extra = min(4, count // 8)
    return Recipe(tuple(arms), min(60, max(1, count - 2 * extra)), extra, extra)


def suggest_repeats(sources: int) -> tuple[int, int]:
    """How many trials are asked again, and after how many others, in a session of so many sources."""
    gap = min(10, max(1, sources // 2))
    return min(6, sources // 5, sources - gap + 1), gap


def arms_for(use: Use, recipe: Recipe, kind: Kind, number: int) -> tuple[Arm, ...]:
    """The arms of the ``number``-th source of a use.

    Practice goes from plain to subtle: untouched, obvious, then the study's own arms. In design C every
    second practice source is untouched alone and serves for diagnosis, where nothing may hint at alterations.
    """
    own = tuple(UNTOUCHED if name == UNTOUCHED.name else Arm(name) for name in recipe.arms)
    if use == "catch":
        return UNTOUCHED, OBVIOUS
    if use == "practice":
        return (
            (UNTOUCHED,)
            if kind == "C" and number % 2 == 0
            else (UNTOUCHED, OBVIOUS, *(arm for arm in own if arm.altered))
        )
    return own


def draft_study(truths: Sequence[int | None], recipe: Recipe, settings: StudySettings) -> Study:
    """The lists that a recipe gives, with stand-ins for pictures: what a session holds, before any picture is
    made.

    Raises:
        StudyError: as `make_study` does, or there are too few for practice and obvious pictures.
    """
    uses = share_out(recipe, len(truths))
    stimuli = [
        Stimulus(f"{use}{number}-{arm.name}", f"{use}{number:05d}", arm, truths[i], use)
        for i, (use, number) in enumerate(uses)
        for arm in arms_for(use, recipe, settings.kind, number)
    ]
    return make_study(stimuli, settings)


def share_out(recipe: Recipe, count: int) -> list[tuple[Use, int]]:
    """What each source is for, and its number among its like; main sources take what practice and catch
    leave.
    """
    extra = recipe.practice + recipe.catch
    if count <= extra:
        raise StudyError(
            f"There {'is 1 picture' if count == 1 else f'are {count} pictures'}, and {extra} are "
            "asked for practice and obvious pictures; "
            "none would be left for the trials that count. Ask for fewer, or give more pictures."
        )
    sizes: list[tuple[Use, int]] = [
        ("practice", recipe.practice),
        ("main", min(recipe.sources, count - extra)),
        ("catch", recipe.catch),
    ]
    return [(use, number) for use, size in sizes for number in range(size)]


def counted_trials(study: Study, arm: str = SNAP.name) -> tuple[int, int]:
    """Main trials of a reader, over all sessions, that speak of an arm: altered and untouched ones (at one
    exposure in design D).

    In a choice between two every trial shows both. The mean over the lists, rounded down.
    """
    by_id = study.by_id()
    levels = len(study.settings.exposures_ms) if study.settings.kind == "D" else 1
    altered = untouched = 0
    for sessions in study.lists:
        for trial in (
            trial
            for trials in sessions
            for trial in trials
            if trial.role == "main" and trial.question != "diagnosis"
        ):
            arms = {by_id[name].arm.name for name in trial.stimuli}
            altered += arm in arms
            untouched += trial.question == "altered" and UNTOUCHED.name in arms
    return altered // (levels * len(study.lists)), untouched // (levels * len(study.lists))
