"""Alternatives to a run in the app: made in the background, found again, shown, opened in the viewer."""

from dataclasses import replace

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

from snapgui.engine.settings import AttackSettings
from snapgui.progress import drain
from snapgui.runs.alternatives import plan_alternatives
from snapgui.runs.alternatives_store import read_alternatives
from snapgui.runs.records import RunRequest
from snapgui.runs.run import run_snap
from snapgui.runs.store import delete_run, save_run
from snapgui.ui import resources
from snapgui.ui.result import alternatives_job
from snapgui.ui.result.charts import FAMILY_LOOKS, MatchedPoint, matched_chart

COUNT = len(plan_alternatives(AttackSettings()))


@pytest.fixture
def saved(app, tiny_victim, stained_patch):
    """A run that reached its goal."""
    pixels = stained_patch(1, 188)
    mask = np.zeros((96, 96), bool)
    mask[5:35, 5:35] = True
    result = drain(
        run_snap(
            tiny_victim,
            RunRequest(pixels, mask, AttackSettings(steps=60), image_name="kept.png", true_class=1),
        )
    )
    assert result.success
    save_run(result)
    return result


@pytest.fixture
def runs_page(app, page, saved) -> AppTest:
    """The Runs page with the fold of alternatives open."""
    app.run().session_state["saved-others"] = True
    app.session_state["saved-measured"] = True
    return app.switch_page(page("runs")).run()


def job_of(run_id: str) -> str:
    registry = resources.registry()
    (job,) = [job for job in registry._jobs.values() if job.kind.endswith(run_id)]
    return job.job_id


def compare(app: AppTest, run_id: str, wait_for_job) -> AppTest:
    app.button(key="saved-alternatives").click().run()
    wait_for_job(job_of(run_id))
    return app.run()


def test_alternatives_are_made_in_the_background_kept_and_opened(
    runs_page, saved, text_of, wait_for_job
) -> None:
    app = compare(runs_page, saved.run_id, wait_for_job)
    text = text_of(app)
    made = read_alternatives(saved.run_id, saved.request.attack)
    assert len(made) >= COUNT - 1 and all(
        f"{place} {one.words}" in text for place, one in enumerate(made, start=1)
    )
    assert "click a point to open its picture" in text and "Shown in place of" not in text
    square = next(one for one in made if one.name == "square")
    before = app.table[0].value.iloc[0, 1]
    app.button(key="saved-open-square").click().run()
    assert f"Shown in place of this run's picture: **{square.words}**" in text_of(app)
    assert app.table[0].value.iloc[0, 1] == f"{square.visibility.regions['mask'].de00.mean:.1f}" != before
    app.button(key="saved-back").click().run()
    assert app.table[0].value.iloc[0, 1] == before

    again = AppTest.from_file(app._script_path, default_timeout=30)
    again.run().session_state["saved-others"] = True
    assert "One square, any colour" in text_of(again.switch_page("runs.py").run()), "kept beside the run"


def test_stop_keeps_what_is_finished_and_the_rest_can_be_made(
    runs_page, saved, text_of, wait_for_job, monkeypatch
) -> None:
    keep, kept = alternatives_job.keep_alternative, []

    def keep_and_stop(run_id, one):
        keep(run_id, one)
        kept.append(one.name)
        if len(kept) == 2:
            resources.registry().cancel(job_of(run_id))

    monkeypatch.setattr(alternatives_job, "keep_alternative", keep_and_stop)
    app = compare(runs_page, saved.run_id, wait_for_job)
    assert (
        [one.name for one in read_alternatives(saved.run_id, saved.request.attack)]
        == kept
        == ["snap-range", "snap-percentile"]
    )
    assert app.button(key="saved-alternatives").label == "Make the rest" and "1 SNAP, full range" in text_of(
        app
    )


def test_a_deleted_run_is_told_and_does_not_come_back(
    runs_page, saved, text_of, wait_for_job, monkeypatch
) -> None:
    delete = delete_run
    start = resources.registry().submit
    monkeypatch.setattr(
        resources.registry(), "submit", lambda *args, **more: (delete(saved.run_id), start(*args, **more))[1]
    )
    runs_page.button(key="saved-alternatives").click().run()
    job = job_of(saved.run_id)
    wait_for_job(job)
    assert "not in the workspace any more" in resources.registry().snapshot(job).error
    assert read_alternatives(saved.run_id, saved.request.attack) == []


def test_another_model_is_told_and_nothing_is_offered(app, page, tiny_victim, stained_patch, text_of) -> None:
    pixels = stained_patch(1, 190)
    result = drain(
        run_snap(
            tiny_victim,
            RunRequest(pixels, pixels[..., 0] < 120, AttackSettings(steps=2), image_name="kept.png"),
        )
    )
    save_run(replace(result, model_sha256="cd" * 32, model_name="former"))
    app.run().session_state["saved-others"] = True
    text = text_of(app.switch_page(page("runs")).run())
    assert "made with the model former (cdcdcdcdcd); loaded is tiny (ababababab)" in text
    assert not [button for button in app.button if button.label == "Compare with other attacks"]


def test_the_frontier_has_a_series_a_family_and_names_its_points() -> None:
    points = [
        MatchedPoint(f"one-{family}", place, family, family, x=place * 2.0, y=place / 10, area=0.05)
        for place, family in enumerate(FAMILY_LOOKS, start=1)
    ]
    figure = matched_chart(points, goal=0.95, x_title="visibility", y_title="normal")
    assert [trace.name for trace in figure.data] == list(FAMILY_LOOKS) and figure.layout.shapes[
        0
    ].y0 == pytest.approx(95)
    assert [trace.customdata[0][0] for trace in figure.data] == [point.name for point in points]
    assert [trace.x[0] for trace in figure.data] == [2, 4, 6, 8, 10] and [
        trace.y[0] for trace in figure.data
    ] == pytest.approx([10, 20, 30, 40, 50])
    assert len({(look[1]) for look in FAMILY_LOOKS.values()}) == len(FAMILY_LOOKS), (
        "told apart without colour"
    )
