"""Of what kind a value from a file is: whoever shows it need not ask."""

from typing import Any


def require(right: bool, name: str) -> None:
    """Raise ValueError with the name of a value that is not right."""
    if not right:
        raise ValueError(f"{name} is not what it must be")


def is_number(value: Any) -> bool:
    """Whether a value can be shown as a number."""
    return isinstance(value, int | float) and not isinstance(value, bool) and abs(value) < 1e15


def is_count(value: Any) -> bool:
    """Whether it is a whole number of things."""
    return is_number(value) and value == int(value) >= 0


def is_share(value: Any) -> bool:
    """Whether it is a share with its count and interval, see `statistics.share`; raises KeyError, TypeError
    or ValueError where it is no table at all.
    """
    low, high = value["interval"]
    part = value["share"]
    counted = is_count(value["count"]) and is_count(value["of"]) and value["count"] <= value["of"]
    return counted and 0 <= low <= high <= 1 and (part is None or 0 <= part <= 1)
