"""PGD of torchattacks with the same mask, in a child process.

torchattacks pins requests to 2.25, which no Streamlit since 1.40 goes with, so that it cannot share an
environment with the app.
"""

import json
import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import torch

from benchmarks.patches import TARGET, PatchBatch, read_plain

CHILD = Path(__file__).with_name("torchattacks_child.py")
# What `keep_freed_memory` does for this process, as glibc reads it from the environment.
KEEP_FREED_MEMORY = {"MALLOC_MMAP_MAX_": "0", "MALLOC_TRIM_THRESHOLD_": "2147483647"}


class TorchattacksPgd:
    """A child that waits for attacks; its time is its own, without start and transfer."""

    def __init__(self, process: subprocess.Popen[str], answer: Path, device: torch.device) -> None:
        self._process = process
        self._answer = answer
        self._device = device
        self.versions: dict[str, str] = self._read()

    def __call__(self, variant: str, steps: int) -> float:
        """Seconds of one attack with the network ``plain`` or ``frozen``."""
        assert self._process.stdin
        self._process.stdin.write(f"{variant} {steps}\n")
        self._process.stdin.flush()
        return float(self._read()["seconds"])

    def images(self) -> torch.Tensor:
        """The images of the last attack."""
        return torch.from_numpy(np.load(self._answer)).to(self._device)

    def _read(self) -> dict[str, Any]:
        assert self._process.stdout
        line = self._process.stdout.readline()
        if not line:
            raise RuntimeError(
                "The torchattacks process ended. Install benchmarks/requirements-torchattacks.txt "
                "where it runs."
            )
        return dict(json.loads(line))


@contextmanager
def start_torchattacks(
    python: Path, model: Path, batch: PatchBatch, *, step_size: float
) -> Iterator[TorchattacksPgd]:
    """Start the child with the Python of its own environment, and end it afterwards."""
    state, card = read_plain(model)
    device = batch.images.device
    with TemporaryDirectory() as folder:
        job, answer = Path(folder) / "job.pt", Path(folder) / "answer.npy"
        torch.save(
            {
                "state": state,
                "architecture": card.architecture,
                "size": card.input_size_px,
                "mean": torch.tensor(card.mean),
                "std": torch.tensor(card.std),
                "images": batch.images.cpu(),
                "masks": batch.masks.cpu(),
                "target": TARGET,
                "step_size": step_size,
                "answer": str(answer),
            },
            job,
        )
        process = subprocess.Popen(
            [str(python), str(CHILD), str(job), str(torch.get_num_threads()), device.type],
            text=True,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env={**os.environ, **KEEP_FREED_MEMORY},
        )
        try:
            yield TorchattacksPgd(process, answer, device)
        finally:
            assert process.stdin
            process.stdin.close()
            process.wait()
