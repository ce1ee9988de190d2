"""Corruptions beside SNAP in words: what came out, and as a table."""

from typing import Any

from snapgui.corruptions.store import Comparison
from snapgui.corruptions.summary import MEASURES, OUTCOMES, Numbers
from snapgui.engine.corruptions.catalogue import corruption_of
from snapgui.words import NONE, as_set, with_count, with_interval

COSTS = {"lost": "recognised metastases", "turned": "recognised normal patches"}
HEAD = (
    "corruption",
    "strength",
    "CIEDE2000",
    "SSIM",
    "metastases lost",
    "normal turned metastasis",
    "accuracy",
    "SNAP, CIEDE2000 no larger",
    "difference, points",
    "SNAP, SSIM no lower",
)
SNAP_HEAD = ("SNAP", "of its change", "CIEDE2000", "SSIM", "metastases lost", "normal turned metastasis")
CAVEAT = (
    "CIEDE2000 and SSIM compare pixel with pixel over the whole picture: they overstate what the eye sees of "
    "a shift or a rotation. Readers decide; these measures only put all on one scale."
)


def headline(comparison: Comparison, curve: str, outcome: str = "lost") -> str:
    """What SNAP costs, and beside it an ordinary blur that is at least as visible, and the most harmful
    corruption of all.
    """
    points = comparison.numbers["snap"].get(curve, [])
    if not points or outcome not in points[-1]:
        return f"No picture of SNAP is there of {COSTS[outcome]}."
    own = points[-1][outcome]
    told = [
        f"SNAP ({comparison.curves[curve]}, CIEDE2000 {own['de00']['mean']:.2f}, SSIM "
        f"{own['ssim']['mean']:.3f} over the whole picture) costs {with_count(own['flipped'])} of the "
        f"{COSTS[outcome]}."
    ]
    blur = beside(comparison, "gaussian_blur", curve, outcome)
    if blur is not None:
        told.append(
            f"An ordinary Gaussian blur that is no less visible ({_where(blur, outcome)}) costs "
            f"{with_count(blur[outcome]['flipped'])}."
        )
    worst = max(comparison.numbers["corruptions"], key=lambda point: float(_share(point[outcome])))
    told.append(
        f"Of {len(comparison.numbers['corruptions'])} corruptions by kind and grade the most harmful, "
        f"{corruption_of(worst['kind']).words} ({_where(worst, outcome)}), costs "
        f"{with_interval(worst[outcome]['flipped'])}."
    )
    return " ".join(told)


def beside(comparison: Comparison, kind: str, curve: str, outcome: str) -> Numbers | None:
    """The weakest grade of a kind that is at least as visible by CIEDE2000 as all of a curve's SNAP; None
    where no grade is.
    """
    for point in comparison.numbers["corruptions"]:
        match = point[outcome]["snap"].get(curve, {}).get("de00")
        if point["kind"] == kind and match is not None and match["scale"] == 1:
            return dict(point)
    return None


def point_cells(point: Numbers, curve: str, outcome: str = "lost") -> list[str]:
    """One line of the table, in the order of `HEAD`."""
    kind, own = corruption_of(point["kind"]), point[outcome]
    by_measure = own["snap"].get(curve, dict.fromkeys(MEASURES))
    match = by_measure["de00"]
    return [
        kind.words,
        kind.strength_words(point["grade"]),
        _mean(own["de00"], 2),
        _mean(own["ssim"], 3),
        *(with_interval(point[name]["flipped"]) for name in OUTCOMES),
        with_interval(point["accuracy"]),
        match_words(match),
        difference_words(match),
        match_words(by_measure["ssim"]),
    ]


def snap_cells(name: str, point: Numbers) -> list[str]:
    """One line of the table of SNAP's strengths, in the order of `SNAP_HEAD`."""
    own = next(point[outcome] for outcome in OUTCOMES if outcome in point)
    return [
        name,
        as_set(point["scale"]),
        _mean(own["de00"], 2),
        _mean(own["ssim"], 3),
        *(with_interval(point[name]["flipped"]) if name in point else NONE for name in OUTCOMES),
    ]


def match_words(match: Numbers | None) -> str:
    """What SNAP achieves at no more visibility, and at which, such as ``96.0 % (93.1 to 97.7) at 0.8``."""
    if match is None:
        return NONE
    scale = "" if match["scale"] == 1 else f", {match['scale'] * 100:.0f} % of it"
    return f"{with_interval(match['flipped'])} at {match['de00']:.2f} / {match['ssim']:.3f}{scale}"


def difference_words(match: Numbers | None) -> str:
    """The paired difference in points with its interval, such as ``+95.0 (91.9 to 97.0)``."""
    if match is None or match["difference"]["value"] is None:
        return NONE
    low, high = match["difference"]["interval"]
    return f"{match['difference']['value'] * 100:+.1f} ({low * 100:+.1f} to {high * 100:+.1f})"


def explanation(comparison: Comparison) -> str:
    """What the columns say, and of how many pictures."""
    metastases, normal = (comparison.numbers["images"][outcome] for outcome in OUTCOMES)
    return (
        f"Measured on the 8-bit pictures of {metastases['of']:,} metastases, of which the model recognises "
        f"{metastases['recognised']:,}, and {normal['of']:,} normal patches, of which it recognises "
        f"{normal['recognised']:,}; accuracy untouched {with_interval(comparison.numbers['accuracy'])}. "
        "Lost: share of the recognised metastases called normal. CIEDE2000 and SSIM are means over the whole "
        "picture and over these images. SNAP stands with the strongest share of its change that is on "
        "average no more visible than the corruption, rounded to 8 bits and scored again (after “at”: its "
        "own CIEDE2000 / SSIM); the difference is SNAP's share less the corruption's, on the same images. "
        f"Brackets are 95 % intervals (Wilson; of differences Newcombe, paired). {CAVEAT}"
    )


def comparison_text(comparison: Comparison, curve: str, outcome: str = "lost") -> str:
    """All corruptions as a table of plain text, with what came out and what its columns mean."""
    points = comparison.numbers["corruptions"]
    lines = [list(HEAD), *(point_cells(point, curve, outcome) for point in points)]
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    rows = ["  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)) for line in lines]
    told = (headline(comparison, curve, outcome), explanation(comparison))
    return "\n".join([*(row.rstrip() for row in rows), "", *told])


def _where(point: Numbers, outcome: str) -> str:
    own = point[outcome]
    return (
        f"{corruption_of(point['kind']).strength_words(point['grade'])}, CIEDE2000 {_mean(own['de00'], 2)}, "
        f"SSIM {_mean(own['ssim'], 3)}"
    )


def _share(part: Numbers) -> float:
    return part["flipped"]["share"] or 0.0


def _mean(found: Numbers, digits: int) -> str:
    value: Any = found["mean"]
    return NONE if value is None else f"{value:.{digits}f}"
