"""Estimates of an analysis in words, one form for the page, the report and the terminal."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from snapgui.words import NONE, per_cent

Values = Mapping[str, Any]
Form = Callable[[float], str]


def decimals(value: float) -> str:
    """A number such as an area, d' or kappa, with a true minus sign: no line breaks after it."""
    return f"{value:z.2f}".replace("-", "−")


def signed(value: float) -> str:
    """A difference of such numbers."""
    return f"{value:+z.2f}".replace("-", "−")


def points(value: float) -> str:
    """A difference of shares, in per cent points."""
    return f"{value * 100:+z.1f}".replace("-", "−")


def spread(estimate: float | None, ends: Sequence[float | None] | None, form: Form = decimals) -> str:
    """An estimate with the ends of its interval; an end without bound is written so."""
    if estimate is None:
        return NONE
    if ends is None or all(end is None for end in ends):
        return form(estimate)
    low, high = ("no bound" if end is None else form(end).removesuffix(" %") for end in ends)
    return f"{form(estimate)} ({low} to {high})"


def over(values: Values | None, form: Form = decimals) -> str:
    """An estimate over readers and sources with its interval."""
    return NONE if not values else spread(values["estimate"], values["interval"], form)


def bounds(values: Values | None, form: Form = decimals) -> str:
    """The two one-sided bounds of an estimate over readers and sources."""
    if not values or values.get("lower") is None or values.get("upper") is None:
        return NONE
    return f"at least {form(values['lower'])}, at most {form(values['upper'])}"


def area(values: Values | None) -> str:
    """An area of one reader, or of all answers together, with DeLong's interval."""
    return NONE if not values else spread(values["area"], values["interval"])


def share_over(values: Values | None) -> str:
    """A count with its share and the interval over readers and sources, or Wilson's where there is only one
    reader.
    """
    if not values or not values["of"]:
        return NONE
    crossed = values["over_readers"]
    interval = (
        crossed["interval"] if crossed and crossed["interval"][0] is not None else values["wilson_interval"]
    )
    return f"{values['count']:,} of {values['of']:,}: {spread(values['share'], interval, per_cent)}"


def share_alone(values: Values | None, interval: str) -> str:
    """A share with an interval that takes all answers for independent, ``wilson`` or ``exact``."""
    if not values or not values["of"]:
        return NONE
    return spread(values["share"], values[f"{interval}_interval"], per_cent)
