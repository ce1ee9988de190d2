"""Shards on a Ray cluster give what this process gives."""

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pandas as pd
import pytest
import torch

from snapgui.audit.run import run_audit
from snapgui.audit.settings import AuditSettings
from snapgui.engine.defences.named import defence_of
from snapgui.engine.settings import AttackSettings, CellSettings
from snapgui.engine.victim.victim import Victim
from snapgui.progress import drain
from snapgui.transfer.plan import defence_contest
from snapgui.transfer.run import run_contest, run_transfer
from snapgui.transfer.settings import TransferSettings
from tests.small_models import save_small_model


@pytest.fixture(scope="module")
def cluster() -> Iterator[None]:
    """A cluster of two processors, for all tests here."""
    if "SNAP_REQUIRE_RAY" not in os.environ:
        pytest.importorskip("ray", reason="Ray is not installed: pip install -r requirements-ray.txt")
    import ray

    ray.init(num_cpus=2, include_dashboard=False, log_to_driver=False, configure_logging=False)
    yield
    ray.shutdown()


def busy_workers() -> list[int]:
    """Processes of Ray that compute a shard right now."""
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                if b"ray::_shard" in (entry / "cmdline").read_bytes():
                    found.append(int(entry.name))
            except OSError:
                continue
    return found


@pytest.mark.usefixtures("cluster")
def test_an_audit_has_the_same_rows_though_a_worker_dies(
    small_set: Path, small_model: Path, tmp_path: Path
) -> None:
    cells, attack = CellSettings(count=6, area=0.1), AttackSettings(steps=3)
    settings = AuditSettings(split="val", limit=6, cells=cells, attack=attack, batch_size=4, shard_size=2)
    threads = torch.get_num_threads()
    local = drain(run_audit(small_model, small_set, tmp_path / "local", settings))
    torch.set_num_threads(threads)
    killed: list[int] = []

    def kill_one(_: object) -> None:
        if not killed and (workers := busy_workers()):
            os.kill(workers[0], signal.SIGKILL)
            killed.append(workers[0])

    audit = run_audit(small_model, small_set, tmp_path / "ray", settings, engine="ray")
    outcome = drain(audit, kill_one)
    assert killed and not outcome.failures
    assert (outcome.folder / "rows.parquet").read_bytes() == (local.folder / "rows.parquet").read_bytes()


@pytest.mark.usefixtures("cluster")
def test_a_matrix_and_a_table_of_defences_have_the_same_rows(
    small_set: Path, small_model: Path, tmp_path: Path
) -> None:
    settings = TransferSettings(
        split="val", limit=1, presets=("paper",), together=False, shard_size=1, batch_size=4
    )
    models = [small_model, save_small_model(tmp_path / "other.safetensors", seed=1)]
    contest = defence_contest(Victim.load(small_model), [defence_of("gaussian:0.5")])
    for name, steps in (
        ("matrix", lambda out, engine: run_transfer(models, small_set, out, settings, engine=engine)),
        ("table", lambda out, engine: run_contest(contest, small_set, out, settings, engine=engine)),
    ):
        local = drain(steps(tmp_path / name / "local", "local"))
        ray = drain(steps(tmp_path / name / "ray", "ray"))
        assert not ray.failures and ray.folder.name == local.folder.name
        rows = [pd.read_parquet(outcome.folder / "rows.parquet") for outcome in (local, ray)]
        pd.testing.assert_frame_equal(*rows)
        pictures = [sorted((outcome.folder / "pictures").iterdir()) for outcome in (local, ray)]
        for own, theirs in zip(*pictures, strict=True):
            assert own.name == theirs.name and own.read_bytes() == theirs.read_bytes()
