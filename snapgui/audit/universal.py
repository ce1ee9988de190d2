"""One patch trained on some patches of a data set and tried on others that it never saw."""

import io
import json
from collections.abc import Generator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch
from numpy.typing import NDArray

from snapgui.audit.settings import DRAWS, seed_of
from snapgui.data.datasets import PatchSet, open_patches
from snapgui.engine.attack.objectives import Targeted
from snapgui.engine.attack.universal import (
    UniversalStep,
    apply_canvas,
    fit_shared,
    random_canvas,
    train_universal,
)
from snapgui.engine.cells.outlines import Mask, area_fraction, draw_mask, touches_centre
from snapgui.engine.cells.proposals import propose_cells, shared_cells
from snapgui.engine.cells.qupath import cells_geojson
from snapgui.engine.generator.files import generator_of
from snapgui.engine.images import decode_pixels, encode_png, to_image, to_pixels
from snapgui.engine.settings import CellSettings, UniversalSettings
from snapgui.engine.victim.victim import Victim
from snapgui.errors import DataError, ImageError, MaskError, SettingsError
from snapgui.provenance import library_versions
from snapgui.statistics import share, share_of_draws
from snapgui.workspace import write_whole

Layout = Literal["cells", "nuclei"]


# Parts of the numbers, and folders of the pictures that they were counted on.
TRAINING, HELD_OUT = PARTS = ("training", "held_out")


