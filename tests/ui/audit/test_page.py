"""The Audit page: a data set chosen, audited in the background, continued, deleted, an image taken to the
workbench.
"""

import base64
import json
import re
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

from snapgui.audit import store
from snapgui.audit.read import audits_folder, read_audit
from snapgui.audit.run import AuditProgress, run_audit
from snapgui.audit.settings import AuditSettings
from snapgui.engine.cells.outlines import read_mask
from snapgui.engine.images import encode_png, read_pixels
from snapgui.engine.settings import AttackSettings, CellSettings
from snapgui.engine.victim.victim import Victim
from snapgui.errors import DataError
from snapgui.progress import drain
from snapgui.ui import resources
from snapgui.ui.audit.audits import AuditTask, share_done
from snapgui.ui.audit.light_box import view as light_box_view
from snapgui.ui.audit.light_box import viewer as light_box_viewer
from snapgui.ui.audit.progress import progress_words
from snapgui.ui.jobs import Snapshot
from snapgui.ui.pixels import data_uri
from snapgui.words import per_cent

QUICK = AuditSettings(
    split="train", limit=200, cells=CellSettings(count=4), attack=AttackSettings(steps=2), shard_size=2
)


def write_data(folder: Path, stained_patch) -> Path:
    """Three metastases and three normal patches in Kaggle's layout, all in the split ``train``."""
    (folder / "patches").mkdir(parents=True)
    labels, splits = ["id,label"], ["id,split"]
    for number in range(6):
        (folder / "patches" / f"p{number}.png").write_bytes(
            encode_png(stained_patch(number, 190 if number % 2 else 150))
        )
        labels.append(f"p{number},{number % 2}")
        splits.append(f"p{number},train")
    (folder / "train_labels.csv").write_text("\n".join(labels), encoding="utf-8")
    (folder / "splits.csv").write_text("\n".join(splits), encoding="utf-8")
    return folder


@pytest.fixture
def data(tmp_path, stained_patch) -> Path:
    return write_data(tmp_path / "set", stained_patch)


@pytest.fixture
def audit_page(app, page) -> AppTest:
    return app.run().switch_page(page("audit")).run()


def kept(data: Path, settings: AuditSettings = QUICK, *, shards: int | None = None) -> Path:
    """An audit in the workspace, stopped after so many shards; ``app`` must have put its tiny victim in
    place.
    """
    out = audits_folder()
    done = run_audit(
        resources.shipped_model(),
        data,
        out,
        settings,
        stop=lambda: shards is not None and len(list(out.glob("audit-*/shards/*.parquet"))) >= shards,
    )
    return drain(done).folder


@pytest.fixture(scope="module")
def finished_once(tmp_path_factory, stained_patch, tiny_victim) -> Path:
    """A finished audit of such a data set, made once for all tests that only look at one."""
    place = tmp_path_factory.mktemp("audit")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Victim, "load", lambda path, **more: tiny_victim)
        patch.setenv("SNAP_WORKSPACE", str(place / "workspace"))
        patch.setenv("SNAP_MODEL", str(place / "tiny.safetensors"))
        (place / "tiny.safetensors").write_bytes(b"stands for weights")
        return kept(write_data(place / "set", stained_patch))


@pytest.fixture
def finished(finished_once, app, data) -> Path:
    """A copy of it in the workspace of this test, as if it were of this test's data set."""
    folder = audits_folder() / finished_once.name
    shutil.copytree(finished_once, folder)
    about = json.loads((folder / "audit.json").read_text(encoding="utf-8"))
    about |= {"data_path": str(data), "model_path": str(resources.shipped_model())}
    (folder / "audit.json").write_text(json.dumps(about), encoding="utf-8")
    return folder


def run_from_page(page: AppTest, wait_for_job, key: str) -> AppTest:
    page.button(key=key).click().run()
    wait_for_job(page.session_state["snap"].jobs["audit"], 60)
    return page.run()


def open_part(page: AppTest, part: str) -> AppTest:
    """Another part of the audit that is shown."""
    return page.button_group(key="audit_part").set_value(part).run()


def test_nothing_yet(audit_page, text_of):
    text = text_of(audit_page)
    assert "No audit is saved yet" in text and "Type the path of a labelled data set" in text
    assert audit_page.button(key="run_audit").disabled


