"""Where a number comes from: versions of the libraries that decide it, and the device it was made on."""

from importlib.metadata import version

import torch

from snapgui import __version__

LIBRARIES = ("torch", "torchvision", "numpy", "opencv-python", "scikit-image", "pillow")


def library_versions() -> dict[str, str]:
    """Versions by name, our own first."""
    return {"snap-studio": __version__} | {name: version(name) for name in LIBRARIES}


def device_name(device: torch.device) -> str:
    """The device in words."""
    return torch.cuda.get_device_name(device) if device.type == "cuda" else device.type.upper()
