"""What is worth saying before a run."""

from dataclasses import dataclass
from typing import Literal

import cv2
import numpy as np
import torch
from numpy.typing import NDArray

from snapgui.engine.attack.gamut import fit_gamut
from snapgui.engine.attack.objectives import Targeted
from snapgui.engine.attack.packing import compose, pack
from snapgui.engine.attack.stained import RIM_PX, inner_share
from snapgui.engine.attack.starts import start_colours
from snapgui.engine.cells.outlines import area_fraction, touches_centre
from snapgui.engine.generator.files import load_generator
from snapgui.engine.images import UM_PER_PX, to_image
from snapgui.engine.nuclei import find_nuclei, tissue_mask
from snapgui.engine.settings import AttackSettings
from snapgui.engine.victim.victim import Victim
from snapgui.errors import ModelError

LARGE_AREA, HUGE_AREA = 0.15, 0.6
# Grey levels of an image differ from each other by less than this in all channels.
GREY_LEVELS = 3


@dataclass(frozen=True)
class Finding:
    """One sentence about a coming run; an ``error`` means that it cannot be made."""

    level: Literal["error", "warning", "note"]
    text: str


def check_run(
    victim: Victim,
    pixels: NDArray[np.uint8],
    mask: NDArray[np.bool_],
    attack: AttackSettings,
    *,
    true_class: int | None = None,
    clean: torch.Tensor | None = None,
) -> list[Finding]:
    """Findings about a run, the gravest first; costs a forward and a backward pass, and another forward pass
    without ``clean``.

    Args:
        victim: the classifier under attack.
        pixels: uint8 ``(H, W, 3)``.
        mask: bool ``(H, W)``, where pixels may change.
        attack: settings of the coming run.
        true_class: the label, where it is known.
        clean: the victim's logits ``(K,)`` for the untouched image, where they are known.
    """
    findings = _check_mask(pixels, mask, attack)
    classes = victim.card.classes
    target = attack.target
    if target >= len(classes):
        findings.append(
            Finding(
                "error",
                f"The target class is {target}; {victim.card.name} has classes 0 to {len(classes) - 1}.",
            )
        )
    if not any(finding.level == "error" for finding in findings):
        findings += _check_victim(victim, pixels, mask, attack, true_class, clean)
    order = ("error", "warning", "note")
    return sorted(findings, key=lambda finding: order.index(finding.level))


def _check_mask(pixels: NDArray[np.uint8], mask: NDArray[np.bool_], attack: AttackSettings) -> list[Finding]:
    if mask.shape != pixels.shape[:2]:
        return [
            Finding(
                "error",
                f"The mask is {mask.shape[1]} x {mask.shape[0]} px and the image {pixels.shape[1]} x "
                f"{pixels.shape[0]} px; they must be of one size. Draw or load a mask for this image.",
            )
        ]
    if not mask.any():
        return [
            Finding("error", "The mask is empty: no pixel may change. Propose cells or draw at least one.")
        ]
    area = area_fraction(mask)
    if area > HUGE_AREA:
        return [
            Finding(
                "error",
                f"The mask covers {area:.0%} of the image; at most {HUGE_AREA:.0%} is accepted, since "
                "little of the image would be left. Draw fewer or smaller cells.",
            )
        ]
    on_tissue = float(tissue_mask(pixels)[mask].mean())
    flat = bool(np.ptp(pixels.reshape(-1, 3), axis=0).max() == 0)
    if on_tissue == 0 and not flat:
        return [
            Finding(
                "error",
                "The mask lies on glass or a black edge alone: a cell there would be one that no "
                "slide has. Move it onto tissue.",
            )
        ]
    findings = [] if attack.texture == "free" else _check_texture(pixels, mask, attack)
    if on_tissue < 0.5 and not flat:
        findings.append(
            Finding(
                "warning",
                f"Only {on_tissue:.0%} of the mask lies on tissue: cells on bare glass are easily noticed.",
            )
        )
    if area > LARGE_AREA and attack.texture == "free":
        findings.append(
            Finding("warning", f"The mask covers {area:.0%} of the image: a reader is likely to notice.")
        )
    if touches_centre(mask):
        findings.append(
            Finding(
                "note",
                "Cells touch the central 32 px, on which the label rests: a change there may change "
                "the truth, not only fool the model.",
            )
        )
    if flat:
        findings.append(
            Finding(
                "warning",
                "The image is one flat colour: its gamut holds nothing else, so no patch can differ.",
            )
        )
    return findings


