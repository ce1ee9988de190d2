"""The Analysis page: a study of the store looked at while it goes on, an export uploaded, files that do not
fit.
"""

import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from sqlalchemy import text
from streamlit.testing.v1 import AppTest

from snapgui.engine.sham import Source
from snapgui.report.study.captions import CAPTIONS
from snapgui.report.study.results import has_agreement_matrix
from snapgui.study.design.freeze import design_text, freeze, read_design
from snapgui.study.design.settings import StudySettings
from snapgui.study.pictures.stimuli import make_stimuli
from snapgui.study.records import OBVIOUS, SHAM, SNAP, UNTOUCHED
from snapgui.study.store.export import export_files
from snapgui.study.store.folders import studies_folder, study_name
from snapgui.study.store.store import open_store
from snapgui.ui.analysis.charts import CHARTS, HEIGHT, agreement_chart
from tests.study.simulated import analyse_simulated, answer_study


def pictures(count: int):
    def source(name: str, truth: int = 1) -> Source:
        rng = np.random.default_rng(list(name.encode()))
        pixels, mask = rng.integers(0, 256, (24, 24, 3)).astype(np.uint8), np.zeros((24, 24), dtype=bool)
        mask[2:9, 2:8] = mask[13:20, 5:11] = True
        return Source(
            name, pixels, np.where(mask[..., None], 255 - pixels // 2, pixels).astype(np.uint8), mask, truth
        )

    stimuli, files = make_stimuli(
        [source(f"m{i}", i % 2) for i in range(count)], (UNTOUCHED, SNAP, SHAM), seed=1
    )
    for use, arms in (("practice", (UNTOUCHED, SNAP, SHAM)), ("catch", (UNTOUCHED, OBVIOUS))):
        more = make_stimuli([source(f"{use}{i}") for i in range(2)], arms, seed=1, use=use)
        stimuli, files = stimuli + more[0], files | more[1]
    return stimuli, files


@pytest.fixture(scope="module")
def workspace_once(tmp_path_factory) -> Path:
    """A workspace with a study, one reader still on the way; made once for all tests."""
    place = tmp_path_factory.mktemp("study")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SNAP_WORKSPACE", str(place / "workspace"))
        patch.delenv("SNAP_DATABASE_URL", raising=False)
        studies_folder().mkdir(parents=True)
        store = open_store()
        name = answer_study(
            store,
            place / "frozen",
            pictures,
            StudySettings("Lymph nodes", seed=1, repeats=2, repeat_gap=3),
            readers=7,
            sources=12,
            unfinished=9,
        )
        (place / "frozen").rename(studies_folder() / name)
        store.close()
    return place / "workspace"


@pytest.fixture
def kept(app, workspace_once, own_workspace):
    """The study in the app's own store."""
    shutil.copytree(workspace_once, own_workspace, dirs_exist_ok=True)
    store = open_store()
    yield store, store.studies()[0][0]
    store.close()


def test_nothing_yet(app, page, text_of) -> None:
    app.run().switch_page(page("analysis")).run()
    assert "Choose two files: the trials.csv and the design.json" in text_of(app) and app.selectbox(
        key="analysis_study"
    ).options == ["Files of an export"]


def test_a_study_is_looked_at_while_it_goes_on(app, page, text_of, kept) -> None:
    _, name = kept
    app.run().switch_page(page("analysis")).run()
    text = text_of(app)
    assert (
        "6 readers in 6 sessions count; 1 session is left out" in text
        and "decide beforehand how many readers" in text
    )
    assert (
        "area under the ROC curve" in text
        and "95 % confidence each, it is at least" in text
        and "differ by" in text
    )
    table = app.table[0].value
    assert (
        list(table.columns) == ["", "SNAP", "sham", "untouched", "SNAP − sham"]
        and table["untouched"][0] == "24"
    )
    labels = [button.label for button in app.get("download_button")]
    assert labels == [
        "Numbers (JSON)",
        "Answers (CSV)",
        "iMRMC, altered or not (CSV)",
        "iMRMC, altered or not (.imrmc)",
        "Report (HTML)",
        "Report (PDF)",
        "Figures (ZIP)",
    ]
    assert app.selectbox(key="analysis_study").options == [f"Lymph nodes ({name})", "Files of an export"]
    # Nobody can compare exposures in design A, and too few pairs of readers saw the same pictures for a
    # matrix.
    drawn = set(CAPTIONS) - {"exposure", "agreement"}
    assert {name for name, words in CAPTIONS.items() if words in text} == drawn
    assert len(app.get("plotly_chart")) == len(drawn)
    measures = app.selectbox(key="analysis_measure")
    measures.set_value(measures.options and app.session_state["snap"].controls["analysis_measure"]).run()
    text_of(app)
    app.button(key="recalculate").click().run()
    text_of(app)


def test_an_export_gives_the_same_and_strange_files_a_sentence(app, page, text_of, kept) -> None:
    store, name = kept
    files = export_files(store, name, studies_folder() / name)
    app.run().switch_page(page("analysis")).run()
    said = app.markdown[0].value
    app.selectbox(key="analysis_study").set_value("Files of an export").run()
    assert "Choose two files" in text_of(app)
    app.file_uploader(key="analysis_files").set_value(
        [
            ("trials.csv", files["trials.csv"], "text/csv"),
            ("design.json", files["design.json"], "application/json"),
        ]
    ).run()
    text_of(app)
    assert app.markdown[0].value == said and app.table[0].value["untouched"][0] == "24"
    for strange, sentence in (
        (
            [("trials.csv", b"a,b\n", "text/csv"), ("design.json", files["design.json"], "application/json")],
            "The table lacks the columns",
        ),
        (
            [("trials.csv", files["trials.csv"], "text/csv"), ("design.json", b"{}", "application/json")],
            "This is not the design of a study",
        ),
        (
            [("trials.csv", b"\xff\xfe\x00", "text/csv"), ("design.json", b"{}", "application/json")],
            "is no text in UTF-8",
        ),
    ):
        app.file_uploader(key="analysis_files").set_value(strange).run()
        assert sentence in text_of(app)


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ("UPDATE study SET design = substr(design, 1, 500)", "is not the design of a study"),
        ("UPDATE study SET sha256 = '00'", "is not the one that was frozen"),
        ("UPDATE reader SET list_index = 77", "of list 77, which the design of “Lymph nodes” does not have"),
        ("UPDATE session SET number = 77", "has a session 78 of list"),
    ],
)
def test_one_damaged_study_is_named_and_the_rest_are_shown(
    app, page, text_of, kept, change: str, sentence: str
) -> None:
    store, name = kept
    study, pictures = store.study(name), studies_folder() / name / "stimuli"
    other = replace(study, settings=replace(study.settings, title="Spleens"))
    files = {path.name: path.read_bytes() for path in pictures.iterdir()}
    freeze(other, files, studies_folder() / study_name(read_design(design_text(other))[1]))
    with store.engine.begin() as connection:
        for trigger in connection.execute(
            text("SELECT name FROM sqlite_master WHERE type = 'trigger'")
        ).all():
            connection.execute(text(f"DROP TRIGGER {trigger.name}"))
        connection.execute(text(change))
    store.create_study(studies_folder() / study_name(read_design(design_text(other))[1]))
    app = app.run().switch_page(page("studies")).run()
    assert not app.exception and "Spleens" in text_of(app)
    assert any(name in error.value and sentence in error.value for error in app.error)


