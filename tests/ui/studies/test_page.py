"""The Studies page: a study made from top to bottom, frozen in the background, listed, taken away,
deleted.
"""

import io
import json
import zipfile
from pathlib import Path

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

from snapgui.engine.images import encode_png
from snapgui.study.records import Response
from snapgui.study.store.folders import studies_folder, study_folder
from snapgui.study.store.store import open_store
from snapgui.ui.studies.list import zip_of
from snapgui.ui.studies.studies import reader_address


@pytest.fixture(autouse=True)
def no_other_database(monkeypatch) -> None:
    monkeypatch.delenv("SNAP_DATABASE_URL", raising=False)


@pytest.fixture
def pairs(tmp_path, stained_patch) -> Path:
    """Six metastases, which the tiny victim calls normal once two cells are painted over, and two normal
    patches.
    """
    folder = tmp_path / "pairs"
    for place in ("untouched", "altered", "faint"):
        (folder / place).mkdir(parents=True)
    for i in range(8):
        pixels = stained_patch(i, 188 if i < 6 else 150)
        mask = np.zeros((96, 96), dtype=bool)
        mask[10:24, 10:24] = mask[50:64, 40:54] = True
        noise = np.random.default_rng(i).integers(0, 255, pixels.shape)
        altered = np.where(mask[..., None], noise, pixels).astype(np.uint8)
        faint = np.where(
            mask[..., None], np.clip(pixels.astype(int) + 3, 0, 255) - (pixels > 250), pixels
        ).astype(np.uint8)
        for place, picture in (("untouched", pixels), ("altered", altered), ("faint", faint)):
            (folder / place / f"p{i}.png").write_bytes(encode_png(picture))
    (folder / "labels.csv").write_text(
        "name,label\n" + "\n".join(f"p{i},{int(i < 6)}" for i in range(8)), encoding="utf-8"
    )
    return folder


@pytest.fixture
def studies_page(app, page) -> AppTest:
    return app.run().switch_page(page("studies")).run()


@pytest.fixture
def from_pairs(studies_page, pairs) -> AppTest:
    return studies_page.text_input(key="study_folder").set_value(str(pairs)).run()


def freeze(page: AppTest, wait_for_job) -> AppTest:
    page.button(key="freeze_study").click().run()
    wait_for_job(page.session_state["snap"].jobs["study"])
    return page.run()


def test_nothing_yet(studies_page, text_of) -> None:
    text = text_of(studies_page)
    assert "1 Pictures" in text and "untouched" in text and not studies_page.dataframe
    studies_page.segmented_control(key="study_origin").set_value("audit").run()
    assert "There is no finished audit" in text_of(studies_page)
    studies_page.segmented_control(key="study_origin").set_value("runs").run()
    assert "There is no saved run" in text_of(studies_page)
    assert not [button for button in studies_page.button if button.key == "freeze_study"]


def test_folders_that_hold_no_pairs_are_told(studies_page, text_of, tmp_path, patches) -> None:
    for folder, sentence in (
        (tmp_path / "nowhere", "is not a folder"),
        (patches[0].path.parent, "no pictures in a folder “untouched”"),
    ):
        studies_page.text_input(key="study_folder").set_value(str(folder)).run()
        assert sentence in text_of(studies_page)


def test_the_words_beside_follow_the_numbers(from_pairs, text_of) -> None:
    text = text_of(from_pairs)
    assert "8 pictures" in text and "6 metastases and 2 normal" in text and "no folder “mask”" in text
    assert "One session of 9 trials (1 practice, 6 that count, 1 obvious, 1 repeated), about 1 min." in text
    assert (
        "Each reader tells 2 pictures of SNAP from 2 untouched ones." in text
        and "With 6 readers and 4 trials each on SNAP there are 24 answers" in text
    )
    from_pairs.number_input(key="study_readers").set_value(12).run()
    assert "With 12 readers and 4 trials each" in text_of(from_pairs)
    from_pairs.multiselect(key="study_arms_SNAP-sham-faint-median colour-random colours").set_value(
        ["faint"]
    ).run()
    assert "Each reader tells 3 pictures of faint from 3 untouched ones." in text_of(from_pairs)
    from_pairs.radio(key="study_kind").set_value("B").run()
    assert "Each reader answers 6 pairs of faint and untouched." in text_of(from_pairs)
    from_pairs.number_input(key="study_margin").set_value(70).run()
    assert "below 70 % (and above 30 %)" in text_of(from_pairs)


