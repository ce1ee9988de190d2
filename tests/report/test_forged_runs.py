"""Forged bundles of a run whose hashes fit: each is found, or what it altered is named as not checked."""

import io
import json
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from snapgui.engine.images import decode_pixels, encode_png
from snapgui.engine.victim.victim import Victim
from snapgui.report.verify.bundle import verify_bundle
from snapgui.report.verify.checks import Check, last_words
from snapgui.runs.picture_text import add_text, text_of

Files = dict[str, bytes]


def unpacked(data: bytes) -> Files:
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


@pytest.fixture
def verify(tmp_path: Path, tiny_victim: Victim) -> Callable[..., list[Check]]:
    def run(data: bytes) -> list[Check]:
        (tmp_path / "b.zip").write_bytes(data)
        return list(verify_bundle(tmp_path / "b.zip", lambda digest: tiny_victim))

    return run


def record(files: Files, **values: Any) -> Files:
    """``result.json`` with other values; of ``attack`` and ``cells`` single settings, in the manifest and in
    the texts of the pictures as well.
    """
    result, manifest = json.loads(files["result.json"]), json.loads(files["manifest.json"])
    nested = {name: result[name] | values[name] for name in ("attack", "cells") if name in values}
    result |= values | nested
    manifest["settings"] |= nested
    changed = {"result.json": json.dumps(result).encode(), "manifest.json": json.dumps(manifest).encode()}
    for name in ("original.png", "adversarial.png", "mask.png", "figure.png") if nested else ():
        text = text_of(files[name])
        text["Settings"] = json.dumps(json.loads(text["Settings"]) | nested)
        changed[name] = add_text(encode_png(decode_pixels(files[name])), text)
    return changed


def manifest(files: Files, **values: Any) -> Files:
    return {"manifest.json": json.dumps(json.loads(files["manifest.json"]) | values).encode()}


def painted(files: Files, name: str, place: Any) -> Files:
    pixels = decode_pixels(files[name])
    pixels[place] = 17
    return {name: add_text(encode_png(pixels), text_of(files[name]))}


def curve(files: Files, change: Callable[[list[list[str]]], Any]) -> Files:
    rows = [line.split(",") for line in files["curve.csv"].decode().splitlines()]
    change(rows)
    return {"curve.csv": ("\n".join(map(",".join, rows)) + "\n").encode()}


