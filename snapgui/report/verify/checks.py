"""What verifying a bundle says, line by line."""

import math
import sys
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


def agree(stated: Any, measured: Any, tolerance: float) -> bool:
    """Whether two numbers, or two lists or tables of them, are the same within a tolerance; what is no number
    agrees with nothing else.
    """
    if isinstance(stated, Mapping) and isinstance(measured, Mapping):
        return set(stated) == set(measured) and all(
            agree(stated[name], measured[name], tolerance) for name in stated
        )
    if _is_list(stated) and _is_list(measured):
        return len(stated) == len(measured) and all(
            agree(*pair, tolerance) for pair in zip(stated, measured, strict=True)
        )
    if is_number(stated) and is_number(measured):
        return math.isclose(stated, measured, rel_tol=0, abs_tol=tolerance)
    return type(stated) is type(measured) and bool(stated == measured)


def is_number(value: Any) -> bool:
    """Whether a value is a number that can be reckoned with: neither true nor false, nor hundreds of digits
    long.
    """
    if isinstance(value, bool):
        return False
    return isinstance(value, float) or (isinstance(value, int) and abs(value) <= sys.float_info.max)


def _is_list(value: Any) -> bool:
    return isinstance(value, Sequence) and not isinstance(value, str)
