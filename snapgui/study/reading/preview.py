"""A reader's trials as they will be, without a session: nothing of a preview is written anywhere."""

import io
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from snapgui.engine.sham import Source
from snapgui.study.design.freeze import read_file
from snapgui.study.design.recipe import Recipe, arms_for, draft_study, share_out
from snapgui.study.design.settings import StudySettings
from snapgui.study.design.study import Study
from snapgui.study.pictures.material import Material, readable
from snapgui.study.pictures.stimuli import encode_stimulus, make_stimulus_pixels
from snapgui.study.reading.steps import read_answer
from snapgui.study.reading.trial import feedback_message, trial_message
from snapgui.study.records import Reader, ReaderSession, Stimulus, StudyError, Trial

PRACTICE, MAIN = 2, 4
Mask = NDArray[np.bool_]
# The PNG and the mask of a stimulus.
Shown = tuple[bytes, Mask | None]


@dataclass(frozen=True)
class Preview:
    """Some trials of a study, and how far one is.

    Attributes:
        settings: of the study.
        session: one that no store knows.
        trials: those that are shown, practice first.
        shown: picture and mask of each of their stimuli, by name.
        stimuli: all of the study, by name.
        draft: whether the study is not made yet.
        at: trials answered.
        feedback: what the last answer is told, see `trial.feedback_message`.
    """

    settings: StudySettings
    session: ReaderSession
    trials: tuple[Trial, ...]
    shown: Mapping[str, Shown]
    stimuli: Mapping[str, Stimulus]
    draft: bool
    at: int = 0
    feedback: dict[str, Any] | None = field(default=None)

    @property
    def trial(self) -> Trial | None:
        """The trial that is due; None at the end."""
        return self.trials[self.at] if self.at < len(self.trials) else None

    def message(self) -> dict[str, Any]:
        """The trial that is due as the browser gets it."""
        trial = self.trials[self.at]
        pictures = [self.shown[name][0] for name in trial.stimuli]
        return trial_message(self.session, trial, pictures) | {
            "feedback": self.feedback,
            "refused": 0,
            "largest_px": None,
            "preview": True,
        }

    def answered(self, payload: Any) -> Self:
        """The same after an answer that the browser sent; one to another trial changes nothing.

        Raises:
            StudyError: what was sent is no answer.
        """
        response, trial = read_answer(self.session.trials, payload), self.trial
        if trial is None or response.trial_index != trial.index:
            return self
        masks = [self.shown[name][1] for name in trial.stimuli]
        told = feedback_message(trial, response, self.stimuli, masks) if trial.feedback else None
        return replace(self, at=self.at + 1, feedback=told)


def preview_draft(material: Material, recipe: Recipe, settings: StudySettings) -> Preview:
    """Trials of a study that is not made yet; shams are not checked by the model.

    Raises:
        StudyError: too little material, or a picture that cannot be read.
    """
    study = draft_study(material.truths, recipe, settings)
    order = np.random.default_rng([settings.seed, 7]).permutation(len(material.names))
    places = {
        f"{use}{number:05d}": (int(order[place]), arms_for(use, recipe, settings.kind, number))
        for place, (use, number) in enumerate(share_out(recipe, len(material.names)))
    }
    sources: dict[str, Source] = {}

    def read(stimulus: Stimulus) -> Shown:
        if stimulus.source not in sources:
            index, arms = places[stimulus.source]
            found = readable(material, index, [arm.name for arm in arms])
            if isinstance(found, str):
                raise StudyError(found)
            sources[stimulus.source] = found
        source = sources[stimulus.source]
        return encode_stimulus(make_stimulus_pixels(source, stimulus.arm)), source.mask

    return _preview(study, read, draft=True)


def preview_frozen(study: Study, folder: Path) -> Preview:
    """Trials of a frozen study; raises StudyError where one of its pictures was changed or is gone."""

    def read(stimulus: Stimulus) -> Shown:
        mask = None
        if stimulus.mask in stimulus.files:
            with Image.open(io.BytesIO(read_file(folder, stimulus, stimulus.mask))) as picture:
                mask = np.asarray(picture.convert("L")) > 127
        return read_file(folder, stimulus, stimulus.picture), mask

    return _preview(study, read, draft=False)


def _preview(study: Study, read: Callable[[Stimulus], Shown], *, draft: bool) -> Preview:
    everything, by_id = study.lists[0][0], study.by_id()
    trials = (
        *[trial for trial in everything if trial.role == "practice"][:PRACTICE],
        *[trial for trial in everything if trial.role == "main"][:MAIN],
    )
    names = {name for trial in trials for name in trial.stimuli}
    session = ReaderSession("preview", Reader("PREV-IEWS", "preview", 0), 0, everything)
    return Preview(study.settings, session, trials, {name: read(by_id[name]) for name in names}, by_id, draft)
