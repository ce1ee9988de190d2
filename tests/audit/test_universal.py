import json
from pathlib import Path

import numpy as np
import pytest

from snapgui.cli import main
from snapgui.engine.images import read_pixels


@pytest.mark.parametrize("layout", ["cells", "nuclei"])
def test_one_patch_is_trained_measured_and_written(
    small_set: Path, tmp_path: Path, layout: str, capsys
) -> None:
    done = main(
        [
            "universal",
            str(small_set),
            "--out",
            str(tmp_path),
            "--train-split",
            "val",
            "--test-split",
            "val",
            "--limit",
            "4",
            "--layout",
            layout,
            "--area",
            "0.1",
            "--epochs",
            "4",
            "--batch-size",
            "4",
        ]
    )
    said = capsys.readouterr().out
    assert done == 0 and "held out:" in said and "with a random patch" in said
    figures = json.loads((tmp_path / "universal.json").read_text(encoding="utf-8"))
    assert figures["training"] == figures["held_out"], "the same patches in both parts"
    part = figures["training"]
    assert part["images"] == 4 and abs(part["area"] - 0.1) < 0.02
    assert part["flipped"]["count"] >= part["reached_goal"]["count"]
    canvas = np.load(tmp_path / "canvas.npy")
    assert canvas.shape == (96, 96, 3) and canvas.min() >= 0 and canvas.max() <= 1
    assert (tmp_path / "mask.png").is_file() == (layout == "cells")
    if layout == "cells":
        assert (read_pixels(tmp_path / "mask.png")[..., 0] > 0).mean() == pytest.approx(part["area"])


def test_bad_input_is_one_sentence(small_set: Path, tmp_path: Path, capsys) -> None:
    for more, words in (
        (["--train-split", "gone"], "no split"),
        (["--train-split", "train"], "No metastasis"),
        (["--limit", "0"], "at least 1"),
        (["--train-split", "val", "--area", "0.5", "--cells", "1", "--centre", "excluded"], "found room"),
    ):
        arguments = [
            "universal",
            str(small_set),
            "--out",
            str(tmp_path / "out"),
            "--test-split",
            "val",
            *more,
        ]
        assert main(arguments) == 2, more
        told = capsys.readouterr().err.strip().splitlines()
        assert len(told) == 1 and words in told[0], told
    assert not (tmp_path / "out").exists()
