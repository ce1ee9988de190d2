"""Named choices of all settings: what is asked when nothing is said."""

from dataclasses import dataclass, replace
from typing import Literal, get_args

from snapgui.engine.settings import AttackSettings, CellSettings, TextureName

PresetName = Literal["natural", "few", "paper", "strong"]
PRESET_NAMES: tuple[PresetName, ...] = get_args(PresetName)


@dataclass(frozen=True)
class Preset:
    """Settings that belong together, and in one sentence what they stand for."""

    cells: CellSettings
    attack: AttackSettings
    words: str


PRESETS: dict[PresetName, Preset] = {
    # Stops being changed further where the class has clearly flipped: more confidence is more to be seen.
    "natural": Preset(
        CellSettings(placement="all_nuclei", area=0.3),
        AttackSettings(
            texture="retouch", bound=0.6, grid_px=1.0, least_change=True, confidence=0.7, gamut="stain"
        ),
        "The image's own nuclei with their stains a little stronger or weaker, as little as fools the model.",
    ),
    "few": Preset(
        CellSettings(placement="trim", area=0.06),
        AttackSettings(
            texture="nucleus", bound=2.5, steps=80, least_change=True, confidence=0.6, gamut="stain"
        ),
        "Twelve painted nuclei in six per cent of the picture, where the model's answer depends on it most.",
    ),
    "paper": Preset(
        CellSettings(),
        AttackSettings(),
        "Scattered cells that take any colour within the image's range, as the SNAP abstract has it.",
    ),
    "strong": Preset(
        CellSettings(placement="trim"),
        AttackSettings(),
        "The same colours where the model's answer depends on the pixels most: the worst case.",
    ),
}
DEFAULT_PRESET: PresetName = "natural"


def preset_with(texture: TextureName) -> PresetName:
    """The first preset that has a texture, whose bound and grid go with it."""
    return next(name for name, preset in PRESETS.items() if preset.attack.texture == texture)


def preset_of(attack: AttackSettings, cells: CellSettings | None) -> PresetName | None:
    """The preset that these settings are, whatever class, centre and seed; None if they are of nobody's.

    Nor do the vectors of the gamut ``stain`` matter, which no patch of a preset uses.
    """
    for name, preset in PRESETS.items():
        same = replace(preset.attack, target=attack.target, seed=attack.seed, stains=attack.stains)
        places = None if cells is None else replace(preset.cells, centre=cells.centre, seed=cells.seed)
        if attack == same and cells == places:
            return name
    return None
