"""What is corrupted: labelled pictures, and what SNAP made of some of them."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Pixels = NDArray[np.uint8]


@dataclass(frozen=True)
class Subjects:
    """Pictures in a fixed random order in which the classes take turns: more begin with fewer.

    Attributes:
        names: of the pictures, each once.
        labels: 0 normal, 1 metastasis.
        pixels: reads a picture by its place.
        snap: by name of a curve, what reads SNAP's picture of a place; None where there is none.
        identity: all that decides the rows, beside settings and versions.
    """

    names: tuple[str, ...]
    labels: tuple[int, ...]
    pixels: Callable[[int], Pixels]
    snap: Mapping[str, Callable[[int], Pixels | None]]
    identity: Mapping[str, object]


def take_turns(labels: NDArray[np.int64], *, most: int | None = None) -> NDArray[np.int64]:
    """Places among the labels: each class shuffled, at most so many of each, the classes by turns, metastases
    first.
    """
    rng = np.random.default_rng(0)
    drawn = [rng.permutation(np.flatnonzero(labels == label))[:most] for label in (1, 0)]
    turn = np.concatenate([np.arange(len(part)) for part in drawn])
    return np.concatenate(drawn)[np.argsort(turn, kind="stable")]
