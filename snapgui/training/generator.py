"""Train the generator of nuclei: cut out nuclei, fit a flow, measure how good it is, draw samples."""

import os
from collections.abc import Generator as Steps
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from snapgui.data.datasets import PatchSet, open_patches
from snapgui.engine.attack.nucleus import FARTHEST, PaintedNuclei
from snapgui.engine.attack.packing import compose
from snapgui.engine.cells.outlines import draw_mask
from snapgui.engine.detector.area import area_by_image
from snapgui.engine.detector.cases import Case
from snapgui.engine.detector.evidence import gather
from snapgui.engine.detector.judges import judge_held_out
from snapgui.engine.generator.files import load_generator, save_generator
from snapgui.engine.generator.fitting import Epoch, Fitting
from snapgui.engine.generator.flow import CODES, Generator
from snapgui.engine.generator.grids import VALUES, nuclei_grids
from snapgui.engine.generator.quality import (
    RIM_AT_PX,
    distances_to_nearest,
    draws,
    rim_profile,
    sample_sheet,
)
from snapgui.engine.images import encode_png, round_to_8_bits, to_image, to_pixels
from snapgui.engine.nuclei import find_nuclei
from snapgui.errors import DataError, SettingsError
from snapgui.workspace import write_whole

ADVICE = "Free space, or name another folder."
LEAST_NUCLEI = 1000
JUDGED_IMAGES = 40
SHOWN = 16
# One nucleus in so many is replaced where draws are judged: a real one beside each is left.
REPLACED = 2
Progress = tuple[str, int, int]


def train_generator(
    data: Path, out: Path, *, images: int = 400, epochs: int = 25, seed: int = 0, resume: bool = False
) -> Steps[Progress, None, dict[str, Any]]:
    """Learn nuclei of ``images`` patches of the split ``train``; write ``out`` (safetensors), its card and a
    sheet of samples.

    Yields what is being done, how far, and of how much; returns the card.

    Nuclei and each epoch are kept beside ``out`` until the end, so that a killed training can be gone on
    with.

    Raises:
        SettingsError, DataError: what cannot be learned from, in a sentence.
    """
    out = Path(out)
    if out.suffix != ".safetensors":
        raise SettingsError(f"--out is {out.name}; it must end in .safetensors.")
    kept = out.with_name(out.stem + "-training.pt")
    if resume and not kept.is_file():
        raise SettingsError(
            f"There is nothing to go on with: {kept.name} does not exist. Leave --resume out to start."
        )
    everything = open_patches(data)
    patches = everything.split("train").sample(images, seed=seed)
    decides = {"images": images, "epochs": epochs, "seed": seed, "patches": len(patches)}
    state: dict[str, Any] = torch.load(kept, weights_only=True) if resume else {}
    if state and state["decides"] != decides:
        raise SettingsError(
            f"{kept.name} is of a training with other settings ({state['decides']}). Give these, or leave "
            "--resume out to start."
        )
    if not state:
        state = {"decides": decides, **(yield from _nuclei_of(patches))}
    grids, areas, owners = state["grids"], state["areas"], state["owners"]
    if len(grids) < LEAST_NUCLEI:
        raise DataError(
            f"{len(grids)} nuclei were found in {len(patches)} patches of the split “train”; "
            f"{LEAST_NUCLEI} are needed. Give more patches with --images, or patches that show nuclei."
        )
    fitting = Fitting(grids, areas, owners, epochs=epochs, seed=seed)
    if "fitting" in state:
        fitting.go_on_from(state["fitting"])
    last: Epoch | None = state.get("last") and Epoch(**state["last"])
    for last in fitting.run():
        state |= {"fitting": fitting.state(), "last": asdict(last)}
        _keep(kept, state)
        yield "epochs", last.number, epochs
    generator = fitting.generator
    assert last is not None
    held = owners % 8 == 0
    yield "judging", 0, 1
    card = {
        "data": data.name,
        "images": len(patches),
        "nuclei": len(grids),
        "codes": CODES,
        "seed": seed,
        "epochs": epochs,
        "area_px": {"low": float(areas.quantile(0.01)), "high": float(areas.quantile(0.99))},
        "variance_explained": round(fitting.explained, 4),
        "nats_a_nucleus_less_than_normal": round(last.normal - last.held_out, 1),
        "nearest_learned": {
            "draws": _spread(distances_to_nearest(generator, draws(generator, 1000), grids[~held])),
            "held out": _spread(distances_to_nearest(generator, grids[held][:1000], grids[~held])),
        },
        **_judged(generator, _judging_set(everything)),
        "rim": {
            "distance_px": list(RIM_AT_PX),
            "haematoxylin": [
                round(value, 3)
                for value in rim_profile([patches.pixels(i) for i in range(min(len(patches), 100))])
            ],
        },
    }
    save_generator(generator, out, card)
    linear = generator.from_components(torch.randn(SHOWN, CODES, generator=torch.Generator().manual_seed(0)))
    chosen = torch.randperm(len(grids), generator=torch.Generator().manual_seed(0))[:SHOWN]
    sheet = sample_sheet([grids[chosen], draws(generator, SHOWN), linear])
    write_whole(out.with_name(out.stem + "-samples.png"), encode_png(sheet), advice=ADVICE)
    kept.unlink(missing_ok=True)
    yield "judging", 1, 1
    return card


