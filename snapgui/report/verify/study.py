"""The claims of a study's bundle, made again: the frozen design, the answers that belong to it, and the
analysis.
"""

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from snapgui.errors import SnapError
from snapgui.report.bundle.manifest import read_json
from snapgui.report.verify.checks import Check, agree, check
from snapgui.study.analysis.analyse import analyse
from snapgui.study.analysis.rows import TRIALS_FILE, check_rows, read_rows
from snapgui.study.design.freeze import DESIGN_FILE, read_design

ANALYSIS_FILE = "analysis.json"
# Measured on the pictures, which a bundle of answers does not hold.
FROM_PICTURES = ("visibility",)
# Sentences, and what has been computed in another way since format 1.
OTHERWISE_SINCE_1 = ("format", "verdict", "methods", "exposure_shown_s")
Read = Callable[[str], bytes]


def check_study_claims(manifest: dict[str, Any], names: list[str], read: Read) -> Iterator[Check]:
    """Every claim of a study that can be made again."""
    try:
        study, digest = read_design(read(DESIGN_FILE).decode())
        yield check(
            digest == manifest.get("design_sha256"),
            f"the design is the one frozen, SHA-256 {digest[:12]}",
            f"the design has SHA-256 {digest[:12]}; manifest.json states another",
        )
        rows = read_rows(read(TRIALS_FILE).decode())
        check_rows(rows, study)
        yield Check("holds", f"all {len(rows):,} answers belong to trials of the design")
    except (SnapError, UnicodeDecodeError) as error:
        yield Check("fails", f"the answers and their design belong together: {error}")
        return
    if ANALYSIS_FILE not in names:
        return
    stated = read_json(read(ANALYSIS_FILE), ANALYSIS_FILE)
    try:
        measured = analyse(rows, study)
    except SnapError as error:
        yield Check("fails", f"the analysis can be made from the answers: {error}")
        return
    earlier = stated.get("format") == 1
    again = _as_before(measured) if earlier else measured
    told = _as_before(stated, again) if earlier else stated
    other = [
        part for part in again if part not in FROM_PICTURES and not agree(told.get(part), again[part], 1e-6)
    ]
    yield check(
        not other,
        f"{ANALYSIS_FILE}, made again from the answers, is the same"
        + (" in all numbers that are made today" if earlier else ""),
        f"{ANALYSIS_FILE}, made again from the answers, differs in {', '.join(other)}",
    )
    if earlier:
        yield Check(
            "unchecked",
            f"{ANALYSIS_FILE}: an earlier version wrote it, so neither its sentences nor the numbers "
            "that are made otherwise today or no longer",
        )
    for part in FROM_PICTURES:
        if not agree(stated.get(part), measured.get(part), 1e-6):
            yield Check(
                "unchecked",
                f"{ANALYSIS_FILE}, {part}: it was measured on pictures that are not in the bundle",
            )


def _as_before(part: Any, like: Any = None) -> Any:
    """A part of an analysis without what is made otherwise since format 1, nor what another lacks."""
    if isinstance(part, Mapping):
        return {
            name: _as_before(value, like[name] if isinstance(like, Mapping) else None)
            for name, value in part.items()
            if name not in OTHERWISE_SINCE_1 and (not isinstance(like, Mapping) or name in like)
        }
    if isinstance(part, list):
        likes = like if isinstance(like, list) and len(like) == len(part) else [None] * len(part)
        return [_as_before(value, other) for value, other in zip(part, likes, strict=True)]
    return part
