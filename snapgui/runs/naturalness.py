"""How natural a run's picture is, in plain words: one sentence for page, terminal and report."""

from snapgui.engine.detector.linear import shipped_detector
from snapgui.engine.visibility.naturalness import Look, Naturalness, look_of, measure_naturalness
from snapgui.runs.records import RunResult
from snapgui.words import counted, per_cent

LOOK_WORDS: dict[Look, str] = {
    "unchanged": "Nothing changed",
    "natural": "Looks natural",
    "not quite natural": "Not quite natural",
    "visible": "Visible at a glance",
}
HELP = (
    "Looks natural: at most 5 CIEDE2000, at most a third of the cells newly picked out, at most 2 points "
    "more colours beyond the stains than the untouched image has. Visible at a glance: more than 5, and more "
    "than half of the cells newly picked out. Newly: of the cells that were not picked out before the "
    "change. The detector is a small one that comes with the program. This predicts; whether a person would "
    "notice is found out in a blinded reader study."
)


def naturalness_of(result: RunResult) -> Naturalness:
    """What was saved with the run, else measured now; raises ModelError where the detector cannot be read."""
    if result.naturalness is not None:
        return result.naturalness
    request = result.request
    return measure_naturalness(request.pixels, result.adversarial, request.mask, shipped_detector())


def naturalness_words(found: Naturalness) -> str:
    """One sentence, such as ``Looks natural: colour differs by 2.9 CIEDE2000 in the mask, ...``."""
    look, expected = LOOK_WORDS[look_of(found)], _expected(found.expected)
    if found.beyond_stains is None:
        return f"{look}: no pixel differs from the image as it was."
    return (
        f"{look}: colour differs by {found.mean_de00_mask:.1f} CIEDE2000 in the mask, the detector picks "
        f"out {found.picked_out} of its {counted(found.cells, 'cell')} "
        f"({found.picked_out_before} before the change, {expected} expected of real nuclei), "
        f"{per_cent(found.beyond_stains)} of the changed colours are beyond what the image's stains make "
        f"({per_cent(found.own_beyond_stains)} of its own)."
    )


def _expected(count: float) -> str:
    return "less than 1" if count < 0.95 else f"{count:.0f}"
