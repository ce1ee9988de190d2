"""From material to a frozen study: sources are drawn, split by use, made into stimuli, and taken into the
store.
"""

from collections import Counter, deque
from collections.abc import Callable, Generator
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from snapgui.engine.images import sha256
from snapgui.engine.sham import SHAM_ATTEMPTS, Source
from snapgui.engine.victim.victim import Victim
from snapgui.study.design.freeze import design_text, freeze, read_design
from snapgui.study.design.recipe import Recipe, arms_for, draft_study, share_out
from snapgui.study.design.settings import StudySettings
from snapgui.study.design.study import ShamCounts, Study, make_study
from snapgui.study.pictures.material import Material, readable, size_words
from snapgui.study.pictures.stimuli import make_stimuli
from snapgui.study.records import SHAM, Stimulus, StudyError
from snapgui.study.store.folders import has_folder, remove_folder, study_folder, study_name
from snapgui.study.store.store import StudyStore


@dataclass(frozen=True)
class BuildProgress:
    """How far a study is: sources made, of how many, and why others were left out."""

    done: int
    wanted: int
    left_out: int


@dataclass(frozen=True)
class BuildOutcome:
    """A frozen study.

    Attributes:
        name, sha256: of the design.
        sources, asked: main sources that it has, and that were asked for.
        repeats: trials that are asked again; fewer than asked for where fewer sources leave no room.
        left_out: one sentence for each source that was left out.
    """

    name: str
    sha256: str
    sources: int
    asked: int
    repeats: int
    left_out: tuple[str, ...] = field(default=())


def build_study(
    material: Material,
    recipe: Recipe,
    settings: StudySettings,
    store: StudyStore,
    *,
    victim: Victim | None = None,
    stop: Callable[[], bool] | None = None,
) -> Generator[BuildProgress, None, BuildOutcome | None]:
    """Make a study, freeze it in the workspace and take it into the store; yields progress, returns None
    where it was stopped.

    Sources are drawn at random by the settings' seed. Left out, with a sentence each: pictures that cannot be
    read or do not agree with their mask, images that another source shows already, and with a victim those
    whose every sham fools it too (these serve as obvious pictures first). Nothing is on disk before all
    pictures are made.

    Args:
        victim: the model that was attacked, for choosing shams that do not fool it; without it they are not
            asked.
        stop: asked before each source.

    Raises:
        StudyError: too little material, an arm that it does not have, a victim that is not the one attacked,
            or the study cannot be written.
    """
    _require_fit(material, recipe, victim)
    draft_study(material.truths, recipe, settings)
    waiting = deque(share_out(recipe, len(material.names)))
    wanted, asked = len(waiting), sum(use == "main" for use, _ in waiting)
    order = deque(map(int, np.random.default_rng([settings.seed, 7]).permutation(len(material.names))))
    bench = _Bench()
    while waiting:
        use, number = waiting[0]
        from_spare = use == "catch" and bool(bench.spare)
        # What is left is kept for the obvious ones, for which pictures without a sham are good enough.
        if (use == "main" and len(order) + len(bench.spare) <= recipe.catch) or not (order or from_spare):
            waiting.popleft()
            continue
        if stop and stop():
            return None
        yield BuildProgress(len(bench.made), wanted, len(bench.left_out))
        arms = arms_for(use, recipe, settings.kind, number)
        source = (
            bench.spare.pop()
            if from_spare
            else bench.accept(material, order.popleft(), [arm.name for arm in arms])
        )
        if source is None:
            continue
        own = make_stimuli([source], arms, seed=settings.seed, use=use, victim=victim)
        bench.count_shams(own[0])
        if any(made.arm.name == "sham" and made.details.get("fooled") for made in own[0]):
            bench.spare.append(source)
            bench.left_out[source.name] = (
                f"{source.name}: every sham fools the model as SNAP does, so it is none."
            )
        else:
            bench.keep(source, own)
            waiting.popleft()
    yield BuildProgress(len(bench.made), wanted, len(bench.left_out))
    left_out = tuple(bench.left_out.values())
    main = sum(own[0].use == "main" for own, _ in bench.made)
    if not main:
        why = f" The first: {left_out[0]}" if left_out else ""
        raise StudyError(
            f"No picture is left for the trials that count; {len(left_out)} of "
            f"{len(material.names)} were left out.{why}"
        )
    repeats = min(settings.repeats, max(0, main - settings.repeat_gap + 1))
    study = make_study(
        [stimulus for own, _ in bench.made for stimulus in own],
        replace(settings, repeats=repeats),
        bench.sham_counts(),
    )
    name, digest = _take_in(
        study, {name: data for _, files in bench.made for name, data in files.items()}, store
    )
    return BuildOutcome(name, digest, main, asked, repeats, left_out)


