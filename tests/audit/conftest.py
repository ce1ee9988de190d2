"""A small labelled data set of demo patches in Kaggle's layout, with two splits, and a fast victim."""

import json
from pathlib import Path

import pytest
from safetensors.torch import load_file, save_file

from snapgui import shipped
from snapgui.engine.images import encode_png, read_pixels


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


@pytest.fixture(scope="session")
def small_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The shipped weights at 48 px, a fifth of the work, with a bias that finds the metastases even so."""
    weights = load_file(shipped.MODEL)
    weights["fc.bias"][1] += 2.6
    path = tmp_path_factory.mktemp("model") / "small.safetensors"
    save_file(weights, path)
    path.with_suffix(".json").write_text(
        json.dumps({"architecture": "resnet50", "input_size_px": 48}), encoding="utf-8"
    )
    return path
