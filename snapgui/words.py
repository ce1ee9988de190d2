"""Numbers and choices in words, one form everywhere: probabilities and shares are per cent, counts have their
nouns.
"""

import math
from collections.abc import Sequence
from typing import Any

NONE = "–"
_FORMULA = tuple("=+-@|%＝＋－＠")
GAMUT_WORDS = {
    "range": "Full range of the image",
    "percentile": "Common colours (1 to 99 %)",
    "pca": "The image's main colours",
    "stain": "Haematoxylin and eosin",
}
START_WORDS = {
    "median": "Median colour of the image",
    "nuclear": "Median colour of its nuclei",
    "random": "Random allowed colours",
}
TEXTURE_WORDS = {"free": "Free colours", "retouch": "Retouched nuclei", "nucleus": "Painted nuclei"}
PLACEMENT_WORDS = {
    "scattered": "Scattered",
    "nuclei": "Nuclei",
    "all_nuclei": "All nuclei",
    "gain": "Sensitive spots",
    "trim": "Most effective",
}
# What was asked, and what a mask turned out to do.
CENTRE_WORDS = {"open": "cells allowed in the centre", "excluded": "cells kept out of the centre"}
CENTRE_FOUND = {"open": "cells in the centre", "excluded": "no cell in the centre"}


def per_cent(share: float, digits: int = 1) -> str:
    """A probability or a share as per cent, such as ``79.2 %``; never rounded to a full 100 or to 0."""
    value, step = share * 100, 10.0**-digits
    if 0 < value < step:
        return f"< {step:.{digits}f} %"
    if 100 - step < value < 100:
        return f"> {100 - step:.{digits}f} %"
    return f"{value:.{digits}f} %"


def as_set(share: float) -> str:
    """A share that a person chose, as it was chosen, such as ``5 %`` or ``99.9 %``."""
    return f"{share * 100:g} %"


def counted(count: int, noun: str, plural: str = "") -> str:
    """A count with its noun, such as ``1 step`` and ``12 steps``."""
    return f"{count:,} {noun if count == 1 else plural or noun + 's'}"


def listed(parts: Sequence[str]) -> str:
    """Parts of a sentence, such as ``a, b and c``."""
    return " and ".join(filter(None, [", ".join(parts[:-1]), *parts[-1:]]))


def with_interval(proportion: dict[str, Any]) -> str:
    """A proportion of `statistics.share` with its 95 % interval, such as ``79.2 % (72.0 to 85.1)``."""
    if proportion["share"] is None:
        return NONE
    low, high = proportion["interval"]
    return f"{per_cent(proportion['share'])} ({low * 100:.1f} to {high * 100:.1f})"


def with_count(proportion: dict[str, Any]) -> str:
    """The same with what was counted, such as ``95 of 120: 79.2 % (72.0 to 85.1)``."""
    if proportion["share"] is None:
        return NONE
    draws = f" draws on {counted(proportion['images'], 'image')}" if "images" in proportion else ""
    return f"{proportion['count']:,} of {proportion['of']:,}{draws}: {with_interval(proportion)}"


def below_chance(accuracy: dict[str, Any]) -> str:
    """A sentence where an accuracy of two classes, from `statistics.share`, is surely below one half; else
    empty.
    """
    if not accuracy["of"] or accuracy["interval"][1] >= 0.5:
        return ""
    return (
        f"The model is right less often than a coin ({with_interval(accuracy)}): its outputs may stand in "
        "another order than assumed, or its pictures are not prepared as in its training. Check classes, "
        "input_size_px, mean and std in its model card."
    )


def number(value: float | None, form: str = "{:g}", otherwise: str = NONE) -> str:
    """A number, or other words where there is none or where it has no end."""
    return otherwise if value is None or not math.isfinite(value) else form.format(value)


def duration(seconds: float) -> str:
    """Seconds for people: ``5 s``, ``2 min 5 s``, ``1 h 2 min``; whole units are carried over."""
    if not math.isfinite(seconds):
        return "unknown"
    if seconds < 0.95:
        return f"{max(seconds, 0):.1f} s"
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60} s"
    minutes = round(seconds / 60)
    return f"{minutes // 60} h {minutes % 60} min"


def as_text(name: object) -> str:
    """A name of a file or folder as text that can be written anywhere: bytes that are no UTF-8 become a sign
    that says so.
    """
    return str(name).encode("utf-8", "surrogatepass").decode("utf-8", "replace")


def defuse(text: str) -> str:
    """Text with a quote before it if a spreadsheet would take it for a formula; line breaks become spaces."""
    flat = " ".join(text.splitlines()).replace("\t", " ")
    return f"'{flat}" if flat.lstrip().startswith(_FORMULA) else flat


def shorten(name: str, longest: int = 24) -> str:
    """A long file name with its middle left out."""
    half = (longest - 1) // 2
    return name if len(name) <= longest else f"{name[:half]}…{name[-half:]}"


def setting(value: Any) -> str:
    """A setting for people."""
    if value is None:
        return "none"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, (list, tuple)):
        return ", ".join(map(setting, value))
    return f"{value:g}" if isinstance(value, float) else str(value)
