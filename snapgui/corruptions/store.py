"""What the figure is drawn from: numbers of the release or of an audit, as JSON and as a table."""

import csv
import io
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from snapgui.audit.read import SavedAudit
from snapgui.corruptions.summary import MEASURES, OUTCOMES, Numbers
from snapgui.engine.corruptions.catalogue import corruption_of
from snapgui.errors import DAMAGED, DataError, SnapError
from snapgui.kinds import is_count, is_number, is_share
from snapgui.shipped import NATURALNESS_FOLDER
from snapgui.words import defuse
from snapgui.workspace import write_whole

# Of the release and of an audit, each in its folder.
FILE, TABLE = "corruptions.json", "corruptions.csv"
# Columns of the table that are no numbers.
_TEXTS = ("images", "condition", "strength")
# What a column's name ends with that always holds one.
_ALWAYS = ("_count", "_of", *MEASURES)


@dataclass(frozen=True)
class Comparison:
    """Corruptions beside SNAP.

    Attributes:
        words: on what it was measured.
        numbers: as `summary.summarise` gives them.
        curves: SNAP's curves by key, with what people read.
    """

    words: str
    numbers: Numbers
    curves: Mapping[str, str]


def write_comparison(folder: Path, comparison: Comparison, facts: Mapping[str, Any]) -> None:
    """Write the numbers with what a reader must know beside them, and the table; raises DataError."""
    about = {
        "words": comparison.words,
        **facts,
        "curves": dict(comparison.curves),
        "numbers": comparison.numbers,
    }
    files = {
        TABLE: table_of(comparison).encode(),
        # For programs, in one line: with an indent it is half as large again. The table is for people.
        FILE: json.dumps(about, ensure_ascii=False).encode() + b"\n",
    }
    write_whole(folder, files, advice="Free space, then run it again.")


def read_shipped(folder: Path = NATURALNESS_FOLDER) -> Comparison:
    """What was measured of the release; raises DataError where it is not there, or damaged."""
    advice = (
        "Run “python -m snapgui corruptions” on an audit of your own to see its numbers here, or fetch the "
        "program's assets again."
    )
    return _read(folder / FILE, advice)[0]


def has_comparison(audit: SavedAudit) -> bool:
    """Whether the command ``corruptions`` has left numbers in an audit's folder."""
    return (audit.folder / FILE).is_file()


def read_audited(audit: SavedAudit) -> Comparison:
    """The numbers that the command ``corruptions`` left in an audit's folder; raises DataError where they are
    not there, damaged or of another audit.
    """
    advice = f"Run “python -m snapgui corruptions {audit.folder.name}” in the folder of audits."
    comparison, about = _read(audit.folder / FILE, advice)
    if about.get("fingerprint") != audit.about["fingerprint"]:
        raise DataError(f"{FILE} in {audit.folder.name} is of another audit. {advice}")
    return comparison


def _read(path: Path, advice: str) -> tuple[Comparison, dict[str, Any]]:
    try:
        about = json.loads(path.read_text(encoding="utf-8"))
        comparison = Comparison(str(about["words"]), dict(about["numbers"]), dict(about["curves"]))
        for line in _lines(comparison):
            for name, value in line.items():
                blank = value is None and not name.endswith(_ALWAYS)
                if not (blank or name in _TEXTS or is_number(value)):
                    raise ValueError(f"{name} is {str(value)[:40]}; it must be a number")
        _check_words(comparison)
    except FileNotFoundError as error:
        raise DataError(f"There is no {path}. {advice}") from error
    except (*DAMAGED, SnapError) as error:
        raise DataError(f"{path} cannot be read ({repr(error)[:120]}). {advice}") from error
    return comparison, dict(about)


def _check_words(comparison: Comparison) -> None:
    """Raise ValueError, KeyError or TypeError where curves have no words, or images no counts."""
    for name in comparison.numbers["snap"]:
        if not isinstance(comparison.curves[name], str):
            raise ValueError(f"the curve {name[:40]} has no words")
    for outcome in OUTCOMES:
        images = comparison.numbers["images"][outcome]
        if not is_count(images["of"]) or not is_count(images["recognised"]):
            raise ValueError(f"images are {str(images)[:40]}")
    if not is_share(comparison.numbers["accuracy"]):
        raise ValueError("accuracy is no share")


def table_of(comparison: Comparison) -> str:
    """A CSV table: a line for each corruption and grade, each strength of SNAP, and each class."""
    lines = list(_lines(comparison))
    stream = io.StringIO()
    writer = csv.DictWriter(stream, list(dict.fromkeys(name for line in lines for name in line)))
    writer.writeheader()
    writer.writerows(lines)
    return stream.getvalue()


def _lines(comparison: Comparison) -> Iterator[dict[str, Any]]:
    for point in comparison.numbers["corruptions"]:
        kind = corruption_of(point["kind"])
        strength = kind.strength_words(point["grade"])
        for outcome in OUTCOMES:
            part = point[outcome]
            line = _line(outcome, kind.words, point["grade"], strength, part)
            line |= _share_columns("accuracy", point["accuracy"])
            for curve, by_measure in part["snap"].items():
                for measure in MEASURES:
                    line |= _match_columns(f"{curve}_at_{measure}", by_measure[measure])
            yield line
    for curve, points in comparison.numbers["snap"].items():
        for point in points:
            for outcome in OUTCOMES:
                if outcome in point:
                    name = f"SNAP, {comparison.curves[curve]}"
                    yield _line(outcome, name, point["scale"], f"{point['scale']:.0%} of it", point[outcome])


def _line(outcome: str, name: str, level: float, strength: str, part: Numbers) -> dict[str, Any]:
    line = {
        "images": {"lost": "recognised metastases", "turned": "recognised normal patches"}[outcome],
        "condition": defuse(name),
        "level": level,
        "strength": defuse(strength),
        **_share_columns("flipped", part["flipped"]),
    }
    for measure in MEASURES:
        low, high = part[measure]["interval"]
        line |= {measure: part[measure]["mean"], f"{measure}_low": low, f"{measure}_high": high}
    return line


def _match_columns(name: str, match: Numbers | None) -> dict[str, Any]:
    if match is None:
        return {f"snap_{name}_scale": None}
    low, high = match["difference"]["interval"]
    return {
        f"snap_{name}_scale": match["scale"],
        f"snap_{name}_de00": match["de00"],
        f"snap_{name}_ssim": match["ssim"],
        **_share_columns(f"snap_{name}_flipped", match["flipped"]),
        f"snap_{name}_difference": match["difference"]["value"],
        f"snap_{name}_difference_low": low,
        f"snap_{name}_difference_high": high,
    }


def _share_columns(name: str, proportion: Numbers) -> dict[str, Any]:
    low, high = proportion["interval"]
    return {
        name: proportion["share"],
        f"{name}_count": proportion["count"],
        f"{name}_of": proportion["of"],
        f"{name}_low": low,
        f"{name}_high": high,
    }
