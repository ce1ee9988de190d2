"""Bytes, tables and JSON gone wrong, as hypothesis draws them, and how many of each door are tried.

``SNAP_FUZZ=20`` tries twenty times as many, others each time; ``--hypothesis-seed=N`` makes them the same
again.
"""

import copy
import json
import math
import os
import re
from collections.abc import Callable
from typing import Any

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st

TIMES = int(os.environ.get("SNAP_FUZZ", "1"))
# How many inputs of each door: 2,000 together.
INPUTS = {
    "pictures, dressed": 250,
    "pictures, damaged": 640,
    "masks, dressed": 200,
    "masks, damaged": 250,
    "tables, dressed": 120,
    "tables, damaged": 150,
    "folders": 60,
    "HDF5, dressed": 30,
    "HDF5, damaged": 50,
    "checkpoints, dressed": 30,
    "checkpoints, damaged": 60,
    "cards": 60,
    "runs": 30,
    "audits": 20,
    "studies": 40,
    "bundles": 10,
}
ABSURD: tuple[Any, ...] = (
    *(None, True, False, 0, 1, -1, 2, 0.5, -0.0, 1e-320, 1e39, -1e308, 2**31, 2**63, 10**400),
    *(math.nan, math.inf, -math.inf, "", "x", "1", "NaN", "../../x", "a\nb", "\ud800", "=1+1", "<b>", "９"),
    *([], {}, [None], [[]], {"": None}, [1, 2, 3, 4], "x" * 5000),
)
# So deep that Python's own reader gives up.
DEEP = "[" * 100_000


def bounded(door: str) -> Callable[[Any], Any]:
    """How many inputs a test is given, and that they are the same each time."""
    return settings(
        max_examples=INPUTS[door] * TIMES,
        derandomize=TIMES == 1,
        database=None,
        report_multiple_bugs=False,
        deadline=None,
        suppress_health_check=list(HealthCheck),
    )


def one_sentence(error: BaseException) -> None:
    """The words of an error of the project's own: on one line, not endless."""
    words = str(error)
    assert words and "\n" not in words and len(words) < 900, words[:2000]
    assert not re.search(r"Traceback|object at 0x|<class", words), words


@st.composite
def damaged(draw: st.DrawFn, data: bytes) -> bytes:
    """Bytes cut, flipped, blotted out, doubled, or moved, once to three times."""
    found = bytearray(data)
    for _ in range(draw(st.integers(1, 3))):
        if not found:
            break
        # Beginnings and ends hold what decides.
        near = draw(st.sampled_from(("start", "end", "any")))
        span = min(len(found), 64) if near != "any" else len(found)
        at = draw(st.integers(0, span - 1)) + (len(found) - span if near == "end" else 0)
        length = draw(st.sampled_from((1, 1, 2, 4, 16, 200)))
        how = draw(st.sampled_from(("flip", "set", "flip", "set", "cut", "drop", "double", "blot", "swap")))
        piece = bytes(found[at : at + length])
        if how == "flip":
            found[at] ^= 1 << draw(st.integers(0, 7))
        elif how == "set":
            value = draw(st.sampled_from((0, 1, 0x7F, 0x80, 0xFF)))
            found[at : at + min(length, 4)] = bytes([value]) * len(found[at : at + min(length, 4)])
        elif how == "cut":
            del found[at:]
        elif how == "drop":
            del found[at : at + length]
        elif how == "double":
            found[at:at] = piece
        elif how == "blot":
            found[at : at + length] = bytes(len(piece))
        else:
            del found[at : at + length]
            to = draw(st.integers(0, len(found)))
            found[to:to] = piece
    return bytes(found)


@st.composite
def changed(draw: st.DrawFn, values: Any) -> Any:
    """Plain values with one or two of them gone, renamed, doubled, or of another kind or size."""
    found = copy.deepcopy(values)
    for _ in range(draw(st.integers(1, 2))):
        place, steps = found, draw(st.integers(1, 5))
        while isinstance(place, dict | list) and place:
            key = draw(st.sampled_from(sorted(place) if isinstance(place, dict) else range(len(place))))
            steps -= 1
            if steps and isinstance(place[key], dict | list) and place[key]:
                place = place[key]
                continue
            how = draw(st.sampled_from(("absurd", "absurd", "scaled", "gone", "renamed", "other")))
            if how == "gone":
                del place[key]
            elif how == "renamed" and isinstance(place, dict):
                place[f"{key}_"] = place.pop(key)
            elif how == "other" and isinstance(place, dict):
                place[key] = copy.deepcopy(place[draw(st.sampled_from(sorted(place)))])
            elif how == "scaled" and isinstance(place[key], int | float):
                place[key] = place[key] * draw(st.sampled_from((-1, 0, 0.5, 2, 1e6, 1e300)))
            else:
                place[key] = copy.deepcopy(draw(st.sampled_from(ABSURD)))
            break
    return found


def as_json(values: Any) -> st.SearchStrategy[bytes]:
    """Changed values as JSON, or JSON of which bytes are damaged."""
    whole = json.dumps(values).encode()
    return st.one_of(
        changed(values).map(lambda one: json.dumps(one).encode()),
        changed(values).map(lambda one: json.dumps(one).encode()),
        damaged(whole),
        st.sampled_from(
            (b"", b"null", b"[]", DEEP.encode(), b"\xef\xbb\xbf" + whole, whole.decode().encode("utf-16"))
        ),
    )
