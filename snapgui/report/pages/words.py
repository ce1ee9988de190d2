"""Figures in words, as a printed report wants them: every share with its count and its interval."""

import math
from typing import Any

NONE = "–"
# Keeps a figure and its interval on one line each.
TIED = "\u00a0"


def per_cent(share: float, digits: int = 1) -> str:
    """A share as per cent; never rounded up to a full 100 or down to 0."""
    value, step = share * 100, 10.0**-digits
    if 0 < value < step:
        return f"<{TIED}{step:.{digits}f}{TIED}%"
    if 100 - step < value < 100:
        return f">{TIED}{100 - step:.{digits}f}{TIED}%"
    return f"{value:.{digits}f}{TIED}%"


def with_interval(one: dict[str, Any]) -> str:
    """A share with its 95 % interval, such as ``79.2 % (72.0 to 85.1)``."""
    if one["share"] is None:
        return NONE
    low, high = one["interval"]
    return f"{per_cent(one['share'])} ({low * 100:.1f}{TIED}to{TIED}{high * 100:.1f})"


def with_count(one: dict[str, Any]) -> str:
    """The same with what was counted, such as ``95 of 120: 79.2 % (72.0 to 85.1)``."""
    return NONE if one["share"] is None else f"{one['count']:,} of {one['of']:,}: {with_interval(one)}"


def number(value: float | None, form: str = "{:g}", otherwise: str = NONE) -> str:
    """A figure, or other words where there is none or where it has no end."""
    return otherwise if value is None or not math.isfinite(value) else form.format(value)


def setting(value: Any) -> str:
    """A setting for people."""
    if value is None:
        return "none"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, (list, tuple)):
        return ", ".join(map(setting, value))
    return f"{value:g}" if isinstance(value, float) else str(value)
