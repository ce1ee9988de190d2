"""Pictures under one condition: made, rounded to 8 bits, scored and compared with the untouched ones."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch

from snapgui.corruptions.subjects import Pixels, Subjects
from snapgui.engine.corruptions.catalogue import CORRUPTIONS, MOST_GRADES, corrupt, corruption_of
from snapgui.engine.images import to_image
from snapgui.engine.settings import Settings
from snapgui.engine.victim.victim import Victim
from snapgui.engine.visibility.measures import colour_difference, similarity_map
from snapgui.errors import DataError, SettingsError
from snapgui.words import listed

UNTOUCHED = "untouched"
# Shares of what SNAP changed, from hardly anything to all of it.
SCALES = (0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0)
Row = dict[str, object]


@dataclass(frozen=True)
class CorruptionSettings(Settings):
    """What is measured.

    Attributes:
        kinds: names of `CORRUPTIONS`.
        grades: of each kind that has them, 1 the weakest.
        images: at most so many of each class; None takes all.
        seed: of all places, directions and signs.
        batch_size: pictures in the victim at once.
    """

    kinds: tuple[str, ...] = tuple(CORRUPTIONS)
    grades: tuple[int, ...] = tuple(range(1, MOST_GRADES + 1))
    images: int | None = None
    seed: int = 0
    batch_size: int = 32

    def __post_init__(self) -> None:
        for kind in self.kinds:
            corruption_of(kind)
        for grade in self.grades:
            if isinstance(grade, bool) or not isinstance(grade, int) or not 1 <= grade <= MOST_GRADES:
                raise SettingsError(
                    f"A grade is {grade}; grades are whole numbers from 1, weakest, to {MOST_GRADES}."
                )
        if not self.kinds or not self.grades:
            raise SettingsError("No corruption or no grade is asked for; name at least one of each.")
        if not any(map(self.grades_of, self.kinds)):
            raise SettingsError(
                f"{listed(self.kinds)} has no grade {listed([str(grade) for grade in self.grades])}; its "
                f"grades end at {max(len(CORRUPTIONS[kind].strengths) for kind in self.kinds)}."
            )
        if self.images is not None:
            self._check_range("images", 1, 10**9)
        self._check_range("seed", 0, 2**63 - 1)
        self._check_range("batch_size", 1, 4096)

    def grades_of(self, kind: str) -> list[int]:
        """The grades asked for that the kind has."""
        return sorted({grade for grade in self.grades if grade <= len(CORRUPTIONS[kind].strengths)})


def measure(
    victim: Victim, subjects: Subjects, places: Sequence[int], condition: str, settings: CorruptionSettings
) -> list[Row]:
    """Rows of some places under `UNTOUCHED`, a kind of corruption at each grade, or a curve of SNAP at each
    of `SCALES`.

    A row says ``condition``, ``level`` (grade or scale), ``name``, ``label``, ``predicted``, ``p_label``, and
    ``de00`` and ``ssim``, means over the whole picture.

    Raises:
        DataError: SNAP's picture is gone or of another size.
    """
    rows: list[Row] = []
    made: list[Pixels] = []
    for place in places:
        own = subjects.pixels(place)
        for level, picture in _pictures(subjects, place, own, condition, settings):
            made.append(picture)
            same = condition == UNTOUCHED
            rows.append(
                {
                    "condition": condition,
                    "level": level,
                    "name": subjects.names[place],
                    "label": subjects.labels[place],
                    "de00": 0.0 if same else float(colour_difference(own, picture).mean()),
                    "ssim": 1.0 if same else float(similarity_map(own, picture).mean()),
                }
            )
    for first in range(0, len(made), settings.batch_size):
        batch = slice(first, first + settings.batch_size)
        found = victim.predict(torch.stack([to_image(picture) for picture in made[batch]])).cpu()
        for row, p in zip(rows[batch], found, strict=True):
            row["predicted"] = int(p.argmax())
            row["p_label"] = float(p[int(str(row["label"]))])
    return rows


def _pictures(
    subjects: Subjects, place: int, own: Pixels, condition: str, settings: CorruptionSettings
) -> list[tuple[float, Pixels]]:
    """Each level of a condition with its picture; none where SNAP has no picture."""
    if condition == UNTOUCHED:
        return [(0.0, own)]
    if condition in subjects.snap:
        altered = subjects.snap[condition](place)
        return [] if altered is None else [(scale, weaken(own, altered, scale)) for scale in SCALES]
    name = subjects.names[place]
    return [
        (float(grade), corrupt(own, condition, grade, name=name, seed=settings.seed))
        for grade in settings.grades_of(condition)
    ]


def weaken(original: Pixels, altered: Pixels, scale: float) -> Pixels:
    """A picture that differs from the original by a share of what the altered one does, rounded to 8 bits.

    Raises:
        DataError: the two are of different sizes.
    """
    if original.shape != altered.shape:
        raise DataError(
            f"A picture of SNAP is {altered.shape[1]} x {altered.shape[0]} px and its original "
            f"{original.shape[1]} x {original.shape[0]} px; they must be of one size. Run the audit again."
        )
    return np.rint(original + scale * (altered.astype(np.float64) - original)).astype(np.uint8)
