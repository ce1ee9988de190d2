"""Candidates for the demo: source groups from `train`, one synthetic patch from each, and how near it is to
real ones.

A folder of candidates holds ``plan.json`` (source groups and typical distances), ``NAME.png`` and
``NAME.json``. Work goes on where it was left; nothing in the folder belongs in the repository but the patches
that are chosen in the end.
"""

import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from snapgui.data.datasets import PatchSet
from snapgui.data.making_demo.likeness import overlap, rms_between, rms_to_nearest, window_correlation
from snapgui.data.making_demo.sources import choose_groups, describe_patches, even_stain
from snapgui.data.making_demo.synthesis import (
    SynthesisSettings,
    learn_statistics,
    load_backbone,
    match_colours,
    synthesise,
)
from snapgui.engine.images import encode_png, read_pixels, to_image, to_pixels
from snapgui.engine.victim.victim import Victim
from snapgui.errors import DataError
from snapgui.workspace import write_whole

CLASSES = ("normal", "metastasis")
GROUP_SIZE = 6
POOL = 400
SURE = 0.95
MAX_OVERLAP = 0.5
TYPICAL_SAMPLE = 120
MOST_TRAIN = 20_000
FREE_SPACE = "Free space; the same command continues from what is there."


@dataclass(frozen=True)
class Candidate:
    """A synthetic patch that may be shipped.

    Attributes:
        name: class and number, such as ``normal_01``.
        true_class: 0 normal, 1 metastasis: that of its sources.
        seed: of its noise.
        iterations: of L-BFGS.
        rms_to_nearest_train: to the nearest `train` patch over turns and reflections, in levels of 8 bits.
        window_correlation: greatest correlation of a quarter of it with any place of its sources.
    """

    name: str
    true_class: int
    seed: int
    iterations: int
    rms_to_nearest_train: float
    window_correlation: float


def read_candidates(folder: Path) -> list[Candidate]:
    """The finished candidates in a folder, by name."""
    paths = sorted(path for label in CLASSES for path in folder.glob(f"{label}_*.json"))
    return [
        Candidate(**json.loads(path.read_text(encoding="utf-8")))
        for path in paths
        if path.with_suffix(".png").is_file()
    ]


def candidate_pixels(folder: Path, candidate: Candidate) -> NDArray[np.uint8]:
    """The picture of a candidate, uint8 ``(H, W, 3)``."""
    return read_pixels(folder / f"{candidate.name}.png")


def make_candidates(
    patches: PatchSet,
    victim: Victim,
    teacher: Path,
    folder: Path,
    settings: SynthesisSettings,
    *,
    per_class: int,
    seed: int,
) -> Iterator[Candidate]:
    """Make what a folder of candidates still lacks, one by one, classes in turn.

    Args:
        patches: the data set; only its split `train` is read, and of that at most 20,000 patches.
        victim: names the patches that surely show their class (the label speaks of the centre only).
        teacher: a DenseNet-121 backbone.
        folder: where candidates go.
        settings: of the synthesis.
        per_class: how many there shall be of each class; when raised later, the groups serve again, with
            other noise.
        seed: of groups and noise.

    Raises:
        DataError: too few fitting patches in `train`, or a folder made with another seed.
    """
    folder.mkdir(parents=True, exist_ok=True)
    train = patches.split("train").sample(MOST_TRAIN, seed=seed)
    pixels = np.stack([train.pixels(i) for i in range(len(train))])
    plan = make_plan(pixels, train, victim, folder / "plan.json", per_class=per_class, seed=seed)
    network = load_backbone(teacher)
    row_of = {patch_id: row for row, patch_id in enumerate(train.ids)}
    for index in range(per_class):
        for true_class, label in enumerate(CLASSES):
            name = f"{label}_{index + 1:02d}"
            if (folder / f"{name}.json").is_file():
                continue
            groups = plan["groups"][label]
            sources = pixels[[row_of[i] for i in groups[index % len(groups)]]]
            own_seed = (seed * 2 + true_class) * 1000 + index
            picture = make_picture(network, sources, settings, seed=own_seed)
            candidate = Candidate(
                name,
                true_class,
                own_seed,
                settings.iterations,
                round(float(rms_to_nearest(picture[None], pixels)[0]), 2),
                round(window_correlation(picture, list(sources)), 3),
            )
            files = {
                f"{name}.png": encode_png(picture),
                f"{name}.json": json.dumps(asdict(candidate), indent=1).encode(),
            }
            write_whole(folder, files, advice=FREE_SPACE)
            yield candidate


