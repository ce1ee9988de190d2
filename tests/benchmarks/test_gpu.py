"""The whole of `benchmarks/gpu.py` in small: every part runs, ends in time and leaves what it promises."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file

from benchmarks import gpu
from benchmarks.compact import choose, read_compact, write_compact
from benchmarks.gpu import SPEED_LIMIT_S, TESTS_LIMIT_S
from benchmarks.gpu_scale import FULL, SMOKE
from snapgui.data.datasets import PatchSet
from snapgui.engine.victim.victim import Victim
from snapgui.errors import DataError
from snapgui.training.networks import build_network

SPLITS = ("train",) * 40 + ("val_random",) * 12 + ("val_slides",) * 12


@pytest.fixture
def patches() -> PatchSet:
    """64 patches: metastasis is dark, normal is pale."""
    rng = np.random.default_rng(0)
    labels = np.arange(64) % 2
    pixels = [np.clip(rng.normal(90 if label else 190, 4, (96, 96, 3)), 0, 255) for label in labels]
    return PatchSet(
        tuple(f"p{index}" for index in range(64)),
        labels,
        SPLITS,
        lambda row: pixels[row].astype(np.uint8),
        np.arange(64),
    )


def test_compact_files_give_back_nearly_the_patches_split_by_split(patches: PatchSet, tmp_path) -> None:
    validation = choose(patches, ["val_random", "val_slides"])
    write_compact(tmp_path / "val.npz", validation)
    write_compact(tmp_path / "train.npz", choose(patches, ["train"]))
    with np.load(tmp_path / "train.npz") as whole:  # as the shared script writes it: all is for training
        np.savez(tmp_path / "train.npz", **{name: whole[name] for name in whole.files if name != "splits"})
    sets = read_compact([tmp_path / "train.npz", tmp_path / "val.npz"])
    assert {name: len(part) for name, part in sets.items()} == {
        "train": 40,
        "val_random": 12,
        "val_slides": 12,
    }
    for name, part in sets.items():
        wanted = patches.split(name)
        assert part.labels.tolist() == wanted.labels.tolist()
        true = torch.stack([wanted[index][0] for index in range(len(wanted))])
        assert (part.pixels.float() - true).abs().mean() < 4
    (tmp_path / "other.npz").write_bytes(b"x")
    with pytest.raises(DataError, match="not a file of compact patches"):
        read_compact([tmp_path / "other.npz"])


def test_the_limits_leave_most_of_eight_minutes_to_the_training() -> None:
    assert TESTS_LIMIT_S + SPEED_LIMIT_S <= 480 / 3
    assert FULL.input_size_px == 224 and set(FULL.speed_sizes_px) == {112, 224}
    assert SMOKE.input_size_px == 32


def test_all_of_it_runs_in_small_and_leaves_a_file_for_each_part(
    patches: PatchSet, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    write_compact(tmp_path / "patches.npz", patches)
    torch.manual_seed(0)
    teacher = build_network("densenet121").state_dict()
    save_file(
        {k: v for k, v in teacher.items() if not k.startswith("classifier")}, tmp_path / "t.safetensors"
    )
    out = tmp_path / "out"
    words = ["--patches", str(tmp_path / "patches.npz"), "--teacher", str(tmp_path / "t.safetensors")]
    monkeypatch.setattr("sys.argv", ["benchmarks/gpu.py", *words, "--out", str(out), "--smoke"])
    with pytest.raises(SystemExit) as end:
        gpu.main()
    assert not end.value.code, capfd.readouterr()
    tests, speed, training = (
        json.loads((out / f"{name}.json").read_text(encoding="utf-8"))
        for name in ("tests", "speed", "training")
    )
    assert tests["exit_code"] == 0 and len(tests["outcomes"]) >= 7, tests["end"]
    for size in speed["sizes"]:
        assert size["image_steps_a_second"]["median"] > 0
        assert 0.2 < size["bare_share_of_our_step"]["median"] < 5
    assert [row["network"] for row in training["epochs"]] == ["densenet121", "resnet50", "resnet50"]
    weights = out / "resnet50_32.safetensors"
    card = json.loads(weights.with_suffix(".json").read_text(encoding="utf-8"))
    assert set(card["figures"]) == {"train", "val_random", "val_slides"}
    assert card["training"]["epochs_done"] == card["training"]["epochs"] == 2
    assert card["teacher"]["figures"]["val_slides"]["count"] == 12
    assert str(tmp_path) not in weights.with_suffix(".json").read_text(encoding="utf-8")
    assert all(value.dtype == torch.float16 for value in load_file(weights).values())
    assert Victim.load(weights).card.input_size_px == 32
    assert sorted(path.name for path in out.iterdir()) == [
        "densenet121_32.json",
        "densenet121_32.safetensors",
        "resnet50_32.json",
        "resnet50_32.safetensors",
        "speed.json",
        "tests.json",
        "training.json",
    ]