def test_folders_that_cannot_be_audited_are_told(audit_page, text_of, tmp_path, patches):
    (tmp_path / "empty").mkdir()
    broken = tmp_path / "broken"
    broken.mkdir()
    (broken / "train_labels.csv").write_text("id,label\ngone,1\n", encoding="utf-8")
    for folder, sentence in (
        (tmp_path / "nowhere", "is not a folder"),
        (patches[0].path.parent, "holds 4 pictures without true classes"),
        (tmp_path / "empty", "holds neither labels nor pictures"),
        (broken, "have no picture"),
    ):
        audit_page.text_input(key="audit_folder").set_value(str(folder)).run()
        assert sentence in text_of(audit_page)
        assert audit_page.button(key="run_audit").disabled


def test_nobody_to_attack_is_told_before_the_run(audit_page, text_of, data):
    (data / "train_labels.csv").write_text("id,label\np0,0\np2,0\n", encoding="utf-8")
    audit_page.text_input(key="audit_folder").set_value(str(data)).run()
    assert "None of these patches is labelled metastasis" in text_of(audit_page)
    assert audit_page.button(key="run_audit").disabled


def test_another_folder_with_other_splits(audit_page, text_of, data, tmp_path):
    other = tmp_path / "other"
    shutil.copytree(data, other)
    (other / "splits.csv").write_text(
        (data / "splits.csv")
        .read_text(encoding="utf-8")
        .replace("p0,train", "p0,first")
        .replace("train", "second"),
        encoding="utf-8",
    )
    audit_page.text_input(key="audit_folder").set_value(str(data)).run()
    assert audit_page.selectbox(key="audit_split").options == ["train"]
    audit_page.text_input(key="audit_folder").set_value(str(other)).run()
    assert audit_page.selectbox(key="audit_split").options == ["first", "second", "all patches"]
    text_of(audit_page)
    audit_page.selectbox(key="audit_split").set_value("all patches").run()
    assert "6 patches, 3 of them metastases" in text_of(audit_page)


def test_an_audit_runs_to_its_end_with_the_workbenchs_settings(app, page, text_of, data, wait_for_job):
    app.run()
    app.button_group(key="preset").set_value("paper").run()
    app.slider(key="count").set_value(5)
    app.number_input(key="steps").set_value(3)
    app.run()
    app.switch_page(page("audit")).run()
    app.text_input(key="audit_folder").set_value(str(data)).run()
    text = text_of(app)
    assert (
        "5 cells, 5 % of the pixels, scattered, cells allowed in the centre, full range of the image, "
        "3 steps, goal 95 %" in text
    )
    assert "6 patches, 3 of them metastases" in text and "altered in 11 ways" in text
    app.multiselect(key="audit_groups").set_value(["placement", "area"]).run()
    assert "altered in 33 ways" in text_of(app)
    run_from_page(app, wait_for_job, "run_audit")
    text = text_of(app)
    assert re.search(
        r"SNAP made the model call \d of 3 recognised metastases normal: \d+\.\d % \(", text
    ) and re.search(r"The same cells in the median colour, not optimised: \d of 3: ", text)
    assert re.search(r"Accuracy 100\.0 % \(\d.*\) before, .* with the attacked images in their place", text)
    text = text_of(open_part(app, "Details"))
    tables = [app.table[0].value]
    assert "Cells were allowed in the central 32 px" in text and "saved 8-bit PNGs" in text
    assert "The SNAP paper, on its training patches: accuracy 96.3 % before, 69.0 % after" in text
    text, charts = text_of(open_part(app, "Comparisons")), len(app.get("plotly_chart"))
    assert "accuracy falls to the paper's 69.0 %: " in text and "with cells kept out of the centre." in text
    snapshot = resources.registry().snapshot(app.session_state["snap"].jobs["audit"])
    assert app.query_params["audit"] == snapshot.job_id and snapshot.topic.settings.groups == (
        "standard",
        "area",
        "placement",
    )
    open_part(app, "Controls")
    table = app.table[0].value
    names = [
        "SNAP, cells allowed in the centre",
        "SNAP, cells kept out of the centre",
        "median colour (control)",
    ]
    assert table["Condition"].tolist()[:3] == names
    assert re.fullmatch(r"\d of 3: \d+\.\d % \(.* to .*\)", table["Model fooled (95 % interval)"].iloc[0])
    assert tables[0]["Condition"].tolist()[:4] == ["untouched images", *names]
    # The controls' dots and the steps, two charts of areas, one of placements.
    assert len(app.get("plotly_chart")) + charts == 5
    assert {"Table (CSV)", "Numbers (JSON)"} <= {button.label for button in app.get("download_button")}
    (folder,) = store.find_audits(audits_folder())
    assert read_audit(folder).finished and read_audit(folder).settings.cells.count == 5


