"""The child process in which torchattacks runs, in an environment of its own; `torchattacks_peer.py` speaks
to it.

Arguments: job file, thread count, device. Each line on standard input, ``VARIANT STEPS``, is one attack; the
    answer is one line
of JSON with its seconds. Needs torch, torchvision and torchattacks alone, not this project.
"""

import json
import sys
import time
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
import torchattacks
import torchvision
from torch import nn


class Masked(nn.Module):
    """The network behind a mask: the attack moves every pixel, the network sees the moved ones inside the
    mask alone.
    """

    def __init__(self, network: nn.Module, job: dict[str, Any], device: str, *, frozen: bool) -> None:
        super().__init__()
        self.network = network.eval()
        self.frozen = frozen
        if frozen:
            self.network.requires_grad_(False).to(memory_format=torch.channels_last)
        self.images, self.masks = job["images"].to(device), job["masks"].to(device)
        self.size = job["size"]
        self.mean, self.std = (job[name].view(1, 3, 1, 1).to(device) for name in ("mean", "std"))

    def compose(self, moved: torch.Tensor) -> torch.Tensor:
        return torch.where(self.masks, moved, self.images)

    def forward(self, moved: torch.Tensor) -> torch.Tensor:
        images = self.compose(moved)
        if images.shape[-2:] != (self.size, self.size):
            images = F.interpolate(images, size=(self.size, self.size), mode="bilinear", align_corners=False)
        inputs = (images - self.mean) / self.std
        logits: torch.Tensor = self.network(
            inputs.contiguous(memory_format=torch.channels_last) if self.frozen else inputs
        )
        return logits


def make_variants(job: dict[str, Any], device: str) -> dict[str, Masked]:
    """The network as torchvision makes it, and the same with frozen weights and channels-last memory."""
    variants = {}
    for name in ("plain", "frozen"):
        network = torchvision.models.get_model(job["architecture"], weights=None, num_classes=2)
        network.load_state_dict(job["state"], strict=False)
        variants[name] = Masked(network, job, device, frozen=name == "frozen").to(device)
    return variants


def attack(model: Masked, target: int, steps: int, step_size: float) -> torch.Tensor:
    """PGD at epsilon 1 from the unchanged images."""
    pgd = torchattacks.PGD(model, eps=1.0, alpha=step_size, steps=steps, random_start=False)
    pgd.set_mode_targeted_by_function(lambda images, labels: torch.full_like(labels, target), quiet=True)
    return model.compose(pgd(model.images, torch.full((len(model.images),), 1 - target)))


def main() -> None:
    path, threads, device = sys.argv[1:4]
    torch.set_num_threads(int(threads))
    job = torch.load(path, weights_only=True)
    variants = make_variants(job, device)
    print(
        json.dumps(
            {"torchattacks": torchattacks.__version__, "torch": torch.__version__, "numpy": np.__version__}
        ),
        flush=True,
    )
    for line in sys.stdin:
        variant, steps = line.split()
        start = time.perf_counter()
        found = attack(variants[variant], job["target"], int(steps), job["step_size"]).cpu()
        seconds = time.perf_counter() - start
        np.save(job["answer"], found.numpy())
        print(json.dumps({"seconds": seconds}), flush=True)


if __name__ == "__main__":
    main()
