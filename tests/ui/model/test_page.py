"""The Model page: card, another checkpoint, a folder predicted in the background."""

import json

import pytest

from snapgui.engine.images import encode_png
from snapgui.engine.victim.victim import ModelCard
from snapgui.ui import resources
from snapgui.ui.model import zoo
from snapgui.ui.model.card import fact_rows, result_rows


@pytest.fixture
def model_page(app, page):
    return app.run().switch_page(page("model")).run()


@pytest.fixture
def data_folder(tmp_path, stained_patch):
    folder = tmp_path / "set"
    (folder / "train").mkdir(parents=True)
    rows = ["id,label"]
    for number in range(30):
        (folder / "train" / f"p{number}.png").write_bytes(
            encode_png(stained_patch(number, 190 if number % 2 else 150))
        )
        rows.append(f"p{number},{1 - number % 2 if number == 4 else number % 2}")
    (folder / "train_labels.csv").write_text("\n".join(rows), encoding="utf-8")
    return folder


def press(app, label):
    next(button for button in app.button if button.label == label).click().run()


def test_the_card_is_readable(model_page, text_of):
    assert "tiny" in text_of(model_page)
    table = model_page.table[0].value
    assert table["Accuracy (95 % interval)"].tolist() == ["90.0 % (86.7 to 92.6)"]
    assert table["AUC"].tolist() == ["0.950"]


def test_another_checkpoint_and_back(model_page, text_of, tmp_path):
    other = tmp_path / "other.safetensors"
    other.write_bytes(b"x")
    model_page.text_input(key="model_path").set_value(str(other)).run()
    press(model_page, "Load")
    assert "Model other" in text_of(model_page)
    assert "no card with results" in text_of(model_page)
    press(model_page, "Back to the shipped model")
    assert "Model tiny" in text_of(model_page)


@pytest.mark.parametrize(
    ("name", "sentence"),
    [("broken.safetensors", "is not a resnet50"), ("missing.safetensors", "cannot be read")],
)
def test_a_bad_checkpoint_leaves_the_old_one(model_page, text_of, tmp_path, name, sentence):
    (tmp_path / "broken.safetensors").write_bytes(b"x")
    model_page.text_input(key="model_path").set_value(str(tmp_path / name)).run()
    press(model_page, "Load")
    assert sentence in text_of(model_page)
    assert "Model tiny" in text_of(model_page)


def test_a_labelled_folder_gets_its_figures(model_page, text_of, data_folder, wait_for_job):
    model_page.text_input(key="predict_folder").set_value(str(data_folder)).run()
    model_page.selectbox(key="predict_split").set_value("train").run()
    model_page.button(key="predict").click().run()
    job_id = model_page.session_state["snap"].jobs["folder"]
    wait_for_job(job_id)
    text = text_of(model_page.run())
    answer = resources.registry().snapshot(job_id).result
    wrong = int((answer.predicted != answer.labels).sum())
    assert wrong == ("p4" in answer.names)
    assert f"Accuracy **{100 * (1 - wrong / len(answer.names)):.1f} %**" in text and "95 % interval" in text
    assert len(model_page.get("plotly_chart")) == 2
    assert "Table (CSV)" in [button.label for button in model_page.get("download_button")]


def test_a_plain_folder_has_no_figures(model_page, text_of, patches, wait_for_job):
    model_page.text_input(key="predict_folder").set_value(str(patches[0].path.parent)).run()
    model_page.button(key="predict").click().run()
    wait_for_job(model_page.session_state["snap"].jobs["folder"])
    text = text_of(model_page.run())
    assert "4 patches predicted" in text and "normal 2, metastasis 2" in text and "Accuracy **" not in text


def test_no_folder_no_prediction(model_page, text_of, tmp_path):
    assert model_page.button(key="predict").disabled
    model_page.text_input(key="predict_folder").set_value(str(tmp_path / "nowhere")).run()
    assert "is not a folder" in text_of(model_page)
    assert model_page.button(key="predict").disabled


@pytest.mark.parametrize(
    "details",
    [
        None,
        {},
        {"figures": None},
        {"figures": {"val": {}}},
        {"figures": {"val": {"accuracy": "high"}}},
        {"training": []},
    ],
)
def test_half_written_cards_do_no_harm(details):
    card = ModelCard("odd", "resnet50", details=details)
    assert all(len(column) == len(result_rows(card)["Split"]) for column in result_rows(card).values())
    assert "resnet50" in fact_rows(card)["Value"]


def test_models_stand_side_by_side_and_one_is_taken(model_page, text_of, tmp_path, monkeypatch) -> None:
    folder = tmp_path / "models"
    folder.mkdir()
    for name, accuracy in (("tiny", 0.9), ("<i>other</i>", 0.8)):
        row = {
            "count": 400,
            "accuracy": accuracy,
            "accuracy_interval": [accuracy - 0.03, accuracy + 0.03],
            "auc": 0.95,
            "calibration_error": 0.031,
            "reliability": [[0.1, 0.08, 200], [0.9, 0.93, 4], [0.8, 0.7, 196]],
            "roc": [[0, 0], [0.1, 0.9], [1, 1]],
            "seconds_per_patch": 0.0214,
        }
        (folder / f"{name.replace('/', '')}.safetensors").write_bytes(b"stands for weights")
        (folder / f"{name.replace('/', '')}.json").write_text(
            json.dumps(
                {
                    "architecture": "resnet50",
                    "input_size_px": 96,
                    "figures": {"val_slides": row},
                    "measured_on": "CPU, 2 threads",
                }
            ),
            encoding="utf-8",
        )
    models = {path.stem: path for path in sorted(folder.glob("*.safetensors"))}
    monkeypatch.setattr("snapgui.ui.model.zoo.known_models", lambda: models)
    app = model_page.run()
    assert "Models side by side" in text_of(app)
    cards = zoo.read_cards(models)
    rows = zoo.zoo_rows(cards, "val_slides")
    place = rows["Model"].index("tiny")
    assert rows["Accuracy (95 % interval)"][place] == "90.0 % (87.0 to 93.0)"
    assert (rows["Calibration error"][place], rows["Time per patch"][place]) == (
        "3.1 %",
        "21 ms (CPU, 2 threads)",
    )
    curve = zoo.reliability_together(cards, "val_slides").data[1]
    assert list(curve.x) == [10, 80], "a bin of four patches is drawn"
    assert all("<" not in line.name for line in zoo.roc_together(cards, "val_slides").data[1:])
    app.selectbox(key="zoo_used").set_value("tiny").run()
    assert not app.exception and "Model tiny" in text_of(app)
