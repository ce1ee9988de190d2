"""LPIPS and ColorVideoVDP, for those who have them: nothing is downloaded, and nothing else needs them."""

import importlib
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType

import numpy as np
import torch
from numpy.typing import NDArray

from snapgui.engine.images import to_image
from snapgui.engine.victim.checkpoints import read_state
from snapgui.engine.visibility.display import Display
from snapgui.engine.visibility.measures import enlarge
from snapgui.errors import ModelError


@dataclass(frozen=True)
class Learned:
    """One number over the whole picture as displayed, or one sentence on how to get it.

    Attributes:
        measure: its name.
        value: None where the package or its weights are missing.
        unit: ``JOD`` or nothing.
        words: what the number says, or how to get it.
    """

    measure: str
    value: float | None
    unit: str
    words: str


def measure_lpips(
    original: NDArray[np.uint8], altered: NDArray[np.uint8], display: Display, *, weights: Path | None
) -> Learned:
    """LPIPS 0.1 with AlexNet (Zhang et al. 2018) of two uint8 pictures ``(H, W, 3)``: 0 for the same.

    ``weights`` names torchvision's ImageNet weights of AlexNet; the package brings the linear layers itself.

    Raises:
        ModelError: the file is no checkpoint, or of another network.
    """
    lpips = _import("lpips")
    if lpips is None or weights is None:
        return Learned(
            "LPIPS",
            None,
            "",
            "To get LPIPS, run “pip install lpips” and name a file of torchvision's AlexNet "
            "weights (alexnet-owt-7be5be79.pth).",
        )
    state = read_state(weights)
    with torch.random.fork_rng(devices=[]):
        network = lpips.LPIPS(net="alex", pnet_rand=True, verbose=False)
    # The package cuts the trunk into slices but keeps torchvision's numbers: slice2.3.weight is
    # features.3.weight.
    wanted = {name: "features." + name.split(".", 1)[1] for name in network.net.state_dict()}
    try:
        network.net.load_state_dict({name: state[own] for name, own in wanted.items()})
    except (KeyError, RuntimeError) as error:
        raise ModelError(
            f"{weights.name} does not hold AlexNet's weights. Name torchvision's file "
            "alexnet-owt-7be5be79.pth."
        ) from error
    with torch.inference_mode():
        first, second = (to_image(enlarge(pixels, display.zoom))[None] for pixels in (original, altered))
        value = float(network(first, second, normalize=True))
    return Learned(
        "LPIPS", value, "", "Distance of an ImageNet network's features (AlexNet); 0 for the same."
    )


def measure_colorvideovdp(
    original: NDArray[np.uint8],
    altered: NDArray[np.uint8],
    display: Display,
    *,
    photometry: str = "standard_4k",
) -> Learned:
    """ColorVideoVDP (Mantiuk et al.

    2024) of two uint8 pictures ``(H, W, 3)``: 10 JOD for the same, 9 if 75 % tell them apart.

    Pixels per degree are the display's; its light is that of the package's screen named by ``photometry``.
    The package brings its own parameters, so there are no weights to name.
    """
    vdp = _import("pycvvdp")
    if vdp is None:
        return Learned(
            "ColorVideoVDP",
            None,
            "JOD",
            "To get ColorVideoVDP, run “pip install cvvdp”; it brings its own parameters.",
        )
    first, second = enlarge(original, display.zoom), enlarge(altered, display.zoom)
    geometry = vdp.vvdp_display_geometry((first.shape[1], first.shape[0]), ppd=display.pixels_per_degree)
    metric = vdp.cvvdp(
        display_name=photometry, display_geometry=geometry, device=torch.device("cpu"), quiet=True
    )
    with torch.inference_mode():
        value, _ = metric.predict(second, first, dim_order="HWC")
    return Learned(
        "ColorVideoVDP",
        float(value),
        "JOD",
        f"10 for the same; one less where 75 % prefer the original; light of the screen “{photometry}”.",
    )


def _import(name: str) -> ModuleType | None:
    """The module if it is installed whole."""
    try:
        return importlib.import_module(name)
    except ImportError:
        return None
