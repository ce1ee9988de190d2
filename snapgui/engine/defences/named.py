"""Defences by the names that a command line takes."""

from collections.abc import Callable

from snapgui.engine.defences.defended import Defence
from snapgui.engine.defences.filters import BitDepth, Gaussian, Jpeg, Median, ShiftVote, TotalVariation
from snapgui.engine.defences.votes import NucleiDropout, PatchCleanser
from snapgui.errors import SettingsError

# Each with its one setting, where it takes one: ``jpeg:50``.
DEFENCES: dict[str, tuple[Callable[..., Defence], type | None, str]] = {
    "jpeg": (Jpeg, int, "JPEG of this quality (75)"),
    "median": (Median, int, "median over a square of this side in px (3)"),
    "bits": (BitDepth, int, "so many bits a channel (4)"),
    "gaussian": (Gaussian, float, "blur of this standard deviation in px (1)"),
    "tv": (TotalVariation, float, "total-variation denoising of this weight (0.05)"),
    "shift": (ShiftVote, int, "vote over shifts by so many px (1)"),
    "nuclei": (NucleiDropout, float, "vote with this share of the nuclei hidden (0.5)"),
    "patchcleanser": (PatchCleanser, int, "double masking with so many masks a side (4)"),
}
_LIMITS = {
    "jpeg": (1, 100),
    "median": (3, 15),
    "bits": (1, 8),
    "gaussian": (0.1, 20),
    "tv": (0.001, 10),
    "shift": (1, 16),
    "nuclei": (0.01, 0.99),
    "patchcleanser": (2, 12),
}


def defence_of(words: str) -> Defence:
    """A defence by its name and setting, such as ``jpeg:50``; raises SettingsError with those there are."""
    name, _, given = words.partition(":")
    if name not in DEFENCES:
        raise SettingsError(f"There is no defence “{name}”; choose from {', '.join(DEFENCES)}.")
    make, kind, what = DEFENCES[name]
    if not given:
        return make()
    low, high = _LIMITS[name]
    try:
        value = kind(given) if kind else None
    except ValueError:
        value = None
    if value is None or not low <= value <= high or (name == "median" and value % 2 == 0):
        odd = "an odd number" if name == "median" else "a number"
        raise SettingsError(f"{words}: {what} takes {odd} from {low} to {high}.")
    return make(value)
