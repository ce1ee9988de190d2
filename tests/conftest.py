"""What every test may use: small victims with known answers, an H&E-like picture, the shipped model, real
patches.
"""

import os
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from torch import nn

from snapgui import shipped
from snapgui.data.datasets import PatchSet, open_patches
from snapgui.engine.images import encode_png, read_pixels
from snapgui.engine.victim.memory import keep_freed_memory
from snapgui.engine.victim.victim import ModelCard, Victim
from tests.fuzz.doors import door
from tests.small_models import save_small_model

__all__ = ["door"]

SIZE = 96
if "PYTEST_XDIST_WORKER" in os.environ:
    # Processes beside each other share the cores.
    torch.set_num_threads(1)


@pytest.fixture(autouse=True)
def own_workspace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """No test writes to the user's own workspace."""
    folder = tmp_path / "workspace"
    monkeypatch.setenv("SNAP_WORKSPACE", str(folder))
    return folder


@pytest.fixture
def linear_victim() -> Callable[..., Victim]:
    """A maker of victims whose logits are linear in the pixels: the best patch is known in closed form."""

    def make(*, size_px: int = SIZE, seed: int = 0, scale: float = 1.0, classes: int = 2) -> Victim:
        generator = torch.Generator().manual_seed(seed)
        layer = nn.Linear(3 * size_px * size_px, classes)
        with torch.no_grad():
            layer.weight.copy_(torch.randn(layer.weight.shape, generator=generator) * scale)
            layer.bias.zero_()
        card = ModelCard(
            name="linear",
            architecture="linear",
            input_size_px=size_px,
            mean=(0.0, 0.0, 0.0),
            std=(1.0, 1.0, 1.0),
            classes=("normal", "metastasis", "other")[:classes],
            sha256="0" * 64,
        )
        return Victim(nn.Sequential(nn.Flatten(), layer), card)

    return make


@pytest.fixture
def tissue() -> np.ndarray:
    """A drawn field of 96 px: pink ground, 40 purple nuclei of 4 px radius apart from each other, seeded
    noise.
    """
    rng = np.random.default_rng(5)
    picture = np.full((SIZE, SIZE, 3), (226, 170, 200), dtype=np.uint8)
    for y in range(9, SIZE - 4, 15):
        for x in range(9, SIZE - 4, 13):
            cv2.circle(picture, (x, y), 4, (92, 54, 128), -1, lineType=cv2.LINE_AA)
    return np.clip(picture + rng.normal(0, 5, picture.shape), 0, 255).astype(np.uint8)


@pytest.fixture(scope="session")
def hcd() -> PatchSet:
    """Real patches; tests that need them are skipped, saying so, where there are none."""
    folder = os.environ.get("SNAP_HCD_DIR")
    if not folder:
        pytest.skip("SNAP_HCD_DIR is not set: no real patches")
    return open_patches(Path(folder))


@pytest.fixture(scope="session")
def shipped_victim() -> Victim:
    """The model that comes with the project."""
    keep_freed_memory()
    return Victim.load(shipped.MODEL)


@pytest.fixture(scope="session")
def small_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A network that finds the demo's metastases and costs next to nothing."""
    return save_small_model(tmp_path_factory.mktemp("model") / "small.safetensors")


@pytest.fixture(scope="session")
def small_set(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Six metastases and four normal patches to audit, four normal ones in ``train``."""
    folder = tmp_path_factory.mktemp("set")
    (folder / "patches").mkdir()
    labels, splits = ["id,label"], ["id,split"]
    for name, count in (("metastasis", 6), ("normal", 8)):
        for k, path in enumerate(sorted(shipped.DEMO_FOLDER.glob(f"{name}*.png"))[:count]):
            (folder / "patches" / f"{name}{k}.png").write_bytes(encode_png(read_pixels(path)))
            labels.append(f"{name}{k},{int(name == 'metastasis')}")
            splits.append(f"{name}{k},{'train' if name == 'normal' and k >= 4 else 'val'}")
    (folder / "train_labels.csv").write_text("\n".join(labels) + "\n", encoding="utf-8")
    (folder / "splits.csv").write_text("\n".join(splits) + "\n", encoding="utf-8")
    return folder