def _check_texture(
    pixels: NDArray[np.uint8], mask: NDArray[np.bool_], attack: AttackSettings
) -> list[Finding]:
    """What a texture of stains needs of an image and its cells."""
    other = "or choose the texture of free colours"
    if np.ptp(pixels.astype(int), axis=2).max() < GREY_LEVELS:
        return [
            Finding(
                "error", f"The image is grey: it has no stains to work with. Choose an H&E image, {other}."
            )
        ]
    if inner_share(mask).max() < 1:
        return [
            Finding(
                "error",
                f"The cells are too thin: nothing of them lies inside their rim of {RIM_PX:g} px, where a "
                f"change fades out. Draw larger cells, {other}.",
            )
        ]
    if attack.texture != "nucleus":
        return []
    try:
        learned = load_generator()[1]["area_px"]
    except ModelError as error:
        return [Finding("error", str(error))]
    own = [float(cv2.contourArea(outline)) for outline in find_nuclei(pixels)]
    # Nuclei that are found are rarely smaller than those learned from; half is another magnification.
    if not own or learned["low"] / 2 <= np.median(own) <= learned["high"]:
        return []
    return [
        Finding(
            "error",
            f"The nuclei of this image have {np.median(own):.0f} px, and those that the texture was learned "
            f"from {learned['low']:.0f} to {learned['high']:.0f}: the image is of another scale. Resize it "
            f"to about {UM_PER_PX:.2f} µm a pixel, {other}.",
        )
    ]


def _check_victim(
    victim: Victim,
    pixels: NDArray[np.uint8],
    mask: NDArray[np.bool_],
    attack: AttackSettings,
    true_class: int | None,
    clean: torch.Tensor | None,
) -> list[Finding]:
    findings = []
    device = victim.mean.device
    image = to_image(pixels)[None].to(device)
    masks = torch.from_numpy(mask)[None, None].to(device)
    target = attack.target
    classes = victim.card.classes
    gamut = fit_gamut(attack.gamut, image, attack.stains)
    colours = start_colours(attack.start, image, masks, gamut, seed=attack.seed).requires_grad_()
    logits = victim(compose(image, pack(masks).places, colours))
    clean = victim(image)[0].detach().float() if clean is None else clean
    if not torch.isfinite(clean).all():
        return [
            Finding(
                "error",
                f"{victim.card.name} answers with values that are not numbers on this image. Check "
                "its weights.",
            )
        ]
    if bool((clean >= 0).all()) and abs(float(clean.sum()) - 1) < 1e-4:
        findings.append(
            Finding(
                "warning",
                f"The outputs of {victim.card.name} look like probabilities, not logits: gradients "
                "vanish and numbers are wrong. Load the network without its softmax.",
            )
        )
    p = clean.softmax(0)
    if int(p.argmax()) == target:
        findings.append(
            Finding(
                "warning",
                f"The model already calls this image {classes[target]} ({float(p[target]):.2f}): "
                "there is nothing to fool. Choose another target or image.",
            )
        )
    elif true_class is not None and int(p.argmax()) != true_class:
        findings.append(
            Finding(
                "note",
                f"The model is wrong on this image before any attack (true class {classes[true_class]}).",
            )
        )
    margin = Targeted(target).margin(logits)
    (gradient,) = torch.autograd.grad(margin.sum(), colours)
    if not bool(gradient.abs().max() > 0):
        findings.append(
            Finding(
                "warning",
                "The model's answer does not depend on the masked pixels (zero gradient): the attack "
                "cannot move. Place cells elsewhere, or check the model.",
            )
        )
    return findings
