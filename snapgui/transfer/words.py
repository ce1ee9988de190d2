"""A transfer matrix in words and as tables of plain text."""

import csv
import io
from typing import Any

from snapgui.words import NONE, counted, defuse, listed, per_cent, with_interval

KIND_WORDS = {
    "SNAP": "made on the model of the line, tried on that of the column",
    "sham": "control: the same change mirrored within its cells",
    "random": "control: a random draw of the same texture in the very same cells",
    "black box": "made by asking the model of the line for scores alone",
    "universal": "one patch for all images",
    "universal, random": "control: one random patch for all images",
}


def cell_of(
    summary: dict[str, Any], preset: str, kind: str, source: str, target: str
) -> dict[str, Any] | None:
    """One entry of the matrix; None where it was not measured."""
    for cell in summary["cells"]:
        if (cell["preset"], cell["kind"], cell["source"], cell["target"]) == (preset, kind, source, target):
            return dict(cell)
    return None


def kinds_of(summary: dict[str, Any], preset: str) -> list[str]:
    """What was measured with a preset, SNAP first."""
    return list(dict.fromkeys(cell["kind"] for cell in summary["cells"] if cell["preset"] == preset))


def matrix_rows(summary: dict[str, Any], preset: str, kind: str) -> list[list[str]]:
    """A matrix as lines of words: head first, then one line a source."""
    models = summary["models"]
    lines = [["made on", *models]]
    for source in summary["sources"]:
        found = [cell_of(summary, preset, kind, source, target) for target in models]
        if any(found):
            lines.append([source, *(with_interval(cell["flipped"]) if cell else NONE for cell in found)])
    return lines


def subject_words(summary: dict[str, Any]) -> str:
    """Which images were attacked, and what each model makes of the rest."""
    found = listed(
        [
            f"{name} recognises {per_cent(count / summary['metastases'])}"
            for name, count in summary["recognised"].items()
        ]
    )
    count = len(summary["models"])
    every = "both" if count == 2 else f"all {count}"
    who = "the model recognises" if count == 1 else f"{every} models recognise"
    return (
        f"Attacked: {counted(summary['attacked'], 'metastasis', 'metastases')} that {who}, of "
        f"{summary['metastases']:,} looked at ({found})."
    )


def area_words(summary: dict[str, Any], preset: str) -> str:
    """Area, visibility and place of a preset's patches, over all sources."""
    kinds = kinds_of(summary, preset)
    if not kinds:
        return ""
    # SNAP, or a search where there is no gradient.
    kind = next((name for name in ("SNAP", "black box") if name in kinds), kinds[0])
    cells = [c for c in summary["cells"] if c["preset"] == preset and c["kind"] == kind]
    areas = [cell["area"] for cell in cells]
    seen = [cell["mean_de00_mask"] for cell in cells]
    share = [cell["centre_open"]["share"] for cell in cells]
    return (
        f"Median area {_range(areas, 100)} % of the pixels, median CIEDE2000 in the mask {_range(seen)}, "
        f"cells in the centre of {_range(share, 100)} % of the images."
    )


def robust_words(summary: dict[str, Any]) -> list[str]:
    """Which model falls less often to patches made on itself, in a sentence a preset and pair."""
    sentences = []
    for found in summary["architectures"]:
        low, high = found["interval"]
        first, second = found["first"], found["second"]
        if low > 0:
            verdict = f"{second} is harder to fool than {first}"
        elif high < 0:
            verdict = f"{first} is harder to fool than {second}"
        else:
            verdict = f"{first} and {second} cannot be told apart"
        sentences.append(
            f"{found['preset']}: {verdict} (each attacked on itself, {found['difference'] * 100:+.1f} "
            f"points, 95 % interval {low * 100:+.1f} to {high * 100:+.1f}, {found['images']} images)"
        )
    return sentences


def transfer_text(summary: dict[str, Any]) -> str:
    """The whole matrix as plain text."""
    parts = [subject_words(summary)]
    for preset in summary["presets"]:
        for kind in kinds_of(summary, preset):
            rows = matrix_rows(summary, preset, kind)
            widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
            table = [
                "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
                for row in rows
            ]
            parts += ["", f"{preset}, {kind}: {KIND_WORDS[kind]}", *table]
        parts.append(area_words(summary, preset))
    parts += ["", *(f"{sentence}." for sentence in robust_words(summary))]
    parts += [
        f"No room for the cells of {none['preset']} on {none['source']}: {none['images']} images."
        for none in summary["no_room"]
    ]
    return "\n".join(
        [
            *parts,
            "",
            "Per cent of the attacked metastases that the model of the column calls normal, with Wilson's "
            "95 % interval.",
        ]
    )


def transfer_csv(summary: dict[str, Any]) -> str:
    """One line a preset, kind, source and target, with the count and the interval."""
    stream = io.StringIO()
    writer = csv.writer(stream)
    writer.writerow(
        ["preset", "kind", "made_on", "tried_on", "fooled", "of", "share", "low", "high", "area", "de00_mask"]
    )
    for cell in summary["cells"]:
        found = cell["flipped"]
        names = [defuse(cell[key]) for key in ("preset", "kind", "source", "target")]
        numbers = [found["count"], found["of"], found["share"], *found["interval"]]
        writer.writerow([*names, *numbers, cell["area"], cell["mean_de00_mask"]])
    return stream.getvalue()


def methods_words(about: dict[str, Any], summary: dict[str, Any]) -> str:
    """What was done, as a paragraph for a paper."""
    settings = about["settings"]
    models = listed(
        [
            f"{name} ({own['architecture']}, SHA-256 {str(own['sha256'])[:12]})"
            for name, own in about["models"].items()
        ]
    )
    together = (
        " Patches were also made on all models at once, by the mean of their logits and against the model "
        "that was surest of metastasis (worst case)."
        if settings["together"]
        else ""
    )
    return (
        f"Transfer of SNAP patches was measured with SNAP Studio {about['versions'].get('snap-studio', '')} "
        f"between {models}. {subject_words(summary)} Each was altered on each model with the presets "
        f"{listed(list(summary['presets']))}, and every altered picture was scored by every model after it "
        f"had been saved as an 8-bit PNG.{together} Controls in the very same cells: the change mirrored "
        "within its cells (sham), and a random draw of the same texture. Intervals are Wilson's; differences "
        "are paired by image, with Newcombe's interval (1998, method 10)."
    )


def _range(values: list[float], times: float = 1) -> str:
    low, high = min(values) * times, max(values) * times
    return f"{low:.1f}" if f"{low:.1f}" == f"{high:.1f}" else f"{low:.1f} to {high:.1f}"