def test_a_reload_finds_the_audit_by_its_address(audit_page, text_of, data, wait_for_job, page):
    audit_page.text_input(key="audit_folder").set_value(str(data)).run()
    audit_page.button_group(key="audit_much").set_value("Own number").run()
    # Typed and pressed at once, before the page was drawn with the number.
    audit_page.number_input(key="audit_limit").set_value(3)
    run_from_page(audit_page, wait_for_job, "run_audit")
    (folder,) = store.find_audits(audits_folder())
    assert read_audit(folder).settings.limit == 3
    job_id = audit_page.session_state["snap"].jobs["audit"]
    again = AppTest.from_file(audit_page._script_path, default_timeout=30).run().switch_page(page("audit"))
    again.query_params["audit"] = job_id
    assert (
        "SNAP made the model call" in text_of(again.run())
        and again.session_state["snap"].jobs["audit"] == job_id
    )
    other = AppTest.from_file(audit_page._script_path, default_timeout=30).run().switch_page(page("audit"))
    other.query_params["audit"] = "20200101-000000-abcdef"
    assert "is not running any more" in text_of(other.run()) and "audit" not in other.query_params


def test_an_unfinished_audit_goes_on(app, page, text_of, data, wait_for_job):
    folder = kept(data, shards=1)
    stamp = next((folder / "shards").glob("*.parquet")).stat().st_mtime_ns
    app.run().switch_page(page("audit")).run()
    text = text_of(app)
    assert (
        "Not finished: 2 of 6 images are done" in text
        and "not finished, 2 of 6 images" in app.selectbox(key="audit_choice").options[0]
    )
    run_from_page(app, wait_for_job, "continue_audit")
    assert "SNAP made the model call" in text_of(app)
    assert store.find_audits(audits_folder()) == [folder]
    assert (folder / "shards" / "00000.parquet").stat().st_mtime_ns == stamp


def test_an_audit_does_not_go_on_with_other_patches(app, page, text_of, data, wait_for_job):
    folder = kept(data, shards=1)
    pixels = read_pixels(data / "patches" / "p5.png")
    (data / "patches" / "p5.png").write_bytes(encode_png(np.flipud(pixels)))
    app.run().switch_page(page("audit")).run()
    run_from_page(app, wait_for_job, "continue_audit")
    assert "cannot continue, since the patches or labels in" in text_of(app) and "start a new one" in text_of(
        app
    )
    assert store.find_audits(audits_folder()) == [folder]
    shutil.rmtree(data)
    assert "is gone, so this audit cannot continue" in text_of(app.run())
    assert app.button(key="continue_audit").disabled


def test_an_audit_queues_behind_other_work_and_never_behind_itself(audit_page, text_of, data, monkeypatch):
    audit_page.text_input(key="audit_folder").set_value(str(data)).run()
    asked = []
    monkeypatch.setattr("snapgui.ui.audit.progress.start_job", lambda *_, topic, **__: asked.append(topic))
    audit_page.button(key="run_audit").click().run()
    (task,) = asked
    jobs = [
        Snapshot("20200101-000000-abcdef", "attack", "p1", "running"),
        Snapshot("20200101-000000-abcdee", "audit", "set", "queued", topic=replace(task, data=data.parent)),
    ]
    monkeypatch.setattr(resources.registry(), "active", lambda: jobs)
    monkeypatch.setattr(resources.registry(), "snapshot", {job.job_id: job for job in jobs}.get)
    assert "Run of p1 is running, Audit of set waits. The audit begins when all have ended." in text_of(
        audit_page.run()
    )
    button = audit_page.button(key="run_audit")
    assert button.label == "Add to the queue" and not button.disabled
    jobs.append(Snapshot("20200101-000000-abcded", "audit", "set", "queued", topic=task))
    assert "This very audit is running or waits" in text_of(audit_page.run())
    assert audit_page.button(key="run_audit").disabled


def test_a_full_disk_is_told_and_the_rest_can_be_done(audit_page, text_of, data, wait_for_job, monkeypatch):
    write = Path.write_bytes

    def full(self: Path, data: bytes) -> int:
        if ".parquet." in self.name:
            raise OSError(28, "No space left on device")
        return write(self, data)

    monkeypatch.setattr(Path, "write_bytes", full)
    audit_page.text_input(key="audit_folder").set_value(str(data)).run()
    run_from_page(audit_page, wait_for_job, "run_audit")
    text = text_of(audit_page)
    assert (
        "cannot be written (No space left on device). Free space" in text and "Not finished: 0 of 6" in text
    )
    assert not audit_page.button(key="continue_audit").disabled


