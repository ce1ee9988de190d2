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
from snapgui.study.records import Response, StudyError
from snapgui.study.store.folders import studies_folder, study_folder
from snapgui.study.store.store import open_store
from snapgui.ui.studies.list import zip_of
from snapgui.ui.studies.presets import STUDY_PRESETS
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


def test_a_preset_sets_the_numbers_and_gives_way_to_a_person(from_pairs, text_of) -> None:
    fields = from_pairs.session_state["snap"].controls
    assert from_pairs.pills(key="study_preset").value == "Quick pilot"
    from_pairs.pills(key="study_preset").set_value("Full study").run()
    assert fields["study_readers"] == from_pairs.number_input(key="study_readers").value == 18
    from_pairs.number_input(key="study_8_sources").set_value(4).run()
    assert from_pairs.pills(key="study_preset").value is None
    assert "4 that count" in text_of(from_pairs) and fields["study_8_sources"] == 4
    from_pairs.pills(key="study_preset").set_value("Quick pilot").run()
    assert "6 that count" in text_of(from_pairs) and fields["study_readers"] == 6


def test_presets_fit_to_the_pictures() -> None:
    numbers = {count: [preset.numbers(count) for preset in STUDY_PRESETS.values()] for count in (6, 30, 500)}
    assert [[found["sources"] for found in both] for both in numbers.values()] == [[6, 6], [24, 24], [24, 60]]
    assert numbers[500][0]["practice"] == numbers[500][0]["catch"] == 3
    assert all(sum(found.values()) <= count for count, both in numbers.items() for found in both)


def test_a_study_is_tried_without_a_trace(from_pairs, text_of, own_workspace) -> None:
    """Consent, instructions and trials as a reader has them; no file changes, no row is written."""
    from_pairs.multiselect(key="study_arms_SNAP-sham-faint-median colour-random colours").set_value(
        ["SNAP", "faint"]
    ).run()
    from_pairs.text_input(key="study_contact").set_value("Dr. X, approval 1").run()
    before = contents(own_workspace)
    from_pairs.button(key="try_study").click().run()
    assert "Responsible: Dr. X, approval 1" in text_of(from_pairs) and not from_pairs.segmented_control
    from_pairs.button(key="preview_next").click().run()
    assert "**6** (surely yes)" in text_of(from_pairs)
    from_pairs.button(key="preview_next").click().run()
    assert len(from_pairs.get("bidi_component")) == 1 and "nothing of it is kept" in text_of(from_pairs)
    preview = from_pairs.session_state["reader_preview"].preview
    assert [trial.role for trial in preview.trials] == ["practice"] + ["main"] * 4
    told = []
    while preview.trial is not None:
        message = preview.message()
        assert message["preview"] and message["pictures"][0].startswith("data:image/png;base64,")
        preview = preview.answered({"trial": preview.trial.index, "choice": "no", "rating": 1})
        told.append(preview.feedback is not None)
    assert told == [True] + [False] * 4
    assert preview.answered({"trial": 0, "choice": "no", "rating": 1}) is preview, "an answer sent twice"
    with pytest.raises(StudyError):
        preview.answered({"trial": "x"})
    from_pairs.button(key="preview_leave").click().run()
    assert "3 Check and make" in text_of(from_pairs)
    assert from_pairs.number_input(key="study_readers").value == 6
    assert contents(own_workspace) == before


def contents(folder: Path) -> dict[str, bytes]:
    return {str(path): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


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
    before = contents(studies_folder().parent)
    from_pairs.button(key="try_stored").click().run()
    assert "Dr. X, approval 1" in text_of(from_pairs) and "Fields" in text_of(from_pairs)
    preview = from_pairs.session_state["reader_preview"].preview
    assert preview.message()["pictures"] and contents(studies_folder().parent) == before
    from_pairs.button(key="preview_leave").click().run()
    table = from_pairs.dataframe[0].value
    assert table["Title"].tolist() == ["Fields"] and table["Sessions done"].tolist() == ["none yet"]
    assert from_pairs.query_params["build"] == from_pairs.session_state["snap"].jobs["study"]
    with zipfile.ZipFile(io.BytesIO(zip_of(folder.name))) as archive:
        assert json.loads(archive.read("design.json"))["sha256"] == design["sha256"]
    assert zip_of(folder.name) == zip_of(folder.name)
    from_pairs.button(key="delete_study").click().run()
    assert not from_pairs.dataframe and not folder.exists() and "deleted" in text_of(from_pairs)


def test_a_study_with_answers_asks_for_its_title(from_pairs, text_of, wait_for_job) -> None:
    # Without shams, whose search takes half a minute.
    from_pairs.multiselect(key="study_arms_SNAP-sham-faint-median colour-random colours").set_value(
        ["SNAP", "faint"]
    ).run()
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
