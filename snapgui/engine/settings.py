"""Settings of the engine's stages: checked when made, defaults stated once, plain JSON there and back."""

import dataclasses
from dataclasses import dataclass
from typing import Any, Literal, Self, get_args

from snapgui.errors import SettingsError
from snapgui.words import GAMUT_WORDS, TEXTURE_WORDS, as_set

Centre = Literal["open", "excluded"]
Placement = Literal["scattered", "nuclei", "all_nuclei", "gain", "trim"]
GamutName = Literal["range", "percentile", "pca", "stain"]
StainsName = Literal["own", "fixed"]
TextureName = Literal["free", "retouch", "nucleus"]
Start = Literal["median", "nuclear", "random"]
OptimiserName = Literal["sign", "adam", "halving"]

CENTRES: tuple[Centre, ...] = get_args(Centre)
PLACEMENTS: tuple[Placement, ...] = get_args(Placement)
GAMUTS: tuple[GamutName, ...] = get_args(GamutName)
STAINS: tuple[StainsName, ...] = get_args(StainsName)
TEXTURES: tuple[TextureName, ...] = get_args(TextureName)
STARTS: tuple[Start, ...] = get_args(Start)
OPTIMISERS: tuple[OptimiserName, ...] = get_args(OptimiserName)

# What people read for a random patch of a texture.
RANDOM_NAMES: dict[TextureName, str] = {
    "free": "random colours",
    "retouch": "random retouch",
    "nucleus": "random nuclei",
}
# How far a texture may go: a share of a stain's amount, or deviations of a code.
MOST_BOUND: dict[TextureName, float] = {"free": 4.0, "retouch": 1.0, "nucleus": 4.0}
# Of so many random patches the best is a control: about as many as the attack has steps.
BEST_OF = 50


def best_name(texture: TextureName) -> str:
    """What people read for the best of several random patches of a texture."""
    return f"best of {BEST_OF} draws of {RANDOM_NAMES[texture]}"


class Settings:
    """JSON there and back for a frozen dataclass; unknown names are errors, missing ones take their
    defaults.
    """

    def to_json(self) -> dict[str, Any]:
        return dataclasses.asdict(self)  # type: ignore[call-overload]

    @classmethod
    def from_json(cls, values: dict[str, Any]) -> Self:
        if not isinstance(values, dict):
            raise SettingsError(f"{cls.__name__} is {str(values)[:40]}; it must be settings by name.")
        known = {field.name for field in dataclasses.fields(cls)}  # type: ignore[arg-type]
        unknown = sorted(set(values) - known)
        if unknown:
            raise SettingsError(
                f"{cls.__name__} has no setting {', '.join(unknown)}; it has {', '.join(sorted(known))}."
            )
        for field in dataclasses.fields(cls):  # type: ignore[arg-type]
            value = values.get(field.name, field.default)
            if field.type in (int, bool, str) and type(value) is not field.type:
                raise SettingsError(
                    f"{field.name} is {str(value)[:40]}; it must be "
                    f"{ {int: 'a whole number', bool: 'true or false', str: 'a text'}[field.type] }."
                )
        return cls(**values)

    def _check_range(self, name: str, low: float, high: float) -> None:
        value = getattr(self, name)
        if isinstance(value, bool) or not isinstance(value, (int, float)) or not low <= value <= high:
            raise SettingsError(f"{name} is {value}; it must be a number from {low:g} to {high:g}.")

    def _check_choice(self, name: str, choices: tuple[str, ...]) -> None:
        if getattr(self, name) not in choices:
            raise SettingsError(f"{name} is “{getattr(self, name)}”; it must be one of {', '.join(choices)}.")


@dataclass(frozen=True)
class CellSettings(Settings):
    """How cells are proposed.

    Attributes:
        count: how many cells; with ``nuclei`` at most as many as the image has.
        area: share of the image's pixels that the cells cover together, 0 to 1.
        placement: ``scattered`` on tissue with a gap, over the image's own ``nuclei``, over every one of them
            with a rim of cytoplasm (``all_nuclei``: ``count`` means nothing and ``area`` is the most that
            they may cover), where the victim's ``gain`` is highest, or the same with three times
            as many cells, ``trim``med to those that add most.
        centre: whether the central 32 px, on which the label rests, are open to cells or excluded.
        gap_px: least distance between two cells.
        seed: same seed, same cells.
    """

    count: int = 12
    area: float = 0.05
    placement: Placement = "scattered"
    centre: Centre = "open"
    gap_px: float = 2.0
    seed: int = 0

    def __post_init__(self) -> None:
        self._check_range("count", 1, 200)
        self._check_range("area", 0.001, 0.5)
        self._check_range("gap_px", 0, 32)
        self._check_range("seed", 0, 2**63 - 1)
        self._check_choice("placement", PLACEMENTS)
        self._check_choice("centre", CENTRES)


