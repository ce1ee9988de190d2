"""One patch trained on some patches of a data set and tried on others that it never saw."""

import io
import json
from collections.abc import Generator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch

from snapgui.audit.settings import seed_of
from snapgui.data.datasets import PatchSet, open_patches
from snapgui.engine.attack.gamut import fit_gamut
from snapgui.engine.attack.objectives import Targeted
from snapgui.engine.attack.universal import UniversalStep, apply_canvas, new_canvas, train_universal
from snapgui.engine.cells.outlines import Mask, area_fraction, draw_mask, touches_centre
from snapgui.engine.cells.proposals import propose_cells, shared_cells
from snapgui.engine.images import decode_pixels, encode_png, to_image, to_pixels
from snapgui.engine.settings import CellSettings, UniversalSettings
from snapgui.engine.victim.victim import Victim
from snapgui.errors import DataError, ImageError, MaskError
from snapgui.statistics import share
from snapgui.workspace import write_whole

Layout = Literal["cells", "nuclei"]


@dataclass(frozen=True)
class _Set:
    """Correctly classified metastases with their masks: ``(N, 3, H, W)`` and ``(N, 1, H, W)``."""

    images: torch.Tensor
    masks: torch.Tensor


def run_universal(
    victim: Victim,
    data: Path,
    out: Path,
    *,
    train_split: str,
    test_split: str,
    limit: int,
    layout: Layout,
    cells: CellSettings,
    settings: UniversalSettings,
) -> Generator[UniversalStep, None, dict[str, Any]]:
    """Train one patch towards class 0 and measure it; yields each batch and returns the numbers, which are
    also written.

    ``cells`` puts one set of cells at the same place of every image, ``nuclei`` lays one texture into each
    image's own nuclei. Success is counted on 8-bit pictures, on the training patches and on those of another
    split; beside it that of a random canvas, which nobody trained.

    Raises:
        DataError: a split is missing or has no correctly classified metastasis.
        MaskError: no room for the cells.
    """
    patches = open_patches(data)
    training, held_out = (
        _gather(victim, patches.split(name), limit, layout, cells) for name in (train_split, test_split)
    )
    masks = training.masks[:1] if layout == "cells" else training.masks
    step = None
    for step in train_universal(victim, training.images, masks, objective=Targeted(0), settings=settings):
        yield step
    assert step is not None
    start = new_canvas(
        (training.images.shape[2], training.images.shape[3]), settings.gamut, seed=settings.seed
    ).to(training.images)
    numbers = {
        "layout": layout,
        "cells": cells.to_json(),
        "settings": settings.to_json(),
        "model_sha256": victim.card.sha256,
        "train_split": train_split,
        "test_split": test_split,
        "training": _measure(victim, training, step.canvas, start, settings),
        "held_out": _measure(victim, held_out, step.canvas, start, settings),
    }
    _write(out, numbers, step.canvas, masks)
    return numbers


def _gather(victim: Victim, patches: PatchSet, limit: int, layout: Layout, cells: CellSettings) -> _Set:
    images: list[torch.Tensor] = []
    masks: list[Mask] = []
    shared: Mask | None = None
    for index in np.random.default_rng(0).permutation(np.flatnonzero(patches.labels == 1)):
        try:
            pixels = patches.pixels(int(index))
            image = to_image(pixels).to(victim.mean.device)
            if int(victim.predict(image[None])[0].argmax()) != 1:
                continue
        except ImageError:
            continue
        shape = (pixels.shape[0], pixels.shape[1])
        if layout == "cells":
            shared = draw_mask(shared_cells(shape, cells), shape) if shared is None else shared
            masks.append(shared)
        else:
            own = replace(cells, placement="nuclei", seed=seed_of(cells.seed, patches.ids[int(index)]))
            try:
                masks.append(draw_mask(propose_cells(pixels, own), shape))
            except MaskError:
                continue
        images.append(image)
        if len(images) == limit:
            break
    if not images:
        raise DataError(
            "No metastasis of the split is recognised by the model and has room for cells. Choose "
            "another split or model."
        )
    return _Set(torch.stack(images), torch.from_numpy(np.stack(masks))[:, None].to(images[0].device))


def _measure(
    victim: Victim, patches: _Set, canvas: torch.Tensor, start: torch.Tensor, settings: UniversalSettings
) -> dict[str, Any]:
    masks = patches.masks.cpu().numpy()[:, 0]
    return {
        "images": len(patches.images),
        "area": float(np.mean([area_fraction(mask) for mask in masks])),
        "centre_open": share(sum(map(touches_centre, masks)), len(masks)),
        "flipped": _success(victim, patches, canvas, settings, 0.5),
        "reached_goal": _success(victim, patches, canvas, settings, settings.confidence),
        "random_canvas_flipped": _success(victim, patches, start, settings, 0.5),
    }


def _success(
    victim: Victim, patches: _Set, canvas: torch.Tensor, settings: UniversalSettings, least: float
) -> dict[str, Any]:
    """Share of the images whose probability of class 0 exceeds ``least``, on pictures read back from PNG."""
    successes = 0
    for begin in range(0, len(patches.images), settings.batch_size):
        images, masks = (
            patches.images[begin : begin + settings.batch_size],
            patches.masks[begin : begin + settings.batch_size],
        )
        gamut = fit_gamut(settings.gamut, images, settings.stains)
        shown = apply_canvas(images, masks, canvas, gamut)
        saved = torch.stack([to_image(decode_pixels(encode_png(to_pixels(image)))) for image in shown])
        successes += int((victim.predict(saved)[:, 0] > least).sum())
    return share(successes, len(patches.images))


def _write(out: Path, numbers: dict[str, Any], canvas: torch.Tensor, masks: torch.Tensor) -> None:
    """The numbers, and what is needed to apply the patch again."""
    stream = io.BytesIO()
    np.save(stream, canvas.cpu().numpy(), allow_pickle=False)
    files = {"canvas.npy": stream.getvalue()}
    if len(masks) == 1:
        files["mask.png"] = encode_png(masks[0, 0].cpu().numpy().astype(np.uint8) * 255)
    files["universal.json"] = json.dumps(numbers, indent=2).encode()
    write_whole(out, files, advice="Choose another folder for --out.")