def test_delete_and_nothing_but_an_audit(app, page, text_of, finished):
    folder = finished
    app.run().switch_page(page("audit")).run()
    beside = audits_folder().parent / "runs"
    beside.mkdir()
    for name in ("../runs", "runs", "audit-0123456789ab/..", ""):
        with pytest.raises(DataError, match="not the name of an audit"):
            store.delete_audit(audits_folder(), name)
    app.button(key="delete_audit").click().run()
    assert not folder.exists() and beside.is_dir() and "No audit is saved yet" in text_of(app)


@pytest.mark.parametrize(
    ("spoil", "sentence"),
    [
        (
            lambda folder: (folder / "audit.json").write_text("{", encoding="utf-8"),
            "no audit that can be read",
        ),
        (
            lambda folder: (folder / "audit.json").write_text("[]", encoding="utf-8"),
            "no audit that can be read",
        ),
        (
            lambda folder: (folder / "audit.json").write_text(
                json.dumps(json.loads((folder / "audit.json").read_text(encoding="utf-8")) | {"versions": 3}),
                encoding="utf-8",
            ),
            "versions are not those",
        ),
        (lambda folder: (folder / "summary.json").write_text("{", encoding="utf-8"), "has no summary"),
        (
            lambda folder: (folder / "summary.json").write_text(
                json.dumps({"before": {}, "conditions": [{}]}), encoding="utf-8"
            ),
            "lacks numbers",
        ),
        (lambda folder: (folder / "rows.parquet").write_bytes(b"broken"), "has no table"),
    ],
)
def test_a_damaged_audit_is_a_sentence_and_can_be_deleted(app, page, text_of, finished, spoil, sentence):
    spoil(finished)
    app.run().switch_page(page("audit")).run()
    assert sentence in text_of(app)
    app.button(key="delete_audit").click().run()
    assert not finished.exists() and "No audit is saved yet" in text_of(app)


