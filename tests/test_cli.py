import csv
import json
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from snapgui import cli, shipped
from snapgui.engine.images import encode_png, read_pixels, to_image
from snapgui.engine.victim.victim import Victim


@pytest.fixture
def metastasis() -> Path:
    return sorted(shipped.DEMO_FOLDER.glob("metastasis_*.png"))[0]


def test_predict_writes_one_row_a_picture(tmp_path, shipped_victim: Victim) -> None:
    out = tmp_path / "p.csv"
    assert cli.main(["predict", str(shipped.DEMO_FOLDER), "--csv", str(out), "--device", "cpu"]) == 0
    rows = list(csv.DictReader(out.open(encoding="utf-8")))
    assert list(rows[0]) == ["file", "p_normal", "p_metastasis", "predicted"]
    assert len(rows) == len(list(shipped.DEMO_FOLDER.glob("*.png"))) >= 24
    for row in rows[:3] + rows[-3:]:
        p = shipped_victim.predict(to_image(read_pixels(Path(row["file"])))[None])[0]
        assert float(row["p_metastasis"]) == pytest.approx(float(p[1]), abs=1e-4)
        assert row["predicted"] == ("metastasis" if p[1] > 0.5 else "normal")


def test_attack_writes_its_files_and_believes_the_saved_picture(
    tmp_path, metastasis, shipped_victim, capsys
) -> None:
    out = tmp_path / "run"
    arguments = [
        "attack",
        str(metastasis),
        "--out",
        str(out),
        "--preset",
        "paper",
        "--steps",
        "6",
        "--gamut",
        "stain",
        "--init",
        "nuclear",
        "--centre",
        "excluded",
        "--cells",
        "10",
        "--area",
        "0.04",
        "--seed",
        "3",
        "--confidence",
        "0.9",
        "--device",
        "cpu",
    ]
    assert cli.main(arguments) == 0
    assert {path.name for path in out.iterdir()} == {
        "original.png",
        "adversarial.png",
        "mask.png",
        "mask.geojson",
        "curve.csv",
        "result.json",
        "figure.png",
    }
    values = json.loads((out / "result.json").read_text(encoding="utf-8"))
    p = shipped_victim.predict(to_image(read_pixels(out / "adversarial.png"))[None])[0]
    assert values["p_target_after"] == pytest.approx(float(p[0]), abs=1e-5)
    assert values["success"] == (values["p_target_after"] >= 0.9)
    assert (values["centre"], values["gamut"], values["seed"], values["attack"]["start"]) == (
        "excluded",
        "stain",
        3,
        "nuclear",
    )
    assert (
        values["model_sha256"] == shipped_victim.card.sha256
        and values["steps"] <= 6
        and values["seconds"] > 0
    )
    assert abs(values["area_fraction"] - 0.04) < 0.002
    said = capsys.readouterr().out
    assert "-> " in said and "CIEDE2000 in the mask, the detector picks out" in said


def test_attack_takes_a_mask_and_a_window(tmp_path, metastasis) -> None:
    field, mask = tmp_path / "field.png", tmp_path / "mask.png"
    field.write_bytes(encode_png(np.tile(read_pixels(metastasis), (2, 2, 1))))
    marked = np.zeros((96, 96), np.uint8)
    marked[10:20, 10:20] = 255
    mask.write_bytes(encode_png(marked))
    out = tmp_path / "run"
    assert (
        cli.main(
            [
                "attack",
                str(field),
                "--window",
                "96",
                "0",
                "--mask",
                str(mask),
                "--steps",
                "1",
                "--out",
                str(out),
                "--device",
                "cpu",
            ]
        )
        == 0
    )
    assert (read_pixels(out / "original.png") == read_pixels(metastasis)).all()
    assert json.loads((out / "result.json").read_text(encoding="utf-8"))["area_fraction"] == 100 / 9216