@dataclass(frozen=True)
class Metastases:
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
    split; beside it that of random canvases of the same texture, which nobody trained.

    Raises:
        DataError: a split is missing or has no correctly classified metastasis.
        MaskError: no room for the cells.
    """
    patches = open_patches(data)
    training, held_out = (
        gather_metastases(victim, patches.split(name), limit, layout, cells)
        for name in (train_split, test_split)
    )
    masks = training.masks[:1] if layout == "cells" else training.masks
    step = None
    for step in train_universal(victim, training.images, masks, objective=Targeted(0), settings=settings):
        yield step
    assert step is not None
    numbers = {
        "layout": layout,
        "cells": cells.to_json(),
        "settings": settings.to_json(),
        "model_sha256": victim.card.sha256,
        "generator_sha256": generator_of(settings.texture),
        "train_split": train_split,
        "test_split": test_split,
        "versions": library_versions(),
        TRAINING: measure_universal(victim, training, step.canvas, settings),
        HELD_OUT: measure_universal(victim, held_out, step.canvas, settings),
    }
    _write(out, numbers, step.canvas, {TRAINING: training, HELD_OUT: held_out})
    return numbers


def gather_metastases(
    victim: Victim, patches: PatchSet, limit: int, layout: Layout, cells: CellSettings
) -> Metastases:
    """At most ``limit`` metastases that the victim recognises and that have room for cells, drawn at random;
    raises DataError where there is none.
    """
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
    return Metastases(torch.stack(images), torch.from_numpy(np.stack(masks))[:, None].to(images[0].device))


def apply_universal(
    victim: Victim, folder: Path, data: Path, out: Path, *, split: str | None, limit: int
) -> dict[str, Any]:
    """Lay a saved patch on other pictures without training, with any model, and measure it.

    Writes ``applied.json`` and, of each picture, what it was and what became of it into ``out``.

    Args:
        victim: the model that is to be fooled; it need not be the one of the training.
        folder: what `run_universal` wrote.
        data: folder of a labelled data set.
        out: a folder of its own.
        split: of the data set; None takes all patches.
        limit: metastases that the victim recognises, at most.

    Raises:
        DataError: ``folder`` holds no patch that can be read, or no metastasis is recognised.
    """
    try:
        numbers = json.loads((folder / "universal.json").read_text(encoding="utf-8"))
        settings = UniversalSettings.from_json(numbers["settings"])
        cells = CellSettings.from_json(numbers["cells"])
        layout, trained_on = numbers["layout"], str(numbers["model_sha256"])
        stored = io.BytesIO((folder / "canvas.npy").read_bytes())
        canvas = torch.from_numpy(np.load(stored, allow_pickle=False)).float().to(victim.mean.device)
    except (OSError, ValueError, KeyError, TypeError, EOFError, SettingsError) as error:
        raise DataError(
            f"{folder} holds no universal patch that can be read ({str(error)[:120]}). Give the folder that "
            "“python -m snapgui universal” wrote."
        ) from error
    everything = open_patches(data)
    patches = everything.split(split) if split else everything
    chosen = gather_metastases(victim, patches, limit, layout, cells)
    expected = random_canvas(chosen.masks, settings)
    if canvas.ndim != expected.ndim or canvas.shape[-1] != expected.shape[-1]:
        raise DataError(
            f"The patch in {folder} has the shape {tuple(canvas.shape)}, where its settings make "
            f"{tuple(expected.shape)}. It was damaged; train it again."
        )
    found = measure_universal(victim, chosen, canvas, settings) | {
        "layout": layout,
        "settings": settings.to_json(),
        "cells": cells.to_json(),
        "model_sha256": victim.card.sha256,
        "trained_on_sha256": trained_on,
        "split": split,
    }
    shown = apply_canvas(chosen.images, canvas, fit_shared(settings, chosen.images, chosen.masks))
    files = {"applied.json": json.dumps(found, indent=2).encode()}
    for number, (before, after) in enumerate(zip(chosen.images, shown, strict=True)):
        files[f"{number:04}-before.png"] = encode_png(to_pixels(before))
        files[f"{number:04}.png"] = encode_png(to_pixels(after))
    write_whole(out, files, advice="Choose another folder for --out.")
    return found


def measure_universal(
    victim: Victim, patches: Metastases, canvas: torch.Tensor, settings: UniversalSettings
) -> dict[str, Any]:
    """Areas and successes of a patch on images, and of random ones of its texture in the very same cells."""
    masks = patches.masks.cpu().numpy()[:, 0]
    p = score_patch(victim, patches, canvas, settings)
    return {
        "images": len(masks),
        "area": float(np.mean([area_fraction(mask) for mask in masks])),
        "centre_open": share(sum(map(touches_centre, masks)), len(masks)),
        **count_successes(p, settings),
    }


def count_successes(p: NDArray[np.float64], settings: UniversalSettings) -> dict[str, Any]:
    """Successes by probabilities ``(K, N)`` of class 0: of the patch first, then of each random one."""
    flipped, images = p > 0.5, p.shape[1]
    return {
        "flipped": share(int(flipped[0].sum()), images),
        "reached_goal": share(int((p[0] > settings.confidence).sum()), images),
        "random_canvas_flipped": share_of_draws(flipped[1:].sum(axis=0), len(p) - 1),
        "random_canvases": [share(int(drawn.sum()), images) for drawn in flipped[1:]],
    }


def score_patch(
    victim: Victim, patches: Metastases, canvas: torch.Tensor, settings: UniversalSettings
) -> NDArray[np.float64]:
    """Probabilities ``(1 + DRAWS, N)`` of class 0 under the patch and under each random one, on pictures read
    back from PNG.
    """
    canvases = [canvas, *(random_canvas(patches.masks, settings, draw) for draw in range(DRAWS))]
    batches = []
    for begin in range(0, len(patches.images), settings.batch_size):
        batch = slice(begin, begin + settings.batch_size)
        images, masks = patches.images[batch], patches.masks[batch]
        texture = fit_shared(settings, images, masks)
        scored = []
        for own in canvases:
            shown = apply_canvas(images, own, texture)
            saved = torch.stack([to_image(decode_pixels(encode_png(to_pixels(image)))) for image in shown])
            scored.append(victim.predict(saved)[:, 0].cpu().double().numpy())
        batches.append(np.stack(scored))
    return np.concatenate(batches, axis=1)


def _write(out: Path, numbers: dict[str, Any], canvas: torch.Tensor, sets: dict[str, Metastases]) -> None:
    """The numbers, and what is needed to apply the patch again and to count anew."""
    stream = io.BytesIO()
    np.save(stream, canvas.cpu().numpy(), allow_pickle=False)
    files = {"canvas.npy": stream.getvalue()}
    shared = numbers["layout"] == "cells"
    if shared:
        files["mask.png"] = _mask_png(sets[TRAINING].masks[0])
        files["mask.geojson"] = cells_geojson(sets[TRAINING].masks[0, 0].cpu().numpy())
    for part, patches in sets.items():
        for number, (image, mask) in enumerate(zip(patches.images, patches.masks, strict=True)):
            files[f"{part}/{number:04}.png"] = encode_png(to_pixels(image))
            if not shared:
                files[f"{part}/{number:04}-mask.png"] = _mask_png(mask)
    files["universal.json"] = json.dumps(numbers, indent=2).encode()
    write_whole(out, files, advice="Choose another folder for --out.")


def _mask_png(mask: torch.Tensor) -> bytes:
    return encode_png(mask[0].cpu().numpy().astype(np.uint8) * 255)
