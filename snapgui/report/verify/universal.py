"""The claims of a universal patch's bundle, made again: the patch is laid over the images and counted."""

import io
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import torch

from snapgui import __version__
from snapgui.audit.universal import PARTS, Metastases, count_successes, score_patch
from snapgui.engine.attack.universal import apply_canvas, fit_shared, random_canvas
from snapgui.engine.cells.outlines import area_fraction, read_mask, touches_centre
from snapgui.engine.generator.files import VARIABLE, generator_of
from snapgui.engine.images import decode_pixels, to_image, to_pixels
from snapgui.engine.settings import UniversalSettings
from snapgui.engine.victim.victim import Victim
from snapgui.errors import SnapError
from snapgui.report.audit.universal import universal_files
from snapgui.report.bundle.archive import BundleError
from snapgui.report.bundle.manifest import read_json
from snapgui.report.verify.checks import Check, agree, check, check_names
from snapgui.report.verify.record import ABOUT_MANIFEST
from snapgui.report.verify.retouch import allowed_words, beyond_bound
from snapgui.report.verify.run import SCORE_TOLERANCE
from snapgui.statistics import share
from snapgui.words import as_set, counted, per_cent, with_count, with_interval

# So many images of each part are looked at pixel by pixel.
LOOKED_AT = 32
STATED = (
    "train_split, test_split and which images are theirs, settings of the cells and of the training, "
    "name, versions and exported_with: no file can show them"
)
ABOUT = {
    *("layout", "cells", "settings", "model_sha256", "generator_sha256", "train_split", "test_split"),
    *("versions", *PARTS),
}
OF_A_PART = {
    *("images", "area", "centre_open", "flipped", "reached_goal", "random_canvas_flipped", "random_canvases")
}
Read = Callable[[str], bytes]


def check_universal_claims(
    manifest: dict[str, Any], names: list[str], read: Read, victim_of: Callable[[str], Victim | Check]
) -> Iterator[Check]:
    """Every claim of a universal patch; raises BundleError where the claims cannot be read at all."""
    numbers = read_json(read("universal.json"), "universal.json")
    try:
        settings = UniversalSettings.from_json(numbers["settings"])
        yield check(
            manifest["model"]["sha256"] == numbers["model_sha256"]
            and manifest["settings"] == {name: numbers[name] for name in ("settings", "cells", "layout")},
            "manifest.json and universal.json name the same model and settings",
            "manifest.json and universal.json speak of different models or settings",
        )
        if (stated := numbers["generator_sha256"]) != (here := generator_of(settings.texture)):
            yield Check(
                "unchecked",
                f"the patch laid again: its generator of nuclei has SHA-256 {str(stated)[:12]}, the one here "
                f"{str(here)[:12]}; name the file in the environment variable {VARIABLE}",
            )
            return
        if settings.texture == "nucleus" and numbers.get("versions", {}).get("snap-studio") != __version__:
            yield Check(
                "unchecked",
                "the patch laid again: another version of the program made it, and versions paint nuclei by "
                "rules of their own; verify it with that one",
            )
            return
        canvas = torch.from_numpy(np.load(io.BytesIO(read("canvas.npy")), allow_pickle=False)).float()
        sets = {part: _read_set(read, numbers, part) for part in PARTS}
        yield from check_names(names, set(universal_files(numbers)))
        shape = random_canvas(sets[PARTS[0]].masks, settings).shape
        inside = canvas.shape == shape and bool(((canvas >= 0) & (canvas <= 1)).all())
        yield check(inside, f"the patch is one of the texture {settings.texture}, within its limits")
        if not inside:
            return
        for part, patches in sets.items():
            yield _cells(part, numbers[part], patches)
            if settings.texture != "free":
                yield _colours(part, patches, canvas, settings)
        yield Check("stated", STATED)
        yield from _unknown(manifest, numbers)
        victim = victim_of(str(numbers["model_sha256"]))
        if isinstance(victim, Check):
            yield victim
            return
        yield Check("holds", f"the model here is the one stated: SHA-256 {victim.card.sha256[:12]}")
        for part, patches in sets.items():
            yield _successes(part, numbers[part], victim, patches, canvas, settings)
    except SnapError as error:
        raise BundleError(str(error)) from error
    except (KeyError, TypeError, ValueError, IndexError, AttributeError, OverflowError, MemoryError) as error:
        yield Check("fails", f"universal.json and canvas.npy say all that they should ({repr(error)[:120]})")


