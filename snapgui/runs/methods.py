"""What was done, as a paragraph for a paper: the words that runs and audits share, and that of a run."""

import json
from collections.abc import Mapping, Sequence

from snapgui import __version__, shipped
from snapgui.engine.cells.outlines import outlines_of
from snapgui.engine.images import UM_PER_PX
from snapgui.engine.settings import AttackSettings, CellSettings
from snapgui.engine.victim.rectifiers import FADED
from snapgui.runs.records import RunResult
from snapgui.words import CENTRE_FOUND, START_WORDS, as_set, counted, listed, per_cent

SNAP = (
    "Attacking CNNs in Histopathology with SNAP: Sporadic and Naturalistic Adversarial Patches (Student "
    "Abstract), AAAI 2024, openreview.net/forum?id=V3nSrYenyz"
)
LINBP = (
    "Guo, Li and Chen, Backpropagating Linearly Improves Transferability of Adversarial Examples, NeurIPS "
    "2020, arXiv 2012.03528"
)
TRIM = (
    "Nemcovsky, Mendelson and Baskin, Sparse Patches Adversarial Attacks via Extrapolating Point-Wise "
    "Information, 2024, arXiv 2411.16162"
)
STAINS = "Macenko et al., A Method for Normalizing Histology Slides for Quantitative Analysis, ISBI 2009"
FLOW = "Dinh, Sohl-Dickstein and Bengio, Density Estimation Using Real NVP, ICLR 2017"
DE00 = "Sharma, Wu and Dalal, The CIEDE2000 Color-Difference Formula, Color Research and Application 30, 2005"
PRICE = (
    "Carlini and Wagner, Towards Evaluating the Robustness of Neural Networks, IEEE S&P 2017; Rony et "
    "al., Augmented Lagrangian Adversarial Attacks, ICCV 2021"
)
WILSON = "Wilson, Probable Inference, the Law of Succession, and Statistical Inference, JASA 22, 1927"

_PLACES = {
    "scattered": "at random places on tissue",
    "nuclei": "over nuclei that were found in the image",
    "all_nuclei": "over every nucleus that was found in the image, each with a rim of its cytoplasm",
    "gain": "where the model's answer depends most on the pixels, by the gradient at the untouched image",
    "trim": "where the model's answer depends most on the pixels: of three times as many, those were kept "
    "that added most after ten steps of optimisation",
}
_GAMUTS = {
    "range": "within the image's own range of each colour channel, from its lowest to its highest value",
    "percentile": "within the 1st to 99th percentile of each colour channel of the image",
    "pca": "within a box along the principal axes of the image's own colours",
    "stain": "that the image's own haematoxylin and eosin can make",
}
_CENTRE_ASKED = {
    "open": "cells were allowed in the central 32 px, on which the label rests",
    "excluded": "no cell was allowed in the central 32 px, on which the label rests",
}
_SOURCES = {
    "drawn": "drawn by hand",
    "edited": "proposed by the program and edited by hand",
    "imported": "loaded from a file",
    "audit": "taken from an audit",
}


def run_methods(result: RunResult, *, input_px: int | None = None) -> str:
    """A paragraph on what was done in a run; ``input_px`` is the side to which the model resizes, where it is
    known and is not that of the shipped one.
    """
    request, attack = result.request, result.request.attack
    height, width = request.pixels.shape[:2]
    label = (
        f", labelled {result.classes[request.true_class]}"
        if request.true_class is not None and 0 <= request.true_class < len(result.classes)
        else ""
    )
    controls = (
        f" As controls the same cells were filled without optimisation: {listed(list(result.controls))}."
        if result.controls
        else ""
    )
    stopped = " and was stopped early by a person" if result.stopped else ""
    return (
        f"We attacked {model_words(result.model_name, result.model_sha256, input_px)} on one picture "
        "stained with haematoxylin and eosin "
        f"({request.image_name}{', synthetic' if request.synthetic else ''}, {width} x {height} px at "
        f"{UM_PER_PX} µm/px{label}; SHA-256 of its pixels {result.image_sha256}) with SNAP, sporadic and "
        f"naturalistic adversarial patches. {_run_cells(result)} "
        f"{patch_words(attack, result.generator_sha256)} "
        f"{optimiser_words(attack)} It aimed at the class {result.classes[result.target]}; "
        f"{goal_words(attack)} This run took {counted(result.steps, 'step')}{stopped}, and step "
        f"{result.best_step:,} was kept. {RESCORED}{controls} A single picture has no interval. The colour "
        f"difference is the mean CIEDE2000 in the mask. {software_words(result.versions, result.device)} "
        f"{references([SNAP, *methods_of(attack, request.cells), DE00])}"
    )


RESCORED = (
    "The altered picture was rounded to 8 bits, saved as PNG, read back and scored again; all numbers are "
    "those of the saved file."
)


def model_words(name: str, sha256: str, input_px: int | None = None) -> str:
    """The model that was attacked, with its input size where that is known."""
    kind, px = _shipped_card(sha256)
    side = input_px or px
    parts = [*kind, *([f"input {side} x {side} px"] if side else []), f"SHA-256 of the weights {sha256}"]
    return f"the classifier {name} ({', '.join(parts)})"