def make_picture(
    network: torch.nn.Module,
    sources: NDArray[np.uint8],
    settings: SynthesisSettings,
    *,
    seed: int,
) -> NDArray[np.uint8]:
    """One synthetic patch uint8 ``(H, W, 3)`` from its sources ``(N, H, W, 3)``; the same seed gives the same
    patch.
    """
    generator = torch.Generator().manual_seed(seed)
    statistics = learn_statistics(network, even_stain(sources), enlarged_px=settings.enlarged_px)
    image = synthesise(network, statistics, settings, generator=generator)
    return to_pixels(match_colours(image, statistics.colours, generator=generator))


def make_plan(
    pixels: NDArray[np.uint8],
    train: PatchSet,
    victim: Victim,
    path: Path,
    *,
    per_class: int,
    seed: int,
) -> dict[str, Any]:
    """Source groups by class and typical distances, read from ``path`` or found and written there."""
    if path.is_file():
        plan: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        if plan["seed"] != seed:
            raise DataError(
                f"{path} was made with --seed {plan['seed']}, not {seed}. Give the same, or another "
                "folder with --candidates DIR."
            )
        return plan
    generator = np.random.default_rng(seed)
    descriptors, even = describe_patches(pixels)
    groups, near = {}, {}
    for true_class, label in enumerate(CLASSES):
        rows = generator.permutation(np.flatnonzero(even & (train.labels == true_class)))[:POOL]
        rows = rows[surely_of_class(pixels[rows], victim, true_class)]
        if len(rows) < 2 * GROUP_SIZE:
            raise DataError(
                f"Only {len(rows)} of the train patches surely show {label} all over; at least "
                f"{2 * GROUP_SIZE} are needed. Use a larger data set or a better model (--model FILE)."
            )
        chosen = choose_groups(
            descriptors[rows], groups=per_class, size=min(3 * GROUP_SIZE, len(rows)), generator=generator
        )
        sources = [drop_overlaps(pixels, rows[group]) for group in chosen]
        groups[label] = [[train.ids[i] for i in group] for group in sources]
        used = np.unique([i for group in sources for i in group])
        near[label] = round(float(np.median(rms_to_nearest(pixels[used], pixels, skip=used))), 2)
    plan = {
        "seed": seed,
        "model_sha256": victim.card.sha256,
        "groups": groups,
        "train_patches": len(train),
        "typical": {
            **typical_distances(pixels, np.flatnonzero(even), generator),
            "rms_source_to_nearest_train": near,
        },
    }
    write_whole(path, json.dumps(plan, indent=1).encode(), advice=FREE_SPACE)
    return plan


def surely_of_class(pixels: NDArray[np.uint8], victim: Victim, true_class: int) -> NDArray[np.bool_]:
    """Which patches uint8 ``(N, H, W, 3)`` a victim gives to a class with over 95 %, and still does when
    shifted.

    The label of a metastasis rests on the centre alone, so its patches are moved by a third in four
    directions as well: tumour has to be everywhere.
    """
    third = pixels.shape[1] // 3
    shifts = [(0, 0)] + [(third, 0), (-third, 0), (0, third), (0, -third)] * true_class
    sure = np.ones(len(pixels), dtype=bool)
    for shift in shifts:
        rows = np.flatnonzero(sure)
        moved = np.roll(pixels[rows], shift, axis=(1, 2))
        p = [float(victim.predict(to_image(patch)[None])[0, true_class]) for patch in moved]
        sure[rows] = np.array(p) > SURE
    return sure


def drop_overlaps(pixels: NDArray[np.uint8], rows: NDArray[np.int64]) -> list[int]:
    """The first `GROUP_SIZE` of these patches that show different places (neighbours in a slide can
    overlap).
    """
    kept: list[int] = []
    for row in rows:
        if len(kept) < GROUP_SIZE and all(
            overlap(pixels[row], pixels[other]) < MAX_OVERLAP for other in kept
        ):
            kept.append(int(row))
    return kept


def typical_distances(
    pixels: NDArray[np.uint8], rows: NDArray[np.int64], generator: np.random.Generator
) -> dict[str, float]:
    """Medians between real patches evenly filled with tissue, in the same measures as those of a
    candidate.
    """
    sample = generator.choice(rows, min(TYPICAL_SAMPLE, len(rows)), replace=False)
    nearest = rms_to_nearest(pixels[sample], pixels, skip=sample)
    pairs = rms_between(pixels[sample], pixels[np.roll(sample, 1)])
    windows = [
        window_correlation(pixels[row], list(pixels[np.roll(sample, -i - 1)[:GROUP_SIZE]]))
        for i, row in enumerate(sample[:20])
    ]
    return {
        "rms_to_nearest_train": round(float(np.median(nearest)), 2),
        "rms_to_nearest_train_least": round(float(nearest.min()), 2),
        "rms_random_pair": round(float(np.median(pairs)), 2),
        "window_correlation": round(float(np.median(windows)), 3),
    }