@dataclass(frozen=True)
class AttackSettings(Settings):
    """How a patch is optimised.

    Attributes:
        target: class that the patch aims at.
        texture: what the patch is made of, see `engine.attack.texture`.
        bound: of ``retouch``, the largest share by which a stain's amount may rise or fall; of ``nucleus``,
            the largest value of a code, in standard deviations of real nuclei.
        grid_px: of ``retouch``, the distance between two nodes of the field by which it does.
        least_change: an image that has reached its goal goes on to the end of its steps, and of its iterates
            that reach the goal the one that changes least is kept; without it an image stops at its goal.
        gamut: colours that it may use.
        stains: of the gamut ``stain``, the vectors: each image's ``own``, or the ``fixed`` ones of earlier
            runs; ``retouch`` always takes the image's own.
        start: colour that it starts from (the paper: the image's median).
        steps: limit of gradient steps; what more would add is measured by ``benchmarks/ablation.py``.
        confidence: probability of the target class at which it stops; 1 is never reached, so that all steps
            are run.
        seed: of random start colours.
        optimiser: rule by which it moves, see `engine.attack.optimisers`; only ``sign`` can be repeated, the
            others are in records of earlier runs.
        leak: share of the gradient that shut rectifiers let through in an image's first step, soon less, see
            `engine.victim.rectifiers`; 0 is the plain gradient.
        restarts: further rounds, from random colours, for an image that is still standing.
        smoothness: weight of the roughness beyond the image's own; 0 is the paper's attack.
        soft_edge: the outermost pixel of each cell keeps half of its own colour.
    """

    target: int = 0
    texture: TextureName = "free"
    bound: float = 0.5
    grid_px: float = 2.0
    least_change: bool = False
    gamut: GamutName = "range"
    stains: StainsName = "own"
    start: Start = "median"
    steps: int = 50
    confidence: float = 0.95
    seed: int = 0
    optimiser: OptimiserName = "sign"
    leak: float = 0.6
    restarts: int = 0
    smoothness: float = 0.0
    soft_edge: bool = False

    def __post_init__(self) -> None:
        self._check_range("restarts", 0, 100)
        self._check_range("smoothness", 0, 100)
        self._check_range("leak", 0, 1)
        self._check_choice("optimiser", OPTIMISERS)
        self._check_choice("texture", TEXTURES)
        self._check_range("bound", 0.01, MOST_BOUND[self.texture])
        self._check_range("grid_px", 1, 96)
        if not isinstance(self.least_change, bool):
            raise SettingsError(f"least_change is {self.least_change}; it must be true or false.")
        if not isinstance(self.soft_edge, bool):
            raise SettingsError(f"soft_edge is {self.soft_edge}; it must be true or false.")
        self._check_range("target", 0, 999)
        self._check_range("steps", 1, 10_000)
        self._check_range("confidence", 0.5, 1.0)
        self._check_range("seed", 0, 2**63 - 1)
        self._check_choice("gamut", GAMUTS)
        self._check_choice("stains", STAINS)
        self._check_choice("start", STARTS)

    @classmethod
    def from_json(cls, values: dict[str, Any]) -> Self:
        """What `to_json` wrote; before ``leak`` was recorded, nothing leaked; before ``stains`` was,
        they were fixed.
        """
        return super().from_json({"leak": 0.0, "stains": "fixed"} | values)


@dataclass(frozen=True)
class UniversalSettings(Settings):
    """How one patch is trained for a set.

    Attributes:
        texture, bound, grid_px: what it is made of, see `AttackSettings`.
        gamut: colours that it may use, in each image's own.
        stains: of the gamut ``stain``, the vectors, see `AttackSettings`.
        confidence: probability of the aimed class at which an image counts as solved.
        epochs: times that each image is seen.
        batch_size: images a step.
        seed: of start, order and turns.
    """

    texture: TextureName = "free"
    bound: float = AttackSettings.bound
    grid_px: float = AttackSettings.grid_px
    gamut: GamutName = "range"
    stains: StainsName = "own"
    confidence: float = 0.95
    epochs: int = 20
    batch_size: int = 32
    seed: int = 0

    def __post_init__(self) -> None:
        self.on_one_image()
        self._check_range("confidence", 0.5, 0.999)
        self._check_range("epochs", 1, 10_000)
        self._check_range("batch_size", 1, 10_000)

    def on_one_image(self) -> AttackSettings:
        """The attack on an image alone with the same texture, colours and goal; raises SettingsError."""
        return AttackSettings(
            texture=self.texture,
            bound=self.bound,
            grid_px=self.grid_px,
            gamut=self.gamut,
            stains=self.stains,
            confidence=self.confidence,
            seed=self.seed,
        )

    @classmethod
    def from_json(cls, values: dict[str, Any]) -> Self:
        """What `to_json` wrote; before ``stains`` was recorded, they were fixed."""
        return super().from_json({"stains": "fixed"} | values)


def colours_words(attack: AttackSettings) -> str:
    """Of what colours a patch is made, such as ``retouched nuclei, stains changed by at most 60 %, as little
    as fools the model``.
    """
    made = TEXTURE_WORDS[attack.texture].lower()
    if attack.texture == "retouch":
        made += f", stains changed by at most {as_set(attack.bound)}"
    elif attack.texture == "nucleus":
        made += f", codes within {attack.bound:g} standard deviations of real ones"
    else:
        made = GAMUT_WORDS[attack.gamut].lower()
        if (attack.gamut, attack.stains) == ("stain", "fixed"):
            made += ", vectors not the image's own"
    return f"{made}, as little as fools the model" if attack.least_change else made
