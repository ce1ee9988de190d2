import json
from pathlib import Path

import numpy as np
import pytest

from snapgui.cli import main
from snapgui.engine.images import read_pixels


@pytest.mark.parametrize(
    ("layout", "texture", "shape"),
    [("cells", "free", (96, 96, 3)), ("nuclei", "free", (96, 96, 3)), ("cells", "nucleus", (12, 128))],
)
def test_one_patch_is_trained_measured_and_written(
    small_set: Path,
    small_model: Path,
    tmp_path: Path,
    layout: str,
    texture: str,
    shape: tuple[int, ...],
    capsys,
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
            "--texture",
            texture,
            "--area",
            "0.1",
            "--epochs",
            "4" if texture == "free" else "1",
            "--batch-size",
            "4",
            "--model",
            str(small_model),
        ]
    )
    said = capsys.readouterr().out
    assert done == 0 and "held out:" in said and "with a random patch" in said
    figures = json.loads((tmp_path / "universal.json").read_text(encoding="utf-8"))
    assert figures["training"] == figures["held_out"], "the same patches in both parts"
    part = figures["training"]
    assert part["images"] == 4 and abs(part["area"] - 0.1) < 0.02
    assert part["flipped"]["count"] >= part["reached_goal"]["count"]
    assert sum(draw["count"] for draw in part["random_canvases"]) == part["random_canvas_flipped"]["count"]
    canvas = np.load(tmp_path / "canvas.npy")
    assert canvas.shape == shape and canvas.min() >= 0 and canvas.max() <= 1
    assert (tmp_path / "mask.png").is_file() == (layout == "cells")
    if layout == "cells":
        assert (read_pixels(tmp_path / "mask.png")[..., 0] > 0).mean() == pytest.approx(part["area"])
    if (layout, texture) == ("nuclei", "free"):
        check_that_the_patch_can_be_laid_on_other_pictures(tmp_path, figures, small_set, small_model, capsys)
    if (layout, texture) != ("cells", "free"):
        check_that_verify_makes_the_claims_again(tmp_path, figures, small_model, capsys)


def check_that_verify_makes_the_claims_again(folder: Path, figures: dict, model: Path, capsys) -> None:
    def verified() -> tuple[int, str]:
        assert main(["report", str(folder), "--out", str(folder / "bundle.zip")]) == 0
        done = main(["verify", str(folder / "bundle.zip"), "--model", str(model)])
        return done, capsys.readouterr().out

    done, said = verified()
    assert done == 0 and "Everything holds" in said and said.count("laid and scored here") == 2
    assert "no such fields" not in said
    painted = figures["settings"]["texture"] == "nucleus"
    assert said.count("every changed colour is its own stains in other amounts") == 2 * painted
    if painted:
        other = figures | {"generator_sha256": "0" * 64}
        (folder / "universal.json").write_text(json.dumps(other), encoding="utf-8")
        done, said = verified()
        assert done == 1 and "not checked    the patch laid again: its generator" in said
        other = figures | {"versions": {"snap-studio": "0.2.0"}}
        (folder / "universal.json").write_text(json.dumps(other), encoding="utf-8")
        done, said = verified()
        assert done == 1 and "not checked    the patch laid again: another version" in said
    flipped = figures["held_out"]["flipped"]
    figures["held_out"]["flipped"] = flipped | {"count": flipped["count"] - 1}
    figures["approved_by"] = "nobody"
    (folder / "universal.json").write_text(json.dumps(figures), encoding="utf-8")
    canvas = np.load(folder / "canvas.npy")
    np.save(folder / "canvas.npy", np.zeros((2, 2), np.float32))
    done, said = verified()
    assert done == 1 and "DOES NOT HOLD  the patch is one of the texture" in said
    np.save(folder / "canvas.npy", canvas)
    done, said = verified()
    assert done == 1 and "held out" in said and "something else is stated" in said
    assert "approved_by: this version knows no such fields" in said


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


def check_that_the_patch_can_be_laid_on_other_pictures(
    folder: Path, figures: dict, data: Path, model: Path, capsys
) -> None:
    out = folder / "applied"
    words = ["apply", str(folder), str(data), "--out", str(out), "--split", "val", "--limit", "4"]
    assert main([*words, "--model", str(model)]) == 0
    assert "of the metastases called normal" in capsys.readouterr().out
    found = json.loads((out / "applied.json").read_text(encoding="utf-8"))
    assert found["flipped"] == figures["held_out"]["flipped"] and found["area"] == figures["held_out"]["area"]
    before, after = read_pixels(out / "0000-before.png"), read_pixels(out / "0000.png")
    assert 0 < (before != after).any(axis=2).mean() <= found["area"] * 1.5
    (folder / "empty").mkdir()
    assert main(["apply", str(folder / "empty"), *words[2:]]) == 2
    assert "holds no universal patch" in capsys.readouterr().err