def test_a_damaged_picture_is_a_sentence(app, page, text_of, kept) -> None:
    store, name = kept
    stimulus = store.study(name).stimuli[0]
    (studies_folder() / name / "stimuli" / stimulus.mask).write_bytes(b"broken")
    app: AppTest = app.run().switch_page(page("analysis")).run()
    assert "was changed after the design was frozen" in text_of(app)


@pytest.mark.parametrize(("kind", "names"), [("B", {"arms", "readers", "times"}), ("D", set(CHARTS))])
def test_charts_show_the_estimates_with_their_ends(kind, names) -> None:
    settings = StudySettings("Which?", seed=5, kind=kind, repeats=2, repeat_gap=3)
    analysis = analyse_simulated(settings, readers=6, sources=24)
    figures = {name: figure for name, draw in CHARTS.items() if (figure := draw(analysis)) is not None}
    assert set(figures) == names and {figure.layout.height for figure in figures.values()} == {HEIGHT}
    found = analysis["choices"]["arms"]["SNAP"]["right"]["over_readers"] if kind == "B" else None
    found = found or analysis["detection"]["arms"]["SNAP"]["auc"]
    (mark,) = [trace for trace in figures["arms"].data if trace.name == "SNAP"]
    assert mark.x[0] == found["estimate"]
    assert mark.x[0] + mark.error_x.array[0] == pytest.approx(found["interval"][1])
    assert mark.x[0] - mark.error_x.arrayminus[0] == pytest.approx(found["interval"][0])


def test_a_matrix_is_drawn_where_half_of_it_is_filled() -> None:
    def pair(first: str, second: str) -> dict:
        return {
            "first": first,
            "second": second,
            "pictures": 8,
            "counts": [[3, 1], [1, 3]],
            "cohen": {"kappa": 0.5},
        }

    few, more = [pair("A", "B"), pair("C", "D")], [pair("A", "B"), pair("B", "C"), pair("C", "D")]
    assert not has_agreement_matrix({"agreement": {"altered": {"pairs": few}}})
    assert not has_agreement_matrix({"agreement": {"altered": {"pairs": few[:1]}}})
    filled = {"agreement": {"altered": {"pairs": more}}}
    assert has_agreement_matrix(filled) and not has_agreement_matrix({"agreement": {}})
    figure = agreement_chart(filled)
    assert (
        figure is not None
        and figure.data[0].text[0][1] == "0.50<br>6 of 8"
        and figure.data[0].z[0][3] is None
    )
