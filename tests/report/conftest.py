"""A finished run and a finished audit of drawn patches by a tiny victim, made once; a way to change a bundle
and hide it.
"""

import io
import json
import zipfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from snapgui.audit.read import read_finished
from snapgui.audit.run import run_audit
from snapgui.audit.settings import AuditSettings
from snapgui.engine.cells.outlines import draw_mask
from snapgui.engine.cells.proposals import propose_cells
from snapgui.engine.images import encode_png, sha256
from snapgui.engine.presets import PRESETS
from snapgui.engine.settings import AttackSettings, CellSettings
from snapgui.engine.victim.victim import ModelCard, Victim
from snapgui.progress import drain
from snapgui.report.audit.bundle import audit_bundle
from snapgui.report.bundle.manifest import sums_text
from snapgui.report.run.bundle import bundle_zip
from snapgui.report.verify.bundle import verify_bundle
from snapgui.report.verify.checks import Check
from snapgui.runs.records import RunRequest, RunResult
from snapgui.runs.run import run_snap
from snapgui.runs.store import save_run

MODEL_BYTES = b"stands for weights"


class Redness(torch.nn.Module):
    """Metastasis where the mean of red exceeds a threshold."""

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        z = 300 * (images[:, 0].mean(dim=(1, 2)) - 0.69)
        return torch.stack([-z / 2, z / 2], dim=1)


def draw_patch(seed: int, red: int = 190) -> np.ndarray:
    """Pink ground with dark nuclei, uint8 (96, 96, 3)."""
    rng = np.random.default_rng(seed)
    pixels = np.array([red, 130, 165]) + rng.normal(0, 6, (96, 96, 3))
    y, x = np.mgrid[:96, :96]
    for cx, cy in rng.uniform(8, 88, (14, 2)):
        pixels[(x - cx) ** 2 + (y - cy) ** 2 < 20] = (70, 40, 110)
    return np.clip(pixels, 0, 255).astype(np.uint8)


@pytest.fixture(scope="session")
def tiny_victim() -> Victim:
    card = ModelCard(
        "tiny", "resnet50", input_size_px=96, mean=(0, 0, 0), std=(1, 1, 1), sha256=sha256(MODEL_BYTES)
    )
    return Victim(Redness(), card)


@pytest.fixture(scope="session")
def run_result(tiny_victim: Victim) -> RunResult:
    """A run that fools the victim; the image's name is not a kind one."""
    pixels, cells = draw_patch(1), CellSettings(count=6, area=0.08, centre="excluded")
    mask = draw_mask(propose_cells(pixels, cells), (96, 96))
    request = RunRequest(
        pixels, mask, AttackSettings(steps=25), cells, image_name="patch $1.png", true_class=1
    )
    result = drain(run_snap(tiny_victim, request))
    assert result.success
    return result


@pytest.fixture(scope="session")
def retouched(tiny_victim: Victim) -> RunResult:
    """A run with the retouch of the natural preset on a drawn patch that has white, black and grey in it."""
    pixels = draw_patch(3)
    pixels[:12, :12], pixels[40:44, 40:44], pixels[60:64, 60:64] = 255, 0, 128
    mask = np.zeros((96, 96), bool)
    mask[:30, :30] = mask[38:66, 38:66] = True
    attack = replace(PRESETS["natural"].attack, steps=12)
    request = RunRequest(pixels, mask, attack, mask_source="drawn", true_class=1)
    return drain(run_snap(tiny_victim, request))


@pytest.fixture(scope="session")
def run_zip(run_result: RunResult) -> bytes:
    return bundle_zip(run_result)


@pytest.fixture(scope="session")
def run_folder(run_result: RunResult, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_run(run_result, tmp_path_factory.mktemp("runs") / "run")


@pytest.fixture(scope="session")
def audit_folder(tiny_victim: Victim, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An audit of twelve drawn patches, eight of them metastases."""
    folder = tmp_path_factory.mktemp("secret-place")
    (folder / "set" / "patches").mkdir(parents=True)
    labels, splits = ["id,label"], ["id,split"]
    for number in range(12):
        label = int(number % 3 > 0)
        (folder / "set" / "patches" / f"p{number}.png").write_bytes(
            encode_png(draw_patch(number, 188 + number % 3 * 2 if label else 150))
        )
        labels.append(f"p{number},{label}")
        splits.append(f"p{number},train")
    (folder / "set" / "train_labels.csv").write_text("\n".join(labels), encoding="utf-8")
    (folder / "set" / "splits.csv").write_text("\n".join(splits), encoding="utf-8")
    (folder / "tiny.safetensors").write_bytes(MODEL_BYTES)
    settings = AuditSettings(
        split="train",
        cells=CellSettings(count=4),
        attack=AttackSettings(steps=4),
        groups=("standard", "area"),
        areas=(0.02, 0.05),
    )
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Victim, "load", lambda path, **_: tiny_victim)
        audit = run_audit(folder / "tiny.safetensors", folder / "set", folder / "out", settings)
        outcome = drain(audit)
    assert outcome.summary is not None
    return Path(outcome.folder)


@pytest.fixture(scope="session")
def audit_zip(audit_folder: Path) -> bytes:
    return audit_bundle(read_finished(audit_folder))


@pytest.fixture
def verify(tmp_path: Path, tiny_victim: Victim) -> Callable[..., list[Check]]:
    """Checks of a bundle given as bytes, with the tiny victim at hand."""

    def run(
        data: bytes, victim_of: Callable[[str], Victim | Check] = lambda digest: tiny_victim
    ) -> list[Check]:
        (tmp_path / "b.zip").write_bytes(data)
        return list(verify_bundle(tmp_path / "b.zip", victim_of))

    return run


@pytest.fixture
def repack() -> Callable[..., bytes]:
    """A maker of changed bundles: new files by name (None leaves one out), with manifest and hashes made to
    fit unless ``honest``.
    """

    def make(data: bytes, changes: dict[str, bytes | None], *, honest: bool = False) -> bytes:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            files = {name: archive.read(name) for name in archive.namelist()}
        files = {name: one for name, one in (files | changes).items() if one is not None}
        if not honest:
            manifest = json.loads(files["manifest.json"])
            manifest["files"] = {
                name: {"bytes": len(one), "sha256": sha256(one)}
                for name, one in files.items()
                if name not in ("manifest.json", "SHA256SUMS")
            }
            files["manifest.json"] = json.dumps(manifest).encode()
            files["SHA256SUMS"] = sums_text(
                {name: sha256(one) for name, one in files.items() if name != "SHA256SUMS"}
            ).encode()
        stream = io.BytesIO()
        with zipfile.ZipFile(stream, "w") as archive:
            for name, one in files.items():
                archive.writestr(name, one)
        return stream.getvalue()

    return make
