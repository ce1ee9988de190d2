"""What ``result.json`` of a run must say, and of what kind: whoever reads it further on need not ask."""

import datetime
import math
import re
from collections.abc import Callable
from typing import Any

RUN_ID = re.compile(r"[0-9]{8}-[0-9]{6}-[0-9a-f]{6}")
SOURCES = ("proposed", "drawn", "edited", "imported")
Right = Callable[[Any], bool]


def _whole(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 2**63


def _number(value: Any) -> bool:
    return isinstance(value, float | int) and not isinstance(value, bool) and math.isfinite(value)


def _share(value: Any) -> bool:
    # Single precision may add up to a little more.
    return _number(value) and 0 <= value <= 1 + 1e-6


def _yes_or_no(value: Any) -> bool:
    return isinstance(value, bool)


def _text(value: Any) -> bool:
    return isinstance(value, str)


def _list_of(right: Right) -> Right:
    return lambda value: isinstance(value, list) and all(map(right, value))


def _table_of(right: Right) -> Right:
    return lambda value: (
        isinstance(value, dict) and all(map(_text, value)) and all(map(right, value.values()))
    )


def _time(value: Any) -> bool:
    return _text(value) and datetime.datetime.fromisoformat(value).year > 0


# An unlimited PSNR is kept as null.
_measured = _table_of(_table_of(lambda value: value is None or _number(value)))
_KINDS: dict[str, tuple[Right, str]] = {
    **dict.fromkeys(("steps", "best_step"), (_whole, "a count")),
    **dict.fromkeys(("success", "flipped", "stopped", "synthetic"), (_yes_or_no, "true or false")),
    **dict.fromkeys(("image_name", "model_name", "model_sha256", "image_sha256"), (_text, "a text")),
    "device": (_text, "a text"),
    "run_id": (lambda value: _text(value) and bool(RUN_ID.fullmatch(value)), "the name of a run"),
    "started": (_time, "a time"),
    "area_fraction": (_share, "a share"),
    "seconds": (lambda value: _number(value) and value >= 0, "a duration"),
    "centre": (lambda value: value in ("open", "excluded"), "open or excluded"),
    "mask_source": (lambda value: value in SOURCES, f"one of {', '.join(SOURCES)}"),
    "classes": (lambda value: _list_of(_text)(value) and len(value) > 1, "two or more names"),
    **dict.fromkeys(("p_before", "p_after"), (_list_of(_share), "probabilities")),
    "p_target_controls": (_table_of(_share), "probabilities by name"),
    "visibility": (_measured, "numbers by region"),
    "versions": (_table_of(_text), "versions by name"),
    "findings": (_list_of(_text), "sentences"),
    "attack": (lambda value: isinstance(value, dict), "settings"),
}


def check_record(values: Any) -> dict[str, Any]:
    """``result.json`` as it was read; raises ValueError with what is missing or of another kind than it must
    be.
    """
    if not isinstance(values, dict):
        raise ValueError("result.json is no table of names and values")
    for name, (right, words) in _KINDS.items():
        if name not in values:
            raise ValueError(f"it does not say {name}")
        try:
            good = right(values[name])
        except (ValueError, TypeError, OverflowError):
            good = False
        if not good:
            raise ValueError(f"{name} is {str(values[name])[:40]}; it must be {words}")
    count, true_class = len(values["classes"]), values.get("true_class")
    if not len(values["p_before"]) == len(values["p_after"]) == count:
        raise ValueError(f"there are {count} classes and another number of probabilities")
    named = {"target": values["attack"].get("target"), "true_class": 0 if true_class is None else true_class}
    for name, value in named.items():
        if not _whole(value) or value not in range(count):
            raise ValueError(f"{name} is {str(value)[:40]}; it must be one of {count} classes")
    return values
