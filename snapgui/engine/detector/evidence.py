"""What detectors learn from and are judged by: crops about cells and nuclei, and whole pictures."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from snapgui.engine.detector.cases import Case
from snapgui.engine.detector.crops import (
    cell_places,
    crops_all_over,
    like_in_size,
    nuclei_places,
    take_crops,
)
from snapgui.engine.detector.features import crop_features, pooled_features


@dataclass(frozen=True)
class Items:
    """What is to be told apart.

    Attributes:
        crops: uint8 ``(N, S, S, 3)``, or ``(N, K, S, S, 3)`` where an item is a whole picture.
        features: float64 ``(N, F)``.
        labels: int64 ``(N,)``, 1 for altered.
        images: ``(N,)``, the name of the image of each.
    """

    crops: NDArray[np.uint8]
    features: NDArray[np.float64]
    labels: NDArray[np.int64]
    images: NDArray[np.str_]

    def __len__(self) -> int:
        return len(self.labels)

    def of_images(self, names: NDArray[np.str_]) -> "Items":
        """Those of some images."""
        own = np.isin(self.images, names)
        return Items(self.crops[own], self.features[own], self.labels[own], self.images[own])


@dataclass(frozen=True)
class Evidence:
    """The same images at two levels.

    Attributes:
        cells: altered cells, and real nuclei of like size of the untouched images.
        pictures: the altered and the untouched pictures; nobody says where to look.
    """

    cells: Items
    pictures: Items

    @property
    def names(self) -> NDArray[np.str_]:
        """The images that are in it, sorted."""
        return np.unique(self.pictures.images)

    def of_images(self, names: NDArray[np.str_]) -> "Evidence":
        """The part of some images."""
        return Evidence(self.cells.of_images(names), self.pictures.of_images(names))


def gather_against(cases: Sequence[Case], others: Sequence[Case]) -> Evidence:
    """The evidence of two conditions of the same images and masks, in their order: the first counts as
    altered, the second as real, looked at in the very same places.
    """
    crops: list[NDArray[np.uint8]] = []
    labels: list[int] = []
    names: list[str] = []
    for case, other in zip(cases, others, strict=True):
        places = cell_places(case.mask, nuclei_places(case.original))
        for label, pixels in ((0, other.altered), (1, case.altered)):
            crops.append(take_crops(pixels, places.middles))
            labels += [label] * len(places)
            names += [case.name] * len(places)
    pictures = [each.altered for pair in zip(others, cases, strict=True) for each in pair]
    return _evidence_of(crops, labels, names, pictures, [case.name for case in cases])


def gather(cases: Sequence[Case]) -> Evidence:
    """The evidence of cases of one condition; pictures must be of one size."""
    crops: list[NDArray[np.uint8]] = []
    labels: list[int] = []
    names: list[str] = []
    for case in cases:
        nuclei = nuclei_places(case.original)
        cells = cell_places(case.mask, nuclei)
        real = like_in_size(nuclei, cells)
        for label, pixels, places in ((0, case.original, real), (1, case.altered, cells)):
            crops.append(take_crops(pixels, places.middles))
            labels += [label] * len(places)
            names += [case.name] * len(places)
    pictures = [picture for case in cases for picture in (case.original, case.altered)]
    return _evidence_of(crops, labels, names, pictures, [case.name for case in cases])


def _evidence_of(
    crops: Sequence[NDArray[np.uint8]],
    labels: Sequence[int],
    names: Sequence[str],
    pictures: Sequence[NDArray[np.uint8]],
    images: Sequence[str],
) -> Evidence:
    """Of crops with label and image each, and of two pictures an image, the altered one second."""
    all_crops = np.concatenate(crops)
    stacks = [crops_all_over(picture) for picture in pictures]
    return Evidence(
        Items(all_crops, crop_features(all_crops), np.array(labels), np.array(names)),
        Items(
            np.stack(stacks),
            np.stack([pooled_features(stack) for stack in stacks]),
            np.array([0, 1] * len(images)),
            np.array([name for name in images for _ in range(2)]),
        ),
    )