@dataclass
class _Bench:
    """Sources on their way: made ones, spare ones that have no sham, and why others were left out, by name;
    and what was said of each source's shams.
    """

    shams: list[dict[str, Any]] = field(default_factory=list)
    made: list[tuple[list[Stimulus], dict[str, bytes]]] = field(default_factory=list)
    spare: list[Source] = field(default_factory=list)
    left_out: dict[str, str] = field(default_factory=dict)
    seen: dict[str, str] = field(default_factory=dict)
    size: str = ""

    def accept(self, material: Material, index: int, arms: list[str]) -> Source | None:
        """A source that can stand beside those before it; None, and the reason is noted, where it cannot."""
        source = readable(material, index, arms)
        if isinstance(source, str):
            self.left_out[material.names[index]] = source
            return None
        size, twin = size_words(source.pixels), self.seen.get(sha256(source.pixels.tobytes()))
        if self.size not in ("", size):
            self.left_out[source.name] = (
                f"{source.name}: it is {size} and others are {self.size}, which would tell them apart."
            )
        elif twin:
            self.left_out[source.name] = f"{source.name}: it shows the same image as {twin}."
        else:
            self.seen[sha256(source.pixels.tobytes())] = source.name
            self.size = size
            return source
        return None

    def count_shams(self, own: list[Stimulus]) -> None:
        """Note how a source's sham came about, where a model was asked."""
        self.shams += [
            stimulus.details
            for stimulus in own
            if stimulus.arm == SHAM and stimulus.details["fooled"] is not None
        ]

    def sham_counts(self) -> ShamCounts | None:
        """What was noted, in numbers; None where no model was asked."""
        if not self.shams:
            return None
        tries = Counter(details["tries"] for details in self.shams if not details["fooled"])
        return ShamCounts(
            asked=len(self.shams),
            first_fooled=sum(details["first_fooled"] for details in self.shams),
            lost=sum(details["fooled"] for details in self.shams),
            tries={str(count): tries[count] for count in sorted(tries)},
            most_tries=SHAM_ATTEMPTS,
        )

    def keep(self, source: Source, own: tuple[list[Stimulus], dict[str, bytes]]) -> None:
        """Take the stimuli of a source in."""
        self.left_out.pop(source.name, None)
        self.made.append(own)


def _require_fit(material: Material, recipe: Recipe, victim: Victim | None) -> None:
    """Raise StudyError for an arm that the material does not have, or a model that is not the one
    attacked.
    """
    known = ("untouched", "SNAP", "sham", *material.conditions)
    unknown = [arm for arm in recipe.arms if arm not in known]
    if unknown:
        raise StudyError(
            f"“{unknown[0]}” cannot be had from {material.label}; there are {', '.join(known)}. "
            "Choose from these."
        )
    if victim is not None and material.model_sha256 and victim.card.sha256 != material.model_sha256:
        raise StudyError(
            f"The pictures were made against another model ({material.model_sha256[:10]}) than "
            f"{victim.card.name} ({victim.card.sha256[:10]}). "
            "Give that model, or do not let a model check the shams."
        )


def _take_in(study: Study, files: dict[str, bytes], store: StudyStore) -> tuple[str, str]:
    """Freeze a study and take it into the store; gives its name and its SHA-256, and leaves no folder where
    that fails.
    """
    digest = read_design(design_text(study))[1]
    name = study_name(digest)
    fresh = not has_folder(name)
    try:
        freeze(study, files, study_folder(name))
        store.create_study(study_folder(name))
    except Exception:
        if fresh:
            remove_folder(name)
        raise
    return name, digest
