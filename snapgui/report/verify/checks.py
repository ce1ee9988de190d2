"""What verifying a bundle says, line by line."""

import math
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

from snapgui.report.bundle.manifest import MANIFEST, SUMS
from snapgui.words import counted

# So many are named.
MOST_EXTRA = 20
# ``unchecked`` could be checked elsewhere, as with the model that is stated; ``stated`` by no file.
State = Literal["holds", "fails", "unchecked", "stated"]
STATE_WORDS: dict[State, str] = {
    "holds": "holds",
    "fails": "DOES NOT HOLD",
    "unchecked": "not checked",
    "stated": "not checked:",
}


@dataclass(frozen=True)
class Check:
    """One claim of a bundle: whether it holds, and what was found.

    Attributes:
        compared: it was not made again, but nothing else in the bundle contradicts it.
    """

    state: State
    words: str
    compared: bool = False

    def __str__(self) -> str:
        return f"{STATE_WORDS[self.state]:<14} {self.words}"


def check(right: bool, words: str, otherwise: str = "") -> Check:
    """A claim that holds or not, with other words where it does not."""
    return Check("holds" if right else "fails", words if right or not otherwise else otherwise)


def compare(right: bool, words: str, otherwise: str = "") -> Check:
    """A claim that something else in the bundle contradicts or not."""
    return replace(check(right, words, otherwise), compared=True)


def check_names(names: Iterable[str], wanted: set[str], optional: Iterable[str] = ()) -> Iterator[Check]:
    """The files of a bundle beside manifest and hashes: those that must be there, and no others."""
    there = set(names) - {MANIFEST, SUMS}
    for name in sorted(wanted - there):
        yield Check("fails", f"{name} is missing from the bundle")
    extra = sorted(there - wanted - set(optional))
    for name in extra[:MOST_EXTRA]:
        yield Check("fails", f"{name} is no file of such a bundle")
    if len(extra) > MOST_EXTRA:
        yield Check("fails", f"{len(extra) - MOST_EXTRA} more files are none of such a bundle")
    if not extra and wanted <= there:
        yield Check("holds", "the bundle holds the files that it must, and no others")


def last_words(checks: Sequence[Check]) -> str:
    """What all checks of a bundle come to: what was made again, what was only compared, what was neither."""
    failed, unchecked, stated = (
        [one for one in checks if one.state == state] for state in ("fails", "unchecked", "stated")
    )
    if failed:
        return (
            f"{counted(len(failed), 'claim')} of this bundle do{'es' if len(failed) == 1 else ''} not hold."
        )
    compared = sum(one.compared for one in checks)
    again = len(checks) - compared - len(unchecked) - len(stated)
    ways = (
        f"made again or hashed: {counted(again, 'claim')}; compared with the rest of the bundle: {compared}; "
        f"neither: {'what is named above' if unchecked or stated else 'nothing'}."
    )
    if unchecked:
        return f"What was checked holds, but not all could be checked. {ways[0].upper()}{ways[1:]}"
    return f"Everything holds. {ways[0].upper()}{ways[1:]}"


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
