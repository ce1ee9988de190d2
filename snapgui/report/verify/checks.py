"""What verifying a bundle says, line by line."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

State = Literal["holds", "fails", "unchecked"]
STATE_WORDS: dict[State, str] = {"holds": "holds", "fails": "DOES NOT HOLD", "unchecked": "not checked"}


@dataclass(frozen=True)
class Check:
    """One claim of a bundle: whether it holds, and what was found."""

    state: State
    words: str

    def __str__(self) -> str:
        return f"{STATE_WORDS[self.state]:<14} {self.words}"


def check(right: bool, words: str, otherwise: str = "") -> Check:
    """A claim that holds or not, with other words where it does not."""
    return Check("holds" if right else "fails", words if right or not otherwise else otherwise)


def agree(said: Any, found: Any, tolerance: float) -> bool:
    """Whether two figures, or two lists of them, are the same within a tolerance; what is no number agrees
    with nothing.
    """
    if isinstance(said, Mapping) or isinstance(found, Mapping):
        return (
            isinstance(said, Mapping)
            and isinstance(found, Mapping)
            and set(said) == set(found)
            and all(agree(said[k], found[k], tolerance) for k in said)
        )
    if _is_list(said) or _is_list(found):
        return (
            _is_list(said)
            and _is_list(found)
            and len(said) == len(found)
            and all(agree(a, b, tolerance) for a, b in zip(said, found, strict=True))
        )
    if _is_number(said) and _is_number(found):
        return math.isclose(said, found, rel_tol=0, abs_tol=tolerance)
    return type(said) is type(found) and said == found


def _is_list(value: Any) -> bool:
    return isinstance(value, Sequence) and not isinstance(value, str)


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)