def _shipped_card(sha256: str) -> tuple[tuple[str, ...], int | None]:
    """Architecture and input size of the shipped model, where it is the one."""
    try:
        card = json.loads(shipped.MODEL.with_suffix(".json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return (), None
    if card.get("sha256") != sha256:
        return (), None
    return ("ResNet50",), card.get("input_size_px")


def cells_words(cells: CellSettings, attack: AttackSettings) -> str:
    """How cells were proposed: where, how many, which share, and whether in the centre; no full stop."""
    onto = ", after those that touched a nucleus had taken its place and shape"
    if cells.placement == "all_nuclei":
        head = f"Cells lay {_PLACES[cells.placement]}, together at most {as_set(cells.area)} of the pixels"
    else:
        head = (
            f"{counted(cells.count, 'cell')} of nuclear shape, together {as_set(cells.area)} of the "
            f"pixels, lay {_PLACES[cells.placement]}"
            f"{onto if (cells.placement, attack.texture) == ('trim', 'nucleus') else ''}"
        )
    return f"{head}; {_CENTRE_ASKED[cells.centre]} (seed {cells.seed})"


def _run_cells(result: RunResult) -> str:
    cells, request = result.request.cells, result.request
    found = (
        f"the mask covered {per_cent(result.area_fraction)} of the pixels in "
        f"{counted(len(outlines_of(request.mask)), 'separate part')}, {CENTRE_FOUND[result.centre]}"
    )
    source = _SOURCES.get(request.mask_source)
    if cells is None or source is not None:
        return f"The cells in which pixels could change were {source or 'given'}; {found}."
    return f"{cells_words(cells, request.attack)}; {found}."


def patch_words(attack: AttackSettings, generator_sha256: str | None = None) -> str:
    """Of what colours a patch could be, in a sentence; with the file from which nuclei were painted."""
    if attack.texture == "retouch":
        made = (
            "The patch was the image's own pixels with the amounts of haematoxylin and eosin, separated "
            f"by the image's own stain vectors, raised or lowered by at most {as_set(attack.bound)}, by a "
            f"field with a node every {attack.grid_px:g} px"
        )
    elif attack.texture == "nucleus":
        file = f"; SHA-256 {generator_sha256}" if generator_sha256 else ""
        made = (
            "The patch was made of nuclei painted in the image's own stains by a generator (a normalising "
            f"flow over the principal components of real nuclei{file}), with codes within {attack.bound:g} "
            "standard deviations of those of real ones, and with no more and no less of a stain than the "
            "image's own nuclei have"
        )
    else:
        fixed = " (with fixed stain vectors)" if (attack.gamut, attack.stains) == ("stain", "fixed") else ""
        made = (
            f"Each pixel of the patch could take any colour {_GAMUTS[attack.gamut]}{fixed}, beginning with "
            f"the {START_WORDS[attack.start][0].lower()}{START_WORDS[attack.start][1:]}"
        )
    soft = ", and the outermost pixel of each cell kept half of its own colour" if attack.soft_edge else ""
    return f"{made}{soft}."


def optimiser_words(attack: AttackSettings) -> str:
    """How a patch was optimised, in a sentence or two."""
    if attack.least_change:
        rule = "with Adam on the model's answer less a price on change, adapted at each step"
    elif attack.texture == "nucleus":
        rule = "with Adam, at a rate that fell along a cosine"
    elif attack.optimiser == "sign":
        rule = "along the sign of the gradient with momentum, in shrinking steps"
    else:
        rule = "by an earlier rule of the program"
    parts = [
        f"All cells were optimised together on the native grid, through the model's own resizing, {rule}, "
        f"for at most {counted(attack.steps, 'step')} (seed {attack.seed})"
    ]
    if attack.restarts:
        parts.append(f"with up to {counted(attack.restarts, 'restart')} from random colours")
    if attack.smoothness:
        parts.append(f"with roughness beyond the image's own penalised (weight {attack.smoothness:g})")
    leak = (
        f" In the first {FADED} steps part of the gradient, {as_set(attack.leak)} at first, also passed "
        "through shut rectifiers (linear backpropagation), which leaves the model's answers as they are."
        if attack.leak
        else ""
    )
    return f"{', '.join(parts)}.{leak}"


def goal_words(attack: AttackSettings) -> str:
    """When an attack ended, and what was kept, in a sentence."""
    if attack.confidence >= 1:
        return "all steps were run, and the step with the highest probability of that class was kept."
    goal = f"a probability of that class of {as_set(attack.confidence)}"
    if attack.least_change:
        least = (
            "that differed least from likely nuclei" if attack.texture == "nucleus" else "that changed least"
        )
        return (
            f"all steps were run, and of the steps that reached the goal, {goal}, the one {least} was kept "
            "(where none did, that with the highest probability)."
        )
    return f"it ended at the goal, {goal}, and the step with the highest probability of that class was kept."


def methods_of(attack: AttackSettings, cells: CellSettings | None) -> list[str]:
    """The published methods that an attack used."""
    own_stains = attack.texture != "free" or (attack.gamut, attack.stains) == ("stain", "own")
    used = (
        (attack.leak > 0, LINBP),
        (attack.least_change, PRICE),
        (cells is not None and cells.placement == "trim", TRIM),
        (own_stains, STAINS),
        (attack.texture == "nucleus", FLOW),
    )
    return [source for holds, source in used if holds]


def software_words(versions: Mapping[str, str], device: str | None) -> str:
    """With which software it was computed, in a sentence."""
    named = {"snap-studio": "SNAP Studio", "torch": "PyTorch"}
    parts = [f"{name} {versions[key]}" for key, name in named.items() if key in versions]
    where = f" on {device}" if device else ""
    by = versions.get("snap-studio", __version__)
    other = "" if by == __version__ else f"; this paragraph tells of the rules of SNAP Studio {__version__}"
    return f"Computed with {listed(parts) or 'SNAP Studio'}{where}{other}."


def references(sources: Sequence[str]) -> str:
    """The sources of methods, in one sentence."""
    return f"References: {'; '.join(dict.fromkeys(sources))}."
