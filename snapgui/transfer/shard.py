"""Some images attacked on one source, and scored by every model, on the pictures as they are saved."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from snapgui.audit.alter import Altered, Subjects, alter, masks_for
from snapgui.audit.settings import Condition, seed_of
from snapgui.audit.shard import probabilities
from snapgui.engine.attack.objectives import Untargeted
from snapgui.engine.attack.random_search import search_at_random
from snapgui.engine.attack.universal import apply_canvas, fit_shared, random_canvas
from snapgui.engine.cells.outlines import Mask, area_fraction, draw_mask, touches_centre
from snapgui.engine.cells.proposals import propose_cells, shared_cells
from snapgui.engine.images import decode_pixels, encode_png, to_image, to_pixels
from snapgui.engine.presets import PRESETS, PresetName
from snapgui.engine.settings import CellSettings, UniversalSettings
from snapgui.engine.victim.scores import ScoresOnly
from snapgui.engine.victim.victim import Victim
from snapgui.engine.visibility.measures import measure
from snapgui.errors import MaskError
from snapgui.transfer.plan import Contest, Plan, Shard
from snapgui.transfer.settings import TransferSettings

Row = dict[str, Any]
BLACK_BOX = "black box"
UNIVERSAL, RANDOM_UNIVERSAL = "universal", "universal, random"


@dataclass(frozen=True)
class ShardResult:
    """Rows of the table, and pictures by file name."""

    rows: list[Row]
    pictures: dict[str, bytes]


def run_shard(
    contest: Contest,
    plan: Plan,
    shard: Shard,
    settings: TransferSettings,
    canvas: torch.Tensor | None = None,
) -> ShardResult:
    """Attack the images of a shard, and score all pictures by the models that they are tried on.

    One row an image, kind of picture and model: ``id``, ``source``, ``preset``, ``kind``, ``target``,
    ``p_before``, ``p_after`` (of metastasis), ``flipped``; with a picture's ``area``, ``centre`` and
    ``mean_de00_mask``. Where an image has no room for the cells, one row of kind ``no room`` says why.
    """
    source = contest.sources[shard.source]
    models = contest.models
    preset = PRESETS[shard.preset]
    some = plan.subjects.of(list(shard.rows))
    attack = replace(preset.attack, seed=settings.seed)
    snap = Condition("SNAP", "standard", "attack", replace(preset.cells, seed=settings.seed), attack)
    masks = masks_for(source, some, snap, {})
    result = ShardResult([], {})
    fit = [i for i, mask in enumerate(masks) if not isinstance(mask, MaskError)]
    for i, mask in enumerate(masks):
        if isinstance(mask, MaskError):
            result.rows.append(_row(some.ids[i], shard, "no room", error=str(mask)))
    if fit:
        chosen = some.of(fit)
        own = [mask for mask in masks if not isinstance(mask, MaskError)]
        _attack_each(source, models, plan, shard, settings, snap, chosen, own, result)
    if canvas is not None:
        _lay_universal(models, plan, shard, settings, some, canvas, result)
    return result


def _attack_each(
    source: Victim,
    models: Mapping[str, Victim],
    plan: Plan,
    shard: Shard,
    settings: TransferSettings,
    snap: Condition,
    chosen: Subjects,
    masks: list[Mask],
    result: ShardResult,
) -> None:
    def made(condition: Condition, **how: Any) -> list[NDArray[np.uint8]]:
        altered: Altered = alter(source, chosen, masks, condition, (), batch_size=settings.batch_size, **how)
        return altered.pixels

    if not isinstance(source, ScoresOnly):
        pictures = made(snap)
        _score(models, plan, shard, "SNAP", chosen, pictures, masks, result)
        sham = made(replace(snap, kind="sham"), snap=pictures)
        _score(models, plan, shard, "sham", chosen, sham, masks, result)
    random = made(replace(snap, kind="fill", fill="random"))
    _score(models, plan, shard, "random", chosen, random, masks, result)
    if settings.queries and shard.source in models:
        searched = _search(source, settings, snap, chosen, masks)
        own = {shard.source: source}
        _score(own, plan, shard, BLACK_BOX, chosen, searched, masks, result)


def _search(
    source: Victim, settings: TransferSettings, snap: Condition, chosen: Subjects, masks: list[Mask]
) -> list[NDArray[np.uint8]]:
    images = torch.stack([to_image(pixels) for pixels in chosen.pixels]).to(source.mean.device)
    stacked = torch.from_numpy(np.stack(masks))[:, None].to(images.device)
    found = search_at_random(
        source,
        images,
        stacked,
        objective=Untargeted(torch.from_numpy(chosen.labels).to(images.device)),
        settings=snap.attack,
        queries=settings.queries,
    )
    return [to_pixels(image) for image in found.images]


def universal_settings(preset: PresetName, settings: TransferSettings) -> UniversalSettings:
    """How the one patch of a preset is trained."""
    attack = PRESETS[preset].attack
    return UniversalSettings(
        texture=attack.texture,
        bound=attack.bound,
        grid_px=attack.grid_px,
        gamut=attack.gamut,
        stains=attack.stains,
        epochs=settings.epochs,
        seed=settings.seed,
    )


def universal_mask(pixels: NDArray[np.uint8], name: str, cells: CellSettings) -> Mask:
    """Where one patch for all goes in an image: into its own nuclei, or to the same cells of each; raises
    MaskError where there is no room.
    """
    shape = (pixels.shape[0], pixels.shape[1])
    if cells.placement == "all_nuclei":
        return draw_mask(propose_cells(pixels, replace(cells, seed=seed_of(cells.seed, name))), shape)
    return draw_mask(shared_cells(shape, replace(cells, placement="scattered")), shape)


def _lay_universal(
    models: Mapping[str, Victim],
    plan: Plan,
    shard: Shard,
    settings: TransferSettings,
    some: Subjects,
    canvas: torch.Tensor,
    result: ShardResult,
) -> None:
    cells = replace(PRESETS[shard.preset].cells, seed=settings.seed)
    masks: list[Mask] = []
    fit: list[int] = []
    for i, (pixels, name) in enumerate(zip(some.pixels, some.ids, strict=True)):
        try:
            masks.append(universal_mask(pixels, name, cells))
            fit.append(i)
        except MaskError:
            continue
    if not fit:
        return
    chosen = some.of(fit)
    images = torch.stack([to_image(pixels) for pixels in chosen.pixels]).to(canvas.device)
    stacked = torch.from_numpy(np.stack(masks))[:, None].to(canvas.device)
    how = universal_settings(shard.preset, settings)
    texture = fit_shared(how, images, stacked)
    for kind, own in ((UNIVERSAL, canvas), (RANDOM_UNIVERSAL, random_canvas(stacked, how, 1))):
        pictures = [to_pixels(image) for image in apply_canvas(images, own, texture)]
        _score(models, plan, shard, kind, chosen, pictures, masks, result)


def _score(
    models: Mapping[str, Victim],
    plan: Plan,
    shard: Shard,
    kind: str,
    chosen: Subjects,
    pictures: list[NDArray[np.uint8]],
    masks: list[Mask],
    result: ShardResult,
) -> None:
    saved = [encode_png(pixels) for pixels in pictures]
    read = [decode_pixels(data) for data in saved]
    place = {name: n for n, name in enumerate(plan.subjects.ids)}
    p = {name: probabilities(victim, read, len(read))[:, 1] for name, victim in models.items()}
    for k, (name, before, after, mask) in enumerate(zip(chosen.ids, chosen.pixels, read, masks, strict=True)):
        picture = f"{shard.name}-{kind.replace(', ', '-')}-{place[name]:05d}.png"
        result.pictures[picture] = saved[k]
        seen = measure(before, after, mask)
        for target in models:
            result.rows.append(
                _row(
                    name,
                    shard,
                    kind,
                    target=target,
                    p_before=float(plan.p_before[target][place[name]]),
                    p_after=float(p[target][k]),
                    flipped=bool(p[target][k] <= 0.5),
                    area=area_fraction(mask),
                    centre="open" if touches_centre(mask) else "excluded",
                    mean_de00_mask=seen["mask"].mean_de00,
                    mean_de00_whole=seen["whole"].mean_de00,
                    ssim_whole=seen["whole"].ssim,
                    picture=picture,
                )
            )


COLUMNS = (
    "id",
    "source",
    "preset",
    "kind",
    "target",
    "p_before",
    "p_after",
    "flipped",
    "area",
    "centre",
    "mean_de00_mask",
    "mean_de00_whole",
    "ssim_whole",
    "picture",
    "error",
)


def _row(name: str, shard: Shard, kind: str, **values: Any) -> Row:
    return dict.fromkeys(COLUMNS) | {
        "id": name,
        "source": shard.source,
        "preset": shard.preset,
        "kind": kind,
        **values,
    }
