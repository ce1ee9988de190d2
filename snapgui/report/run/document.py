"""The report of one run: what the model said, beside controls, area, centre and visibility, and how it can be
checked.
"""

from collections.abc import Sequence

from snapgui.engine.cells.outlines import outlines_of
from snapgui.engine.images import UM_PER_PX, encode_png
from snapgui.engine.visibility.gamut_shares import gamut_shares
from snapgui.engine.visibility.naturalness import look_of
from snapgui.report.bundle.manifest import NOTICE
from snapgui.report.pages.document import Document, Picture, Section, Table, settings_table
from snapgui.report.run.figure import curve_png, run_pictures
from snapgui.runs.methods import run_methods
from snapgui.runs.naturalness import HELP, naturalness_of, naturalness_words
from snapgui.runs.picture_text import run_text
from snapgui.runs.records import RunResult
from snapgui.runs.verdict import control_words, verdict_card
from snapgui.words import NONE, as_set, counted, duration, number, per_cent

SHOWN_PX = 210
REGIONS = {"mask": "Inside the mask", "ring": "Ring around the mask", "whole": "Whole image"}
CENTRES = {
    "open": "cells lie in the central 32 px, on which the true class rests, so the truth itself may have "
    "changed",
    "excluded": "no cell lies in the central 32 px, on which the true class rests",
}

# Settings that a texture does not look at.
UNUSED = {
    "free": ("bound", "grid_px"),
    "retouch": ("gamut", "stains", "start"),
    "nucleus": ("gamut", "grid_px", "stains", "start"),
}


def run_document(result: RunResult) -> Document:
    """The report of a run."""
    findings = (Section("Noted before the run", sentences=result.findings),) if result.findings else ()
    return Document(
        title=f"SNAP run {result.run_id}",
        card=verdict_card(result, look_of(naturalness_of(result))),
        verdict=control_words(result),
        beside=(
            naturalness_words(naturalness_of(result)),
            f"Image {result.request.image_name}{' (synthetic)' if result.request.synthetic else ''}, "
            f"true class {_true_class(result)}; model {result.model_name}; {result.started[:10]}.",
            "This is one image: the numbers are answers of the model to the saved 8-bit PNG and "
            "have no interval. "
            "How often SNAP fools the model on a data set is what an audit measures, with intervals.",
        ),
        sections=(
            _pictures(result),
            _answers(result),
            _where(result),
            _visibility(result),
            *findings,
            Section("Methods", (run_methods(result),)),
            _origin(result),
        ),
        text=run_text(result, NOTICE),
    )


def _true_class(result: RunResult) -> str:
    true = result.request.true_class
    return "not known" if true is None or not 0 <= true < len(result.classes) else result.classes[true]


def _pictures(result: RunResult) -> Section:
    width = result.request.pixels.shape[1]
    zoom = max(1, SHOWN_PX // width)
    titled = [
        (title.replace("\n(", " (").replace("\n", ", "), pixels) for title, pixels in run_pictures(result)
    ]
    shown = tuple(
        Picture(encode_png(pixels, text=run_text(result, title)), title, width * zoom, exact=True)
        for title, pixels in titled
    )
    scale = (
        f"Each picture is {width} px = {width * UM_PER_PX:.0f} µm wide ({UM_PER_PX} µm/px), enlarged "
        f"{zoom} times, pixel by pixel."
    )
    curve = Picture(
        curve_png(result), f"What the model said at each step; step {result.best_step} was kept.", 860
    )
    return Section("Before and after", (scale,), (*shown, curve))


def _answers(result: RunResult) -> Section:
    target, goal = result.target, result.request.attack.confidence
    rows = [
        _answer(result, "Before", result.p_before),
        _answer(result, "After SNAP, saved as PNG and read back", result.p_after),
    ]
    for name, p in result.controls.items():
        both = [NONE] * len(result.classes)
        both[target] = per_cent(p, 2)
        if len(result.classes) == 2:
            both[1 - target] = per_cent(1 - p, 2)
        rows.append((f"Control: the same cells with {name}", *both, _yes(p >= goal)))
    columns = (
        "Picture",
        *result.classes,
        f"Goal of {as_set(goal)} {result.classes[target]} reached",
    )
    return Section("What the model said", tables=(Table(columns, tuple(rows)),))


def _answer(result: RunResult, name: str, p: Sequence[float]) -> tuple[str, ...]:
    return (
        name,
        *(per_cent(share, 2) for share in p),
        _yes(p[result.target] >= result.request.attack.confidence),
    )


def _yes(value: bool) -> str:
    return "yes" if value else "no"


def _where(result: RunResult) -> Section:
    request = result.request
    shares = gamut_shares(request.pixels, result.adversarial, stains=request.attack.stains)
    cells = len(outlines_of(request.mask))
    rows = (
        (
            "Area",
            (
                f"{per_cent(result.area_fraction, 2)} of the pixels ({int(request.mask.sum()):,} px) in "
                f"{counted(cells, 'separate part')}"
            ),
        ),
        ("Centre", CENTRES.get(result.centre, result.centre)),
        ("Pixels that changed", f"{shares.changed_px:,}"),
        ("Of these, outside the image's own range of each channel", _share(shares.outside_range)),
        (
            "Of these, outside its haematoxylin and eosin (1 to 99 %)",
            (
                f"{_share(shares.outside_stain)}; of the untouched image's own pixels "
                f"{_share(shares.own_outside_stain)}"
            ),
        ),
    )
    return Section("Where it changed, and with which colours", tables=(Table(("What", "Number"), rows),))


def _share(value: float | None) -> str:
    return NONE if value is None else per_cent(value)


def _visibility(result: RunResult) -> Section:
    rows = tuple(
        (
            REGIONS.get(region, region),
            f"{numbers.ssim:.3f}",
            number(numbers.psnr_db, "{:.1f} dB", "no change"),
            f"{numbers.mean_de00:.2f}",
            f"{numbers.p95_de00:.2f}",
        )
        for region, numbers in result.visibility.items()
    )
    note = (
        "SSIM: similarity of structure, 1 is the same. CIEDE2000: colour difference, below 1 invisible, "
        "above 5 plain at a glance. Measures predict what readers see; only a reader study shows it."
    )
    columns = ("Region", "SSIM", "PSNR", "CIEDE2000, mean", "CIEDE2000, 95th percentile")
    return Section("How visible it is", (HELP,), tables=(Table(columns, rows, note=note),))


def _origin(result: RunResult) -> Section:
    request = result.request
    origin = {
        "run": result.run_id,
        "started": result.started,
        "took": f"{duration(result.seconds)}, {counted(result.steps, 'step')}",
        "device": result.device,
        "model": result.model_name,
        "model SHA-256": result.model_sha256,
        "image SHA-256 (RGB pixels)": result.image_sha256,
        "versions": ", ".join(f"{name} {version}" for name, version in result.versions.items()),
        "stopped by a person": result.stopped,
    }
    unused = UNUSED[request.attack.texture] + (() if request.attack.gamut == "stain" else ("stains",))
    attack = {
        **{name: value for name, value in request.attack.to_json().items() if name not in unused},
        "target": result.classes[result.target],
        "mask": request.mask_source,
    }
    tables = [settings_table("Origin", origin), settings_table("Attack", attack)]
    if request.cells:
        tables.append(settings_table("Cells, as proposed", request.cells.to_json()))
    return Section(
        "Where the numbers come from",
        ((f"The bundle of this run can be checked on any computer: snap verify {result.run_id}.zip"),),
        tables=tuple(tables),
    )