def bad(kind: str, tmp_path: Path, metastasis: Path) -> list[str]:
    out = ["--out", str(tmp_path / "out")]
    if kind == "no image":
        return ["attack", str(tmp_path / "none.png"), *out]
    if kind == "words":
        (tmp_path / "words.png").write_text("words", encoding="utf-8")
        return ["attack", str(tmp_path / "words.png"), *out]
    if kind == "size":
        Image.new("RGB", (50, 50)).save(tmp_path / "small.png")
        return ["attack", str(tmp_path / "small.png"), *out]
    if kind == "mask size":
        Image.new("L", (50, 50), 255).save(tmp_path / "mask.png")
        return ["attack", str(metastasis), "--mask", str(tmp_path / "mask.png"), *out]
    if kind == "no mask":
        return ["attack", str(metastasis), "--mask", str(tmp_path / "none.png"), *out]
    if kind == "target":
        return ["attack", str(metastasis), "--target", "7", *out]
    if kind == "area":
        return ["attack", str(metastasis), "--area", "0.9", *out]
    if kind == "many cells":
        return ["attack", str(metastasis), "--preset", "paper", "--cells", "200", "--area", "0.01", *out]
    if kind == "cells of all nuclei":
        return ["attack", str(metastasis), "--cells", "12", *out]
    if kind == "model":
        torch.save({"weight": torch.zeros(2)}, tmp_path / "m.pth")
        return ["attack", str(metastasis), "--model", str(tmp_path / "m.pth"), *out]
    if kind == "glass":
        Image.new("RGB", (96, 96), (245, 245, 245)).save(tmp_path / "glass.png")
        return ["attack", str(tmp_path / "glass.png"), "--preset", "paper", *out]
    if kind == "no nuclei":
        Image.new("RGB", (96, 96), (245, 245, 245)).save(tmp_path / "glass.png")
        return ["attack", str(tmp_path / "glass.png"), *out]
    if kind == "mask on glass":
        pixels = read_pixels(metastasis)
        pixels[:, 48:] = 245
        marked = np.zeros((96, 96), np.uint8)
        marked[10:20, 70:80] = 255
        for name, picture in (("half.png", pixels), ("mask.png", marked)):
            (tmp_path / name).write_bytes(encode_png(picture))
        return ["attack", str(tmp_path / "half.png"), "--mask", str(tmp_path / "mask.png"), *out]
    if kind == "one class":
        (tmp_path / "m.safetensors").symlink_to(shipped.MODEL)
        (tmp_path / "m.json").write_text(
            '{"architecture": "resnet50", "input_size_px": 96, "classes": ["metastasis"]}', encoding="utf-8"
        )
        return ["attack", str(metastasis), "--model", str(tmp_path / "m.safetensors"), *out]
    if kind == "unlabelled":
        (tmp_path / "pictures").mkdir()
        (tmp_path / "pictures" / "a.png").write_bytes(encode_png(read_pixels(metastasis)))
        return ["audit", str(tmp_path / "pictures"), *out]
    if kind == "empty folder":
        (tmp_path / "empty").mkdir()
        return ["predict", str(tmp_path / "empty")]
    return ["predict", str(tmp_path / "none")]


@pytest.mark.parametrize(
    ("kind", "sentence"),
    [
        ("no image", "cannot be read"),
        ("words", "not a PNG"),
        ("size", "50 x 50 px"),
        ("mask size", "must be of one size"),
        ("no mask", "cannot be read"),
        ("target", "classes 0 to 1"),
        ("area", "area is 0.9"),
        ("many cells", "less than 4 px each"),
        ("cells of all nuclei", "means nothing with the placement all_nuclei"),
        ("no nuclei", "No nuclei were found"),
        ("model", "none of the known networks"),
        ("glass", "tissue open to cells"),
        ("mask on glass", "glass or a black edge alone"),
        ("one class", "two or more different names"),
        ("unlabelled", "neither train_labels.csv"),
        ("empty folder", "holds no pictures"),
        ("nothing", "does not exist"),
    ],
)
def test_bad_input_is_one_sentence_and_exit_2(tmp_path, metastasis, capsys, kind: str, sentence: str) -> None:
    assert cli.main(bad(kind, tmp_path, metastasis)) == 2
    said = capsys.readouterr().err
    assert sentence in said and said.startswith("snap: ") and said.count("\n") == 1
    assert not (tmp_path / "out").exists(), "something was half written"


def test_unknown_options_exit_2(capsys) -> None:
    with pytest.raises(SystemExit) as caught:
        cli.main(["attack", "x.png", "--gamut", "rainbow", "--out", "x"])
    assert caught.value.code == 2


def test_the_app_starts_where_its_settings_lie(monkeypatch, tmp_path) -> None:
    monkeypatch.chdir(tmp_path)
    seen = []
    monkeypatch.setattr("streamlit.web.cli.main", lambda words: seen.append((Path.cwd(), words)))
    assert cli.main(["app"]) == 0
    ((folder, words),) = seen
    settings = (folder / ".streamlit" / "config.toml").read_text(encoding="utf-8")
    assert 'address = "127.0.0.1"' in settings and "gatherUsageStats = false" in settings
    assert words[0] == "run" and Path(words[1]).is_file()
