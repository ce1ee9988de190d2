"""The panel of a background job: found again, followed, stopped, never one of another kind."""

import threading

import pytest
from streamlit.testing.v1 import AppTest

from snapgui.ui import resources
from snapgui.ui.jobs import KEPT_JOBS, Registry, Snapshot
from snapgui.ui.parts.job import stage_words


def panel() -> None:
    import streamlit as st

    from snapgui.ui.parts.job import show_job
    from snapgui.ui.state import init_state

    init_state()
    show_job(
        "folder",
        lambda job: st.markdown(f"at {job.progress}"),
        lambda result: st.markdown(f"gave {result}"),
        stop_help="",
        stopped="stopped before it began",
        lost="lost",
    )


@pytest.fixture
def registry(monkeypatch) -> Registry:
    fresh = Registry()
    monkeypatch.setattr(resources, "registry", lambda: fresh)
    return fresh


def open_panel(**address: str) -> AppTest:
    page = AppTest.from_function(panel, default_timeout=30)
    for name, value in address.items():
        page.query_params[name] = value
    return page.run()


def words(page: AppTest) -> list[str]:
    assert not page.exception, page.exception
    return [part.value for part in (*page.markdown, *page.info, *page.error)]


def test_whoever_opens_the_page_sees_the_job_at_work_and_may_stop_it(registry, wait_for_job) -> None:
    seen = threading.Event()

    def work(handle):
        handle.report(3)
        seen.set()
        while not handle.stop():
            seen.wait(0.01)
        return "the rest"

    job_id = registry.submit("folder", "set", work)
    assert seen.wait(5)
    page = open_panel()
    assert words(page) == ["at 3"] and page.query_params["folder"] == job_id
    page.button(key="stop-folder").click().run()
    wait_for_job(job_id)
    assert words(page.run()) == ["gave the rest"] and not page.button
    assert words(open_panel(folder=job_id)) == ["gave the rest"]
    assert words(open_panel()) == [], "what ended for another is no concern of this page"


def test_a_job_of_another_kind_or_unknown_is_told_and_leaves_the_address(registry, wait_for_job) -> None:
    other = registry.submit("audit", "set", lambda handle: "an audit")
    wait_for_job(other)
    for named in (other, "20200101-000000-abcdef", "../../etc"):
        page = open_panel(folder=named)
        assert words(page) == ["lost"] and "folder" not in page.query_params
        assert words(page.run()) == ["lost"]
    assert words(open_panel(folder="")) == []


def test_how_a_job_ended(registry, wait_for_job) -> None:
    go = threading.Event()
    first = registry.submit("audit", "set", lambda handle: go.wait(5))
    waiting = registry.submit("folder", "set", lambda handle: "never")
    registry.cancel(waiting)
    page = open_panel(folder=waiting)
    assert words(page) == ["stopped before it began"]
    go.set()
    wait_for_job(first)
    failed = registry.submit("folder", "set", lambda handle: 1 / 0)
    wait_for_job(failed)
    page = open_panel(folder=failed)
    assert "fault inside the program" in words(page)[0]
    for _ in range(KEPT_JOBS + 2):
        last = registry.submit("audit", "set", lambda handle: 1)
    wait_for_job(last)
    registry.submit("audit", "set", lambda handle: 1)
    assert words(page.run()) == ["lost"]


def test_where_a_job_stands_in_words() -> None:
    def at(state, progress=None):
        job = Snapshot("id", "folder", "set", state, progress=progress)
        return stage_words(job, lambda now: f"{now} done", starting="Starting", unit="batch")

    assert at("queued") == "Waiting for the work before it to end" and at("running") == "Starting"
    assert at("running", 4) == "4 done" and at("cancelling", 4) == "Stopping after this batch. 4 done"
