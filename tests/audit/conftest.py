"""A small labelled data set of demo patches in Kaggle's layout, with two splits, and a fast victim."""

from pathlib import Path

import pytest

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
