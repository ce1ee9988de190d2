"""Defences by the names that a command line takes."""

from collections.abc import Callable

from snapgui.engine.defences.catalogue import DEFENCE_WORDS
from snapgui.engine.defences.defended import Defence
from snapgui.engine.defences.filters import BitDepth, Gaussian, Jpeg, Median, ShiftVote, TotalVariation
from snapgui.engine.defences.localiser import Localiser
from snapgui.engine.defences.spann import Spann
from snapgui.engine.defences.votes import NucleiDropout, PatchCleanser
from snapgui.errors import SettingsError

# How each is made of its setting, of what kind that is, and from where to where it may go.
_MADE: dict[str, tuple[Callable[..., Defence], type, float, float]] = {
    "jpeg": (Jpeg, int, 1, 100),
    "median": (Median, int, 3, 15),
    "bits": (BitDepth, int, 1, 8),
    "gaussian": (Gaussian, float, 0.1, 20),
    "tv": (TotalVariation, float, 0.001, 10),
    "shift": (ShiftVote, int, 1, 16),
    "nuclei": (NucleiDropout, float, 0.01, 0.99),
    "patchcleanser": (PatchCleanser, int, 2, 12),
}


_TRAINED: dict[str, Callable[[], Defence]] = {"localiser": Localiser, "spann": Spann}


def defence_of(words: str) -> Defence:
    """A defence by its name and setting, such as ``jpeg:50``; raises SettingsError with those there are."""
    name, _, given = words.partition(":")
    if name in _TRAINED:
        if given:
            raise SettingsError(f"{words}: {name} takes no setting, its threshold is trained. Leave it out.")
        return _TRAINED[name]()
    if name not in _MADE:
        raise SettingsError(f"There is no defence “{name}”; choose from {', '.join(DEFENCE_WORDS)}.")
    make, kind, low, high = _MADE[name]
    if not given:
        return make()
    try:
        value = kind(given)
    except ValueError:
        value = None
    if value is None or not low <= value <= high or (name == "median" and value % 2 == 0):
        odd = "an odd number" if name == "median" else "a number"
        raise SettingsError(f"{words}: {DEFENCE_WORDS[name]} takes {odd} from {low:g} to {high:g}.")
    return make(value)
