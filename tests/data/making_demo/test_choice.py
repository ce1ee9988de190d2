"""Candidates and the choice among them, with a linear victim whose answer is known."""

import argparse
import json
from dataclasses import asdict
from pathlib import Path

import numpy as np
import pytest
import torch
import torchvision
from torch import nn

from snapgui.commands.data import add_data_commands, run_data
from snapgui.data.datasets import PatchSet
from snapgui.data.demo import demo_patches, read_demo
from snapgui.data.making_demo.candidates import (
    Candidate,
    drop_overlaps,
    make_candidates,
    read_candidates,
    surely_of_class,
)
from snapgui.data.making_demo.choice import choose_demo, is_copy
from snapgui.data.making_demo.synthesis import SynthesisSettings
from snapgui.engine.images import encode_png, read_pixels
from snapgui.engine.victim.victim import ModelCard, Victim
from snapgui.errors import DataError, SettingsError

TYPICAL = {
    "rms_to_nearest_train": 57.0,
    "rms_to_nearest_train_least": 37.0,
    "rms_random_pair": 79.0,
    "window_correlation": 0.2,
}


class Redness(nn.Module):
    """Logits (-m, m) of the centre's mean red value m, standardised by the victim."""

    def forward(self, inputs: torch.Tensor) -> torch.Tensor:
        margin = 10 * inputs[:, 0, 32:64, 32:64].mean(dim=(1, 2))
        return torch.stack([-margin, margin], dim=1)


@pytest.fixture
def victim() -> Victim:
    return Victim(
        Redness(),
        ModelCard("redness", "none", input_size_px=96, mean=(0.5, 0.5, 0.5), std=(1, 1, 1), sha256="f" * 64),
    )


