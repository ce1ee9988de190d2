"""A tiny victim, H&E-like patches and a workspace of its own for each test of the app."""

import functools
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
import torch
from streamlit.components.v2 import manifest_scanner
from streamlit.testing.v1 import AppTest

from snapgui.data.demo import DemoPatch
from snapgui.engine.images import encode_png
from snapgui.engine.victim.victim import ModelCard, Victim
from snapgui.errors import ModelError
from snapgui.shipped import PACKAGE
from snapgui.ui import resources
from snapgui.ui.result.screen import Screen, keep_screen


class Redness(torch.nn.Module):
    """Metastasis where the mean of red exceeds a threshold: its gradient is known and the same everywhere."""

    def __init__(self, gain: float = 300.0) -> None:
        super().__init__()
        self.gain = gain

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        z = self.gain * (images[:, 0].mean(dim=(1, 2)) - 0.69)
        return torch.stack([-z / 2, z / 2], dim=1)


def _tiny_victim(name: str = "tiny", figures: bool = True) -> Victim:
    details = {
        "figures": {
            "val_random": {
                "count": 400,
                "accuracy": 0.9,
                "accuracy_interval": [0.867, 0.926],
                "auc": 0.95,
                "sensitivity": 0.88,
                "specificity": 0.92,
            }
        }
    }
    card = ModelCard(
        name,
        "resnet50",
        input_size_px=96,
        mean=(0, 0, 0),
        std=(1, 1, 1),
        sha256="ab" * 32,
        details=details if figures else None,
    )
    return Victim(Redness(), card)


def _stained_patch(seed: int, red: int) -> np.ndarray:
    """Pink ground with dark nuclei, uint8 (96, 96, 3)."""
    rng = np.random.default_rng(seed)
    pixels = np.array([red, 130, 165]) + rng.normal(0, 6, (96, 96, 3))
    y, x = np.mgrid[:96, :96]
    for cx, cy in rng.uniform(8, 88, (14, 2)):
        pixels[(x - cx) ** 2 + (y - cy) ** 2 < 20] = (70, 40, 110)
    return np.clip(pixels, 0, 255).astype(np.uint8)


@pytest.fixture(scope="session", autouse=True)
def scan_components_once() -> Iterator[None]:
    """Each AppTest reads the metadata of every installed package, half of its time; once is enough."""
    original = manifest_scanner.scan_component_manifests
    manifest_scanner.scan_component_manifests = functools.cache(original)
    yield
    manifest_scanner.scan_component_manifests = original


@pytest.fixture(scope="session")
def tiny_victim() -> Victim:
    return _tiny_victim()


@pytest.fixture(scope="session")
def stained_patch() -> Callable[[int, int], np.ndarray]:
    """A patch by seed and redness; above about 187 the tiny victim calls it metastasis."""
    return _stained_patch


@pytest.fixture
def patches(tmp_path: Path) -> list[DemoPatch]:
    folder = tmp_path / "demo"
    folder.mkdir()
    made = []
    # Red enough to be called metastasis, not so red that the default cells, whose places are random, cannot
    # undo it.
    for label, word, red in ((0, "normal", 150), (1, "metastasis", 188)):
        for number in range(2):
            path = folder / f"{word}_{number}.png"
            path.write_bytes(encode_png(_stained_patch(10 * label + number, red)))
            made.append(DemoPatch(path.stem, label, path))
    return made


@pytest.fixture
def app(tmp_path: Path, patches: list[DemoPatch], monkeypatch: pytest.MonkeyPatch) -> AppTest:
    """The app, not yet run, with a tiny victim, four demo patches and an empty workspace."""
    weights = tmp_path / "tiny.safetensors"
    weights.write_bytes(b"stands for weights")

    def load(path: Path, **_: object) -> Victim:
        if "broken" in Path(path).name:
            raise ModelError(f"{Path(path).name} is not a resnet50.")
        return _tiny_victim(Path(path).stem, figures=Path(path).stem == "tiny")

    monkeypatch.setattr(Victim, "load", load)
    monkeypatch.setattr("snapgui.ui.filmstrip.strip.list_demo_patches", lambda: patches)
    monkeypatch.setenv("SNAP_MODEL", str(weights))
    monkeypatch.setenv("SNAP_WORKSPACE", str(tmp_path / "workspace"))
    # A sixteenth of the pixels for FLIP, which takes longer than all the rest of a page with a run.
    keep_screen(Screen(zoom=1))
    return AppTest.from_file(str(PACKAGE / "ui" / "pages" / "navigation.py"), default_timeout=30)


@pytest.fixture
def page() -> Callable[[str], str]:
    """The path of a page, as AppTest wants it."""
    return lambda name: f"{name}.py"


@pytest.fixture
def text_of() -> Callable[[AppTest], str]:
    """Everything that a page says, and proof that it shows no traceback."""

    def read(app: AppTest) -> str:
        assert not app.exception, app.exception
        parts = [
            *app.header,
            *app.subheader,
            *app.markdown,
            *app.caption,
            *app.error,
            *app.warning,
            *app.info,
        ]
        # The verdict card is HTML.
        drawn = [part.proto.body for part in app.get("html") if "<style>" not in part.proto.body]
        return "\n".join([*(str(part.value) for part in parts), *drawn])

    return read


@pytest.fixture
def wait_for_job() -> Callable[[str], None]:
    """Wait for a background job to end."""

    def wait(job_id: str, seconds: float = 90) -> None:
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            snapshot = resources.registry().snapshot(job_id)
            if snapshot is None or snapshot.settled:
                return
            time.sleep(0.02)
        raise AssertionError(f"job {job_id} did not end in {seconds} s")

    return wait
