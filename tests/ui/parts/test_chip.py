"""The line on every page that tells what is at work."""

import threading

from snapgui.ui import resources
from snapgui.ui.jobs import Registry


def test_every_page_tells_what_works_and_what_waits(app, text_of, page, wait_for_job, monkeypatch):
    jobs, go = Registry(), threading.Event()
    monkeypatch.setattr(resources, "registry", lambda: jobs)

    def work(handle):
        handle.report(3)
        go.wait(20)

    first = jobs.submit("folder", "slides", work, brief=lambda done: f"{done} of 9 patches, 5 s left")
    second = jobs.submit("audit", "camelyon", lambda handle: None)
    text = text_of(app.switch_page(page("analysis")).run())
    assert "**Audit** of camelyon: waits, place 1 in the queue" in text
    text = text_of(app.switch_page(page("runs")).run())
    assert "**Prediction** of slides: 3 of 9 patches, 5 s left" in text
    app.button(key=f"chip-stop-{second}").click().run()
    assert jobs.snapshot(second).state == "cancelled" and "camelyon" not in text_of(app)
    go.set()
    wait_for_job(first)
    assert "Prediction" not in text_of(app.run())