class Tiles:
    """Stands for the component in the browser: what it was shown, what it tells."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.shown: list[list] = []
        self.ticked: list[str] = []
        self.opened: list[str] = []
        self.occasion = ""
        monkeypatch.setattr(light_box_view, "light_box", self.draw)
        monkeypatch.setattr(
            light_box_view, "told_ticks", lambda key: {"occasion": self.occasion, "ids": self.ticked}
        )

    def draw(self, pictures, *, ticked, occasion, key):
        self.shown.append(list(pictures))
        self.occasion = occasion
        return self.opened.pop() if self.opened else None


def snap_row(folder: Path, name: str):
    rows = store.read_rows(folder)
    return rows[(rows.condition == "SNAP") & (rows.id == name)].iloc[0]


def test_the_light_box_sorts_and_filters(app, page, text_of, finished, monkeypatch):
    tiles = Tiles(monkeypatch)
    app.run().switch_page(page("audit")).run()
    text_of(app)
    by_id = {name: snap_row(finished, name) for name in ("p1", "p3", "p5")}
    assert [tile.name for tile in tiles.shown[-1]] == sorted(by_id, key=lambda i: by_id[i].p_label_after)
    assert all(tile.after != tile.before and tile.before for tile in tiles.shown[-1])
    app.selectbox(key="light_box_sort").set_value("Least visible first").run()
    assert [tile.name for tile in tiles.shown[-1]] == sorted(by_id, key=lambda i: by_id[i].mean_de00_mask)
    fooled = [name for name, row in by_id.items() if row.flipped]
    app.selectbox(key="light_box_outcome").set_value("fooled" if fooled else "not fooled").run()
    assert {tile.name for tile in tiles.shown[-1]} == set(fooled or by_id)
    app.selectbox(key="light_box_outcome").set_value("not fooled" if fooled else "fooled").run()
    assert len(fooled) < 3 or "No picture is like that" in text_of(app)


def test_a_picture_of_the_light_box_goes_to_the_workbench(app, page, text_of, data, finished, monkeypatch):
    row = snap_row(finished, "p3")
    tiles, pairs = Tiles(monkeypatch), []
    # Twice: AppTest draws the whole page for a press in a dialog, and not the dialog alone.
    tiles.opened = [str(row.position)] * 2
    monkeypatch.setattr(light_box_viewer, "pair", lambda *pictures, **more: pairs.append(pictures))
    cards = []
    monkeypatch.setattr(light_box_viewer, "show_card", lambda card, of: cards.append((of, card)))
    app.run().switch_page(page("audit")).run()
    text = text_of(app)
    stored = (finished / "pictures" / row.picture).read_bytes()
    before, after, mask = pairs[-1]
    assert base64.b64decode(after.split(",")[1]) == stored, "the very picture that was stored"
    assert before == data_uri(read_pixels(data / "patches" / "p3.png"))
    of, card = cards[-1]
    assert of == "p3" and card.before == f"metastasis {per_cent(row.p_label_before)}"
    assert re.fullmatch(r"(normal|metastasis) (> )?\d+\.\d %", card.after)
    assert card.chips[0].words == f"Model {'' if row.flipped else 'not '}fooled" and "PNG" in card.sentence
    assert "The same cells, not optimised: " in text
    app.button(key="light_box_bench").click().run()
    text = text_of(app)
    state = app.session_state["snap"]
    assert (
        state.choice.pixels == read_pixels(data / "patches" / "p3.png")
    ).all() and state.choice.true_class == 1
    stored_mask = read_mask(
        (finished / "pictures" / row.picture.replace(".png", "-mask.png")).read_bytes(), shape=(96, 96)
    )
    assert (state.mask.mask == stored_mask).all() and (mask == stored_mask).all()
    assert "Model says" in text and "**p3**" in text and "taken from an audit" in text
    assert app.number_input(key="steps").value == 2 and app.session_state["target"] == 0


def test_ticked_pictures_become_a_study(app, page, text_of, finished, monkeypatch):
    tiles = Tiles(monkeypatch)
    app.run().switch_page(page("audit")).run()
    assert app.button(key="light_box_study").disabled
    tiles.ticked = [str(snap_row(finished, name).position) for name in ("p5", "p1")]
    app.run()
    assert app.button(key="light_box_study").label == "Make a study of these 2"
    app.button(key="light_box_all").click().run()
    assert app.button(key="light_box_study").label == "Make a study of these 3"
    app.button(key="light_box_none").click().run()
    assert app.button(key="light_box_study").disabled
    app.run()
    app.button(key="light_box_study").click().run()
    text = text_of(app)
    assert "**2 pictures** from audit of set" in text and app.toggle(key="study_ticked").value
    app.toggle(key="study_ticked").set_value(False).run()
    assert "**2 pictures**" not in text_of(app)


def test_who_falls_is_told_by_groups(app, page, text_of, finished):
    app.run().switch_page(page("audit")).run()
    text = text_of(open_part(app, "Who falls"))
    table = app.table[0].value
    assert "do not tell their slides" in text
    assert [title for title in table["By"] if title] == [
        "How sure the model was before",
        "Number of nuclei in the patch",
    ]
    sure = table[: list(table["By"]).index("Number of nuclei in the patch")]
    assert sum(int(words.split(" of ")[1]) for words in sure["Fooled"]) == 3


def test_without_its_data_set_an_audit_still_shows_what_it_found(app, page, text_of, data, finished):
    shutil.rmtree(data)
    app.run().switch_page(page("audit")).run()
    text = text_of(app)
    assert "SNAP made the model call" in text and "cannot be shown or opened" in text


def test_an_audit_that_could_attack_nobody(app, page, text_of, data):
    swapped = (
        (data / "train_labels.csv")
        .read_text(encoding="utf-8")
        .replace(",1", ",x")
        .replace(",0", ",1")
        .replace(",x", ",0")
    )
    (data / "train_labels.csv").write_text(swapped, encoding="utf-8")
    kept(data)
    app.run().switch_page(page("audit")).run()
    assert "No image could be attacked" in text_of(app)
    assert app.table[0].value["Accuracy"].tolist() == ["0.0 % (0.0 to 39.0)"]


def test_progress_in_words(data, tmp_path):
    task = AuditTask(tmp_path, data, tmp_path, QUICK)
    job = Snapshot("id", "audit", "set", "running", topic=task)
    assert progress_words(job) == "Reading the model and the patches"
    progress = AuditProgress(4, 6, "one square", 125, 2, 1)
    words = progress_words(Snapshot("id", "audit", "set", "cancelling", topic=task, progress=progress))
    assert words == (
        "Stopping after this condition. 4 of 6 images done · SNAP fooled the model on 1 of 2 · "
        "now: one square · about 2 min 5 s left"
    )
    assert 4 / 6 < share_done(task, 4, 6, "one square") < 1 and share_done(task, 6, 6, "") == 1