def _unknown(manifest: dict[str, Any], numbers: dict[str, Any]) -> Iterator[Check]:
    names = [str(name) for name in set(numbers) - ABOUT]
    names += [f"{name} of {part}" for part in PARTS for name in set(numbers[part]) - OF_A_PART]
    names += [f"{name} of manifest.json" for name in set(manifest) - ABOUT_MANIFEST]
    if names:
        shown = ", ".join(name[:40] for name in sorted(names)[:20])
        yield Check("stated", f"{shown}: this version knows no such fields")


def _read_set(read: Read, numbers: dict[str, Any], part: str) -> Metastases:
    images, masks = [], []
    for number in range(numbers[part]["images"]):
        name = f"{part}/{number:04}.png"
        pixels = decode_pixels(read(name), name=name)
        mask = "mask.png" if numbers["layout"] == "cells" else name.replace(".png", "-mask.png")
        images.append(to_image(pixels))
        masks.append(read_mask(read(mask), shape=(pixels.shape[0], pixels.shape[1]), name=mask))
    return Metastases(torch.stack(images), torch.from_numpy(np.stack(masks))[:, None])


def _cells(part: str, stated: dict[str, Any], patches: Metastases) -> Check:
    masks = patches.masks[:, 0].numpy()
    area = float(np.mean([area_fraction(mask) for mask in masks]))
    centre = share(sum(map(touches_centre, masks)), len(masks))
    words = (
        f"{_name(part)}: the cells cover {per_cent(area, 2)} of the pixels, "
        f"in the centre of {with_interval(centre)}"
    )
    right = agree([stated["area"], stated["centre_open"]], [area, centre], 1e-9)
    return check(right, f"{words}, as stated", f"{words}; something else is stated")


def _colours(part: str, patches: Metastases, canvas: torch.Tensor, settings: UniversalSettings) -> Check:
    chosen = np.linspace(0, len(patches.images) - 1, min(LOOKED_AT, len(patches.images))).round()
    rows = torch.from_numpy(np.unique(chosen)).long()
    images, masks = patches.images[rows], patches.masks[rows]
    shown = apply_canvas(images, canvas, fit_shared(settings, images, masks))
    bound = settings.bound if settings.texture == "retouch" else None
    beyond = sum(
        int(beyond_bound(to_pixels(before), to_pixels(after), bound).sum())
        for before, after in zip(images, shown, strict=True)
    )
    where = f"{_name(part)}, {len(rows)} of {counted(len(patches.images), 'image')}"
    return check(
        beyond == 0,
        f"{where}: every changed colour is {allowed_words(bound)}",
        f"{where}: {beyond} changed pixels have colours that are not {allowed_words(bound)}",
    )


def _successes(
    part: str,
    stated: dict[str, Any],
    victim: Victim,
    patches: Metastases,
    canvas: torch.Tensor,
    settings: UniversalSettings,
) -> Check:
    device = victim.mean.device
    here = Metastases(patches.images.to(device), patches.masks.to(device))
    p = score_patch(victim, here, canvas.to(device), settings)
    found, fewest, most = (
        count_successes(p + shift, settings) for shift in (0.0, -SCORE_TOLERANCE, SCORE_TOLERANCE)
    )
    right = all(_between(stated[name], fewest[name], most[name]) for name in found)
    words = (
        f"{_name(part)}, laid and scored here: {with_count(found['flipped'])} called normal, "
        f"{with_interval(found['random_canvas_flipped'])} with random patches"
    )
    within = f"as stated within {as_set(SCORE_TOLERANCE)} of a probability"
    return check(right, f"{words}, {within}", f"{words}; something else is stated")


def _between(stated: Any, low: Any, high: Any) -> bool:
    """Whether numbers, or tables of them, lie between two others."""
    if isinstance(low, dict):
        return set(stated) == set(low) and all(_between(stated[name], low[name], high[name]) for name in low)
    if isinstance(low, list):
        return len(stated) == len(low) and all(map(_between, stated, low, high))
    return bool(low - 1e-9 <= stated <= high + 1e-9)


def _name(part: str) -> str:
    return part.replace("_", " ")
