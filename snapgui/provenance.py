"""Where a number comes from: versions of the libraries that decide it, and the device it was made on."""

from importlib.metadata import PackageNotFoundError, version

import cv2
import torch

from snapgui import __version__

LIBRARIES = ("torch", "torchvision", "numpy", "opencv-python", "scikit-image", "pillow")


def library_versions() -> dict[str, str]:
    """Versions by name, our own first."""
    return {"snap-studio": __version__} | {name: _version(name) for name in LIBRARIES}


def _version(library: str) -> str:
    try:
        return version(library)
    except PackageNotFoundError:
        # OpenCV comes in distributions of several names.
        if library != "opencv-python":
            raise
        return str(cv2.__version__)


def device_name(device: torch.device) -> str:
    """The device in words."""
    return torch.cuda.get_device_name(device) if device.type == "cuda" else device.type.upper()
