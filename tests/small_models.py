"""Victims for tests where the network is not the point: MobileNetV2, a hundredth of ResNet50's work."""

import json
from pathlib import Path

import torch
from safetensors.torch import save_file
from torch import nn
from torch.nn import functional as F

from snapgui import shipped
from snapgui.engine.images import read_pixels, to_image
from snapgui.engine.victim.card import IMAGENET_MEAN, IMAGENET_STD
from snapgui.engine.victim.networks import make_network

SIZE_PX = 32


def save_small_model(path: Path, *, seed: int = 0) -> Path:
    """Save a MobileNetV2 of random features at 32 px, whose classifier is fitted to the demo patches.

    It tells them apart with about 93 %, by ridge regression: no training, and the same file each time. Other
    seeds see with other features.
    """
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        network = make_network("mobilenet_v2", 2)
    pictures = sorted(shipped.DEMO_FOLDER.glob("*.png"))
    signs = torch.tensor([1.0 if one.name.startswith("metastasis") else -1.0 for one in pictures])
    images = torch.stack([to_image(read_pixels(one)) for one in pictures])
    images = F.interpolate(images, size=(SIZE_PX, SIZE_PX), mode="bilinear", align_corners=False)
    mean, std = (torch.tensor(three).view(1, 3, 1, 1) for three in (IMAGENET_MEAN, IMAGENET_STD))
    for module in network.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.momentum = None  # the statistics are those of the one pass that follows
    with torch.no_grad():
        network.features((images - mean) / std)
        features = network.eval().features((images - mean) / std).mean((2, 3))
        centre = features.mean(0)
        products = (features - centre) @ (features - centre).T
        ridge = 0.1 * products.diagonal().mean() * torch.eye(len(signs))
        weight = 3 * (features - centre).T @ torch.linalg.solve(products + ridge, signs - signs.mean())
        head = network.classifier[1]
        head.weight.copy_(torch.stack([torch.zeros_like(weight), weight]))
        head.bias.copy_(torch.stack([torch.zeros(()), 3 * signs.mean() - centre @ weight]))
    save_file(network.state_dict(), path)
    card = {"architecture": "mobilenet_v2", "input_size_px": SIZE_PX}
    path.with_suffix(".json").write_text(json.dumps(card), encoding="utf-8")
    return path
