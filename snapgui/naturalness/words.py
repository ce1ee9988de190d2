"""How natural patches are, in words and as a table."""

from collections.abc import Mapping
from typing import Any

from snapgui.naturalness.measure import DISPLAY, strongest
from snapgui.words import NONE, counted, per_cent, with_interval

KIND_WORDS = {"linear": "linear", "trees": "trees", "network": "network"}
HEAD = (
    "condition",
    "images",
    "flips",
    "area",
    "CIEDE2000 in the mask",
    "FLIP",
    "colours beyond the stains",
    "detector, cells",
    "detector, pictures",
)


def area_words(found: Mapping[str, Any]) -> str:
    """An area under the curve with its interval and the kind of detector, such as ``.66 (.61 to .70),
    trees``.
    """
    auc, low, high = (_short(found[name]) for name in ("auc", "low", "high"))
    return f"{auc} ({low} to {high}), {KIND_WORDS[found['kind']]}"


def condition_cells(name: str, numbers: dict[str, Any]) -> list[str]:
    """One line of the table, in the order of `HEAD`."""
    flipped, beyond = numbers["flipped"], numbers["beyond_stains"]
    return [
        name,
        f"{numbers['images']:,}" + (f", no room in {numbers['no_room']}" if numbers.get("no_room") else ""),
        NONE if flipped is None else with_interval(flipped),
        per_cent(numbers["area"]),
        f"{numbers['mean_de00_mask']:.1f}",
        # Not in files of before it was measured.
        _short(numbers["mean_flip"], 3) if "mean_flip" in numbers else NONE,
        NONE if beyond is None else f"{beyond * 100:+.1f} points",
        area_words(strongest(numbers, "cell")),
        area_words(strongest(numbers, "picture")),
    ]


def naturalness_text(numbers: Mapping[str, dict[str, Any]]) -> str:
    """All conditions as a table of plain text, with what its columns mean."""
    lines = [list(HEAD), *(condition_cells(name, own) for name, own in numbers.items())]
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    rows = ["  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)) for line in lines]
    return "\n".join([*(row.rstrip() for row in rows), "", explanation(numbers)])


def explanation(numbers: Mapping[str, dict[str, Any]]) -> str:
    """What the columns of detectors say, and on what these were trained."""
    trained = {own["trained_on"] for own in numbers.values()}
    where = (
        "on these images, each judged by detectors that had not seen it"
        if trained == {None}
        else f"on {counted(max(filter(None, trained)), 'other image')} of the same condition"
    )
    return (
        "A detector's number is the area under its ROC curve, .5 for chance and 1 for certainty, with a 95 % "
        "interval over images. Cells: altered cells against real nuclei of like size of the untouched "
        "images. Pictures: altered against untouched, nobody says where to look. Of a linear detector, trees "
        f"and a small network the strongest is told; they were trained anew for each condition {where}. "
        f"CIEDE2000 and FLIP are means; FLIP is that of the whole picture, {DISPLAY.sentence}"
    )


def _short(value: float, digits: int = 2) -> str:
    return f"{value:.{digits}f}".removeprefix("0")
