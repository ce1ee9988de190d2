"""Labelled patches, whatever their layout on disk."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from snapgui.errors import DataError


@dataclass(frozen=True)
class PatchSet(torch.utils.data.Dataset[tuple[torch.Tensor, int]]):
    """Patches with labels and split names; pictures are read when asked for.

    Attributes:
        ids: one name per patch.
        labels: int64 ``(N,)``, 0 normal, 1 metastasis.
        splits: one split name per patch.
        read: gives patch ``i`` of the layout as uint8 ``(H, W, 3)``.
        rows: which patches of the layout this set holds.
        remarks: what was understood of the layout that is not plain, in sentences.
    """

    ids: tuple[str, ...]
    labels: NDArray[np.int64]
    splits: tuple[str, ...]
    read: Callable[[int], NDArray[np.uint8]]
    rows: NDArray[np.int64]
    remarks: tuple[str, ...] = ()

    def __len__(self) -> int:
        return len(self.rows)

    def pixels(self, index: int) -> NDArray[np.uint8]:
        """Patch ``index`` as uint8 ``(H, W, 3)``; raises ImageError if it cannot be read."""
        return self.read(int(self.rows[index]))

    def __getitem__(self, index: int) -> tuple[torch.Tensor, int]:
        """Patch ``index`` as a uint8 tensor ``(3, H, W)`` and its label."""
        return torch.from_numpy(self.pixels(index)).permute(2, 0, 1).contiguous(), int(self.labels[index])

    def subset(self, keep: Iterable[int]) -> "PatchSet":
        """The patches at these positions, in this order."""
        keep = np.fromiter(keep, dtype=np.int64)
        return PatchSet(
            tuple(self.ids[i] for i in keep),
            self.labels[keep],
            tuple(self.splits[i] for i in keep),
            self.read,
            self.rows[keep],
            self.remarks,
        )

    def split(self, name: str) -> "PatchSet":
        """The patches of one split; raises DataError, naming those there are, if there is none."""
        keep = [i for i, split in enumerate(self.splits) if split == name]
        if not keep:
            there = ", ".join(sorted(set(self.splits)))
            raise DataError(f"The data set has no split “{name}”; it has {there}. Name one of these.")
        return self.subset(keep)

    def sample(self, count: int, *, seed: int = 0) -> "PatchSet":
        """A fixed random choice of at most ``count`` patches, in their own order."""
        if count >= len(self):
            return self
        chosen = np.random.default_rng(seed).choice(len(self), count, replace=False)
        return self.subset(np.sort(chosen))