def judge_again(data: Path, path: Path) -> dict[str, Any]:
    """Judge a generator as the program paints today, and write that into its card; returns the card.

    Raises:
        ModelError, DataError: no generator, or no patches, in a sentence.
    """
    generator, card = load_generator(path)
    card = card | _judged(generator, _judging_set(open_patches(data)))
    save_generator(generator, path, {name: card[name] for name in card if name not in ("version", "sha256")})
    return card


def _nuclei_of(patches: PatchSet) -> Steps[Progress, None, dict[str, torch.Tensor]]:
    grids, areas, owners = [], [], []
    for index in range(len(patches)):
        found, sizes = nuclei_grids(patches.pixels(index))
        grids.append(found)
        areas.append(sizes)
        owners.append(np.full(len(sizes), index))
        yield "images", index + 1, len(patches)
    return {
        "grids": torch.from_numpy(np.concatenate(grids)) if grids else torch.zeros(0, VALUES),
        "areas": torch.from_numpy(np.concatenate(areas)),
        "owners": torch.from_numpy(np.concatenate(owners)),
    }


def _keep(path: Path, state: dict[str, Any]) -> None:
    partial = path.with_name(path.name + ".part")
    path.parent.mkdir(parents=True, exist_ok=True)
    torch.save(state, partial)
    os.replace(partial, path)


def _spread(values: NDArray[np.float64]) -> dict[str, float]:
    low, middle, high = np.percentile(values, [1, 50, 99])
    return {"1 %": round(float(low), 3), "median": round(float(middle), 3), "99 %": round(float(high), 3)}


def _judging_set(everything: PatchSet) -> PatchSet:
    """Patches that were not learned from."""
    names = [name for name in ("val_random", "val", "train") if name in everything.splits]
    return everything.split(names[0]).sample(JUDGED_IMAGES, seed=1)


def _judged(generator: Generator, patches: PatchSet) -> dict[str, Any]:
    """Which share of real nuclei has codes that painted ones may have; and areas under the curve of detectors
    that look for random draws, laid at the very places of half of each image's nuclei, among real ones.
    """
    cases, lengths = [], []
    for index in range(len(patches)):
        pixels = patches.pixels(index)
        grids, sizes = map(torch.from_numpy, nuclei_grids(pixels))
        lengths += generator.encode(grids, sizes).norm(dim=1).tolist()
        cells = find_nuclei(pixels)[::REPLACED]
        mask = draw_mask(cells, pixels.shape[:2])
        if not mask.any():
            continue
        image, masks = to_image(pixels)[None], torch.from_numpy(mask)[None, None]
        texture = PaintedNuclei(image, masks, bound=4.0, generator=generator, seed=index)
        rows, chosen = torch.arange(len(texture.rows)), torch.arange(len(texture.pixels.rows))
        with torch.no_grad():
            colours = texture.colours(texture.start(1), rows, chosen)
        altered = to_pixels(compose(image, texture.pixels.places, round_to_8_bits(colours))[0])
        cases.append(Case(str(index), pixels, altered, mask, False))
    reach = {
        "nuclei": len(lengths),
        "share": round(float(np.mean(np.array(lengths) <= FARTHEST)), 3) if lengths else None,
    }
    if len(cases) < 2 * 5:
        return {"real_within_reach": reach, "draws_against_real_nuclei": {"images": len(cases)}}
    evidence, untouched = gather(cases), gather([replace(case, altered=case.original) for case in cases])
    found: dict[str, Any] = {"images": len(cases)}
    for name, shown in (("draws", evidence), ("same places untouched", untouched)):
        scores = judge_held_out(shown)["cell"]
        areas = {
            kind: area_by_image(shown.cells.labels, values, shown.cells.images, seed=0)
            for kind, values in scores.items()
        }
        best = max(areas.values(), key=lambda area: area.auc)
        found[name] = {"auc": round(best.auc, 3), "low": round(best.low, 3), "high": round(best.high, 3)}
    return {"real_within_reach": reach, "draws_against_real_nuclei": found}