def test_what_does_not_fit_is_a_sentence_and_keeps_from_freezing(from_pairs, text_of, pairs) -> None:
    from_pairs.number_input(key="study_8_practice").set_value(8).run()
    assert (
        "8 pictures, and 9 are asked for practice and obvious pictures" in text_of(from_pairs)
        and from_pairs.button(key="freeze_study").disabled
    )
    from_pairs.number_input(key="study_8_practice").set_value(1).run()
    (pairs / "labels.csv").write_text(
        "name,label\n" + "\n".join(f"p{i},1" for i in range(8)), encoding="utf-8"
    )
    from_pairs.radio(key="study_kind").set_value("C").run()
    assert "All pictures are of one class" in text_of(from_pairs)
    from_pairs.radio(key="study_kind").set_value("D").run()
    from_pairs.text_input(key="study_exposures").set_value("250; 1000").run()
    assert (
        "whole numbers of milliseconds" in text_of(from_pairs)
        and from_pairs.button(key="freeze_study").disabled
    )
    from_pairs.text_input(key="study_exposures").set_value("100").run()
    assert not from_pairs.button(key="freeze_study").disabled
    from_pairs.multiselect(key="study_arms_SNAP-sham-faint-median colour-random colours").set_value([]).run()
    assert (
        "at least one altered arm" in text_of(from_pairs) and from_pairs.button(key="freeze_study").disabled
    )


def test_a_study_is_frozen_listed_and_taken_away(from_pairs, text_of, wait_for_job) -> None:
    from_pairs.multiselect(key="study_arms_SNAP-sham-faint-median colour-random colours").set_value(
        ["SNAP", "faint"]
    ).run()
    from_pairs.text_input(key="study_title").set_value("Fields").run()
    assert "names nobody who is responsible" in text_of(from_pairs)
    from_pairs.text_input(key="study_contact").set_value("Dr. X, approval 1").run()
    assert "names nobody" not in text_of(from_pairs)
    text = text_of(freeze(from_pairs, wait_for_job))
    (folder,) = studies_folder().iterdir()
    design = json.loads((folder / "design.json").read_text(encoding="utf-8"))
    settings = design["study"]["settings"]
    assert (
        settings["title"] == "Fields"
        and "Responsible: Dr. X, approval 1\n" in settings["consent"]
        and settings["seed"] > 0
    )
    assert design["sha256"] in text and "6 pictures in 3 arms (untouched, SNAP, faint)" in text
    assert any(f"/?study={folder.name}" in code.value for code in from_pairs.code)
    assert any(code.value.startswith("In a blinded study, readers") for code in from_pairs.code)
    table = from_pairs.dataframe[0].value
    assert table["Title"].tolist() == ["Fields"] and table["Sessions done"].tolist() == ["none yet"]
    assert from_pairs.query_params["build"] == from_pairs.session_state["snap"].jobs["study"]
    with zipfile.ZipFile(io.BytesIO(zip_of(folder.name))) as archive:
        assert json.loads(archive.read("design.json"))["sha256"] == design["sha256"]
    assert zip_of(folder.name) == zip_of(folder.name)
    from_pairs.button(key="delete_study").click().run()
    assert not from_pairs.dataframe and not folder.exists() and "deleted" in text_of(from_pairs)


def test_a_study_with_answers_asks_for_its_title(from_pairs, text_of, wait_for_job) -> None:
    freeze(from_pairs, wait_for_job)
    store = open_store()
    ((name, title),) = store.studies()
    sitting = store.begin(store.enrol(name).pseudonym)
    store.record(sitting.id, Response(0, "yes", 6))
    from_pairs.run()
    assert "**1 answer of 1 reader**" in text_of(from_pairs)
    assert from_pairs.button(key="delete_study").disabled
    from_pairs.text_input(key=f"confirm-{name}").set_value(title[:-1]).run()
    assert from_pairs.button(key="delete_study").disabled
    from_pairs.text_input(key=f"confirm-{name}").set_value(title).run()
    from_pairs.button(key="delete_study").click().run()
    assert store.studies() == [] and not study_folder(name).exists() and text_of(from_pairs)
    store.close()


def test_what_is_left_out_is_said(from_pairs, text_of, wait_for_job) -> None:
    """The tiny victim looks at the sum of red alone, which a sham keeps: where SNAP fools it, every sham
    does.
    """
    text = text_of(freeze(from_pairs, wait_for_job))
    assert (
        "The study is frozen with" in text and "every sham fools the model" in text and "were asked" in text
    )


def test_a_failure_is_a_sentence(from_pairs, text_of, wait_for_job, pairs) -> None:
    for file in (pairs / "altered").iterdir():
        file.write_bytes(b"no picture")
    text = text_of(freeze(from_pairs, wait_for_job))
    assert "No picture is left for the trials that count" in text and not from_pairs.dataframe


def test_the_address_is_the_servers_own() -> None:
    assert (
        reader_address("http://10.0.0.7:8501/studies", "study-1", port=9)
        == "http://10.0.0.7:8501/?study=study-1"
    )
    assert (
        reader_address("https://x.org/snap/studies?build=3", "study-1", port=9, base_path="/snap/")
        == "https://x.org/snap/?study=study-1"
    )
    assert reader_address(None, "study-1", port=8502) == "http://localhost:8502/?study=study-1"


def test_a_store_that_cannot_be_opened_is_a_sentence(studies_page, text_of, monkeypatch) -> None:
    monkeypatch.setenv("SNAP_DATABASE_URL", "mysql://host/x")
    assert "not in mysql" in text_of(studies_page.run())