FOUND: dict[str, tuple[Callable[[Files], Files], str]] = {
    "the figure is another picture": (
        lambda f: {"figure.png": f["original.png"]},
        "figure.png shows other pictures",
    ),
    "a picture in the figure is altered": (
        lambda f: painted(f, "figure.png", np.s_[400:420, 700:720]),
        "figure.png shows other pictures",
    ),
    "words in the figure are altered": (
        lambda f: painted(f, "figure.png", np.s_[-80:-60]),
        "words and curve of figure.png",
    ),
    "the figure is gone": (lambda f: {"figure.png": None}, "figure.png is missing"),
    "the curve is gone": (lambda f: {"curve.csv": None}, "curve.csv is missing"),
    "a file is added": (lambda f: {"approval.pdf": b"x"}, "approval.pdf is no file of such a bundle"),
    "the curve is longer": (
        lambda f: curve(f, lambda rows: rows.append(["2", *rows[-1][1:]])),
        "it ends at step 2",
    ),
    "the curve begins higher": (
        lambda f: curve(f, lambda rows: rows[1].__setitem__(slice(1, 4), ["0.9", "0.1", "0.9"])),
        "THE ATTACK MADE AGAIN",
    ),
    "the curve ends elsewhere": (
        lambda f: curve(f, lambda rows: rows[-1].__setitem__(slice(1, 4), ["0.96", "0.04", "0.96"])),
        "the step kept has another answer",
    ),
    "the best of the curve is made up": (
        lambda f: curve(f, lambda rows: rows[1].__setitem__(3, "0.5")),
        "is no probability up to it",
    ),
    "columns of the curve are renamed": (
        lambda f: curve(f, lambda rows: rows[0].__setitem__(1, "p_benign")),
        "other columns",
    ),
    "steps": (lambda f: record(f, steps=25), "25 steps are stated"),
    "the step kept": (lambda f: record(f, best_step=0), "the step kept has another answer"),
    "stopped by a person": (lambda f: record(f, stopped=True), "it ended by itself"),
    "seed": (lambda f: record(f, seed=7), "are not those of the settings"),
    "seed, everywhere": (lambda f: record(f, seed=7, attack={"seed": 7}), "control random colours"),
    "target": (lambda f: record(f, target=1), "are not those of the settings"),
    "gamut": (lambda f: record(f, gamut="stain"), "are not those of the settings"),
    "gamut, everywhere": (
        lambda f: record(f, gamut="stain", attack={"gamut": "stain"}),
        "outside the gamut asked for",
    ),
    "true class": (lambda f: record(f, true_class=0), "the findings, made again, are others"),
    "a true class that is none": (lambda f: record(f, true_class=5), "is none of the 2 classes"),
    "classes": (lambda f: record(f, classes=["benign", "tumour"]), "benign and tumour are stated"),
    "findings": (lambda f: record(f, findings=["All is well."]), "the findings, made again, are others"),
    "where the mask came from": (
        lambda f: record(f, mask_source="proposed", cells={"seed": 9}),
        "the settings of the cells propose another",
    ),
    "a mask from nowhere": (lambda f: record(f, mask_source="nature"), "is said to be nature"),
    "a control is left out": (
        lambda f: record(f, p_target_controls={"median colour": 0.014}),
        "the run does not state it",
    ),
    "visibility of a further region": (
        lambda f: record(f, visibility=json.loads(f["result.json"])["visibility"] | {"eye": {"ssim": 1}}),
        "visibility measured again is another",
    ),
    "image name": (lambda f: record(f, image_name="real patient"), "they differ in image"),
    "name of the model": (
        lambda f: manifest(f, model=json.loads(f["manifest.json"])["model"] | {"name": "best"}),
        "they differ in model",
    ),
    "when": (lambda f: record(f, started="2020-01-01T00:00:00+00:00"), "they differ in started"),
    "device": (lambda f: manifest(f, device="H100"), "they differ in device"),
    "notice": (lambda f: manifest(f, notice="For diagnosis."), "they differ in notice"),
    "texts inside a picture": (
        lambda f: {"mask.png": encode_png(decode_pixels(f["mask.png"]))},
        "Run of mask.png",
    ),
}


@pytest.mark.parametrize("forgery", FOUND)
def test_a_forgery_is_found_though_the_hashes_fit(forgery, run_zip, verify, repack) -> None:
    change, sentence = FOUND[forgery]
    checks = verify(repack(run_zip, change(unpacked(run_zip))))
    if sentence == "THE ATTACK MADE AGAIN":
        # The figure draws it; the attack does not end so.
        assert any(one.state == "unchecked" and "curve of figure.png" in one.words for one in checks)
        assert any(one.state == "stated" and "the steps of curve.csv" in one.words for one in checks)
    else:
        assert sentence in "\n".join(str(one) for one in checks if one.state in ("fails", "unchecked"))
    assert not last_words(checks).startswith("Everything holds")


def test_what_no_file_can_show_is_named_and_the_last_line_says_so(run_zip, verify, repack) -> None:
    files = unpacked(run_zip)
    changed = record(files, seconds=1e9, reviewed_by="an institute")
    checks = verify(repack(run_zip, changed | manifest(files, approved=True)))
    (named,) = (str(one) for one in checks if one.state == "stated")
    assert named.startswith("not checked:   image_name, synthetic, true_class, mask_source, started, seconds")
    assert "approved of manifest.json" in named and "reviewed_by" in named
    said = last_words(checks)
    assert (
        said.startswith("Everything holds. Made again or hashed: 22 claims")
        and "neither: what is named above" in said
    )