def flat(red: int) -> np.ndarray:
    pixels = np.full((96, 96, 3), 90, dtype=np.uint8)
    pixels[..., 0] = red
    return pixels


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Fourteen candidates a class; the confidence grows with the number, and number 1 is on the wrong
    side.
    """
    place = tmp_path / "candidates"
    place.mkdir()
    (place / "plan.json").write_text(
        json.dumps({"train_patches": 8000, "typical": TYPICAL}), encoding="utf-8"
    )
    for true_class, label in enumerate(("normal", "metastasis")):
        for number in range(1, 15):
            name = f"{label}_{number:02d}"
            away = (12 if number == 1 else -40 - number) * (1 - 2 * true_class)
            (place / f"{name}.png").write_bytes(encode_png(flat(128 + away)))
            (place / f"{name}.json").write_text(
                json.dumps(asdict(Candidate(name, true_class, number, 9, 60.0, 0.2))), encoding="utf-8"
            )
    return place


def test_choice_is_written_and_read_back(folder: Path, victim: Victim, tmp_path: Path) -> None:
    choose_demo(folder, victim, tmp_path / "demo", keep=12)
    patches = demo_patches(tmp_path / "demo")
    assert [patch.name for patch in patches if patch.true_class == 1] == [
        f"metastasis_{i:02d}" for i in range(1, 13)
    ]
    values = read_demo(tmp_path / "demo")
    assert values["model"] == {"name": "redness", "sha256": "f" * 64}
    assert values["typical"]["rms_to_nearest_train"] == 57.0 and "synthetic" in values["statement"]
    # Of thirteen that fit (2 to 14) the least sure is left out; renamed, they begin with candidate 3.
    assert values["patches"][0]["seed"] == 3
    assert np.array_equal(read_pixels(patches[0].path), read_pixels(folder / "normal_03.png"))
    for entry in values["patches"]:
        margin = 20 * abs(int(read_pixels(tmp_path / "demo" / entry["file"])[0, 0, 0]) / 255 - 0.5)
        assert entry["confidence"] == pytest.approx(1 / (1 + np.exp(-margin)), abs=1e-3)


def test_choice_replaces_the_one_before(folder: Path, victim: Victim, tmp_path: Path) -> None:
    choose_demo(folder, victim, tmp_path / "demo", keep=13)
    assert len(list((tmp_path / "demo").glob("*.png"))) == 26
    choose_demo(folder, victim, tmp_path / "demo", keep=12)
    assert len(list((tmp_path / "demo").glob("*.png"))) == 24 == len(demo_patches(tmp_path / "demo"))


def test_rejected_by_eye(folder: Path, victim: Victim, tmp_path: Path) -> None:
    values = choose_demo(folder, victim, tmp_path / "demo", keep=12, without=["normal_09"])
    assert 9 not in [entry["seed"] for entry in values["patches"] if entry["true_class"] == 0]
    with pytest.raises(DataError, match="There is no candidate normal_99"):
        choose_demo(folder, victim, tmp_path / "demo", keep=12, without=["normal_99"])


def test_too_few_that_fit(folder: Path, victim: Victim, tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"Only 11 candidates of the class metastasis fit .* 12 are needed"):
        choose_demo(folder, victim, tmp_path / "demo", keep=14, without=["metastasis_02", "metastasis_03"])


def test_no_candidates(victim: Victim, tmp_path: Path) -> None:
    with pytest.raises(DataError, match="holds no candidates"):
        choose_demo(tmp_path, victim, tmp_path / "demo", keep=12)


def test_copies_are_told() -> None:
    assert not is_copy(Candidate("normal_01", 0, 0, 9, 37.5, 0.45), TYPICAL)
    assert is_copy(Candidate("normal_01", 0, 0, 9, 36.5, 0.2), TYPICAL)
    assert is_copy(Candidate("normal_01", 0, 0, 9, 60.0, 0.55), TYPICAL)


def test_candidate_without_its_picture_does_not_count(folder: Path) -> None:
    assert len(read_candidates(folder)) == 28
    (folder / "normal_05.png").unlink()
    assert "normal_05" not in [candidate.name for candidate in read_candidates(folder)]


def test_metastasis_has_to_be_everywhere_normal_only_in_the_centre(victim: Victim) -> None:
    half = flat(220)
    half[64:, :, 0] = 20
    assert surely_of_class(np.stack([flat(220), half, flat(20)]), victim, 1).tolist() == [True, False, False]
    assert surely_of_class(np.stack([flat(220), flat(20), 240 - half]), victim, 0).tolist() == [
        False,
        True,
        True,
    ]


def test_overlapping_sources_are_dropped() -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (9, 96, 96, 3), dtype=np.uint8)
    pixels[3] = np.roll(pixels[1], 20, axis=0)
    assert drop_overlaps(pixels, np.arange(9)) == [0, 1, 2, 4, 5, 6]


def parse(*arguments: str) -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    add_data_commands(parser.add_subparsers(dest="command"))
    return parser.parse_args(["data", *arguments])


def test_command_chooses_again_without_data_or_teacher(
    folder: Path,
    victim: Victim,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(Victim, "load", lambda path: victim)
    args = parse(
        "demo",
        "--data",
        "nowhere",
        "--teacher",
        "none",
        "--model",
        "any",
        "--out",
        str(tmp_path / "demo"),
        "--candidates",
        str(folder),
        "--per-class",
        "14",
        "--keep",
        "12",
    )
    run_data(args, [])
    assert len(demo_patches(tmp_path / "demo")) == 24
    assert "24 patches in" in capsys.readouterr().out


def test_command_refuses_nothing_to_make(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="--keep is 0; it must be at least 1"):
        run_data(parse("demo", "--data", "a", "--teacher", "b", "--out", str(tmp_path), "--keep", "0"), [])


def test_command_fetches(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("snapgui.data.fetch.fetch_pcam", lambda out: out)
    run_data(parse("pcam", "--out", str(tmp_path)), [])
    assert f"The data set is in {tmp_path}." in capsys.readouterr().out


def test_candidates_are_made_end_to_end_and_work_goes_on(
    victim: Victim,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("snapgui.data.making_demo.candidates.TYPICAL_SAMPLE", 6)
    generator = np.random.default_rng(8)
    pixels = generator.integers(30, 130, (48, 96, 96, 3), dtype=np.uint8)
    labels = np.arange(48) % 2
    pixels[labels == 1, :, :, 0] += 110
    patches = PatchSet(
        tuple(f"p{i}" for i in range(48)),
        labels,
        ("train",) * 48,
        lambda row: pixels[row],
        np.arange(48),
    )
    with torch.random.fork_rng():
        torch.manual_seed(0)
        torch.save(torchvision.models.densenet121(weights=None).state_dict(), tmp_path / "teacher.pth")
    settings, place = SynthesisSettings(iterations=1, enlarged_px=32), tmp_path / "made"
    making = make_candidates(patches, victim, tmp_path / "teacher.pth", place, settings, per_class=1, seed=0)
    first = next(making)
    assert first.name == "normal_01" and [c.name for c in read_candidates(place)] == ["normal_01"]
    again = list(
        make_candidates(patches, victim, tmp_path / "teacher.pth", place, settings, per_class=1, seed=0)
    )
    assert [candidate.name for candidate in again] == ["metastasis_01"]
    more = list(
        make_candidates(patches, victim, tmp_path / "teacher.pth", place, settings, per_class=2, seed=0)
    )
    assert [candidate.name for candidate in more] == ["normal_02", "metastasis_02"]
    assert len({(place / f"{candidate.name}.png").read_bytes() for candidate in read_candidates(place)}) == 4
    plan = json.loads((place / "plan.json").read_text(encoding="utf-8"))
    assert (
        all(int(i[1:]) % 2 == 1 for i in plan["groups"]["metastasis"][0])
        and len(plan["groups"]["metastasis"][0]) == 6
    )
    red = [float(read_pixels(place / f"{name}_01.png")[..., 0].mean()) for name in ("normal", "metastasis")]
    assert red == pytest.approx([pixels[labels == c, :, :, 0].mean() for c in (0, 1)], abs=6)
    assert 0 < plan["typical"]["rms_to_nearest_train"] <= plan["typical"]["rms_random_pair"]
    assert set(plan["typical"]["rms_source_to_nearest_train"]) == {"normal", "metastasis"}
    with pytest.raises(DataError, match="was made with --seed 0, not 5"):
        next(make_candidates(patches, victim, tmp_path / "teacher.pth", place, settings, per_class=1, seed=5))
