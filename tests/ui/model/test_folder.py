"""Prediction of folders, and the numbers drawn from it."""

import csv
import io

import numpy as np
import pytest
import tifffile

from snapgui.data.datasets import is_data_set, open_data_set
from snapgui.engine.images import encode_png, read_pixels
from snapgui.errors import DataError, ImageError
from snapgui.statistics import area_under_curve
from snapgui.ui.model.prediction import (
    answer_csv,
    confusion,
    labelled_task,
    plain_task,
    predict_folder,
    roc_points,
)


@pytest.fixture
def folder(tmp_path, stained_patch):
    place = tmp_path / "mixed"
    place.mkdir()
    for number, red in enumerate((150, 190, 150)):
        (place / f"{number}.png").write_bytes(encode_png(stained_patch(number, red)))
    (place / "3.png").write_bytes(b"no picture")
    (place / "4.png").write_bytes(encode_png(np.zeros((10, 10, 3), np.uint8)))
    return place


def test_good_pictures_are_predicted_and_bad_ones_named(folder, tiny_victim):
    seen = []
    answer = predict_folder(tiny_victim, plain_task(folder), progress=seen.append, stop=lambda: False)
    assert answer.names == ("0.png", "1.png", "2.png")
    assert answer.predicted.tolist() == [0, 1, 0]
    assert len(answer.refused) == 2 and "4.png is 10 x 10 px" in answer.refused[1]
    assert seen == [5] and not answer.told


def test_what_is_guessed_of_deep_pictures_is_told(folder, tiny_victim):
    deep = read_pixels(folder / "1.png").astype(np.uint16) * 16
    tifffile.imwrite(folder / "deep.tif", deep)
    answer = predict_folder(tiny_victim, plain_task(folder), progress=lambda done: None, stop=lambda: False)
    assert "deep.tif" in answer.names and answer.predicted[answer.names.index("deep.tif")] == 1
    (told,) = answer.told
    assert "deep.tif does not say" in told and "4,095 was taken" in told


def test_csv_has_the_columns_that_others_read(folder, tiny_victim):
    answer = predict_folder(tiny_victim, plain_task(folder), progress=lambda done: None, stop=lambda: False)
    rows = list(csv.DictReader(io.StringIO(answer_csv(answer))))
    assert list(rows[0]) == ["file", "p_normal", "p_metastasis", "predicted"]
    assert [row["predicted"] for row in rows] == ["normal", "metastasis", "normal"]
    assert float(rows[0]["p_normal"]) + float(rows[0]["p_metastasis"]) == pytest.approx(1, abs=1e-5)


def test_stop_ends_before_the_next_batch(folder, tiny_victim):
    answer = predict_folder(tiny_victim, plain_task(folder), progress=lambda done: None, stop=lambda: True)
    assert answer.stopped and answer.names == () and answer.p.shape == (0, 2)


def test_labelled_folder(tmp_path, tiny_victim, stained_patch):
    (tmp_path / "train").mkdir()
    rows = ["id,label"]
    for number in range(40):
        (tmp_path / "train" / f"p{number}.png").write_bytes(
            encode_png(stained_patch(number, 190 if number % 2 else 150))
        )
        rows.append(f"p{number},{number % 2}")
    (tmp_path / "train_labels.csv").write_text("\n".join(rows), encoding="utf-8")
    assert is_data_set(tmp_path)
    patches = open_data_set(tmp_path)
    task = labelled_task(tmp_path, patches, split="train", limit=10)
    answer = predict_folder(tiny_victim, task, progress=lambda done: None, stop=lambda: False)
    assert len(answer.names) == 10
    assert (answer.predicted == answer.labels).all()
    with pytest.raises(DataError, match="no split"):
        labelled_task(tmp_path, patches, split="nowhere", limit=10)


def test_empty_folder_is_told(tmp_path):
    assert not is_data_set(tmp_path)
    with pytest.raises(ImageError, match="holds no pictures"):
        plain_task(tmp_path)


def test_confusion_rows_are_true_classes():
    counts = confusion(np.array([0, 0, 1, 1, 1]), np.array([0, 1, 1, 1, 0]), 2)
    assert counts.tolist() == [[1, 1], [1, 2]]


def test_area_below_the_roc_curve_is_the_auc():
    rng = np.random.default_rng(0)
    labels = rng.integers(0, 2, 300)
    scores = np.round(rng.normal(labels, 1.2), 1)  # rounded: with ties
    x, y = roc_points(labels, scores)
    assert (x[0], y[0], x[-1], y[-1]) == (0, 0, 1, 1)
    assert np.trapezoid(y, x) == pytest.approx(area_under_curve(labels, scores))
