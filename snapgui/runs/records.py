"""Frozen records that cross rooms: what a run is asked, what it says on the way, what it leaves."""

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from snapgui.engine.settings import AttackSettings, CellSettings
from snapgui.engine.visibility.measures import Visibility
from snapgui.engine.visibility.naturalness import Naturalness


@dataclass(frozen=True)
class RunRequest:
    """One image to be attacked.

    Attributes:
        pixels: uint8 ``(H, W, 3)``, the image on its native grid.
        mask: bool ``(H, W)``, where pixels may change.
        attack: settings of the optimiser.
        cells: settings that proposed the mask; None where it was drawn, imported or taken from an
            audit.
        image_name: for people; never used as a path.
        mask_source: ``proposed``, ``drawn``, ``edited``, ``imported`` or ``audit``.
        true_class: the label, where it is known.
        synthetic: whether the image is a generated demo patch.
    """

    pixels: NDArray[np.uint8]
    mask: NDArray[np.bool_]
    attack: AttackSettings
    cells: CellSettings | None = None
    image_name: str = "image"
    mask_source: str = "proposed"
    true_class: int | None = None
    synthetic: bool = False


@dataclass(frozen=True)
class Progress:
    """Where a run stands after one step.

    Attributes:
        step: 0 is the start colour, before any gradient.
        steps: limit.
        p: probability of each class at this step.
        best_step: step of the best iterate so far.
        best_p_target: its probability of the target class.
        ms_per_step: median so far.
        left_s: at most this many seconds are left.
        preview: uint8 ``(H, W, 3)``, the best iterate so far.
    """

    step: int
    steps: int
    p: tuple[float, ...]
    best_step: int
    best_p_target: float
    ms_per_step: float
    left_s: float
    preview: NDArray[np.uint8]


@dataclass(frozen=True)
class CurvePoint:
    """One row of the confidence curve."""

    step: int
    p: tuple[float, ...]
    best_p_target: float


@dataclass(frozen=True)
class RunResult:
    """One finished (or stopped) run. Probabilities after are those of the saved 8-bit picture, read back.

    Attributes:
        run_id: name of the run's folder.
        request: what was asked.
        adversarial: uint8 ``(H, W, 3)``.
        curve: one point a step.
        best_step: step of the iterate that was kept.
        steps: gradient steps taken.
        p_before, p_after: probability of each class.
        success: p_after of the target reaches the confidence asked.
        flipped: the predicted class changed to the target.
        stopped: a person stopped it before its end.
        area_fraction: masked share of the image's pixels.
        centre: ``open`` if any masked pixel lies in the central 32 px, else ``excluded``.
        seconds: from first to last step, re-scoring included.
        classes: names of the classes.
        model_name, model_sha256, image_sha256: what was used; the image's hash is over its RGB pixels.
        device: on what it ran.
        started: ISO 8601, UTC.
        versions: of the libraries that decide numbers.
        controls: probability of the target class when the same mask is filled without optimisation, by name
            of the fill.
        visibility: by region, ``mask`` and ``whole``.
        findings: sentences of the checks before the run.
        naturalness: how natural it is; None in runs of before it was measured.
        generator_sha256: of the file from which nuclei were painted; None for other textures.
    """

    run_id: str
    request: RunRequest
    adversarial: NDArray[np.uint8]
    curve: tuple[CurvePoint, ...]
    best_step: int
    steps: int
    p_before: tuple[float, ...]
    p_after: tuple[float, ...]
    success: bool
    flipped: bool
    stopped: bool
    area_fraction: float
    centre: str
    seconds: float
    classes: tuple[str, ...]
    model_name: str
    model_sha256: str
    image_sha256: str
    device: str
    started: str
    versions: dict[str, str] = field(default_factory=dict)
    controls: dict[str, float] = field(default_factory=dict)
    visibility: dict[str, Visibility] = field(default_factory=dict)
    findings: tuple[str, ...] = ()
    naturalness: Naturalness | None = None
    generator_sha256: str | None = None

    @property
    def target(self) -> int:
        """The class aimed at."""
        return self.request.attack.target
