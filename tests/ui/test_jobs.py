"""The job registry: every state a job can reach, seen from outside."""

import threading
import time

import pytest

from snapgui.errors import MaskError
from snapgui.ui.jobs import CALM_ERROR, Registry, Snapshot


def wait(registry: Registry, job_id: str, *states: str) -> Snapshot:
    end = time.monotonic() + 5
    while time.monotonic() < end:
        snapshot = registry.snapshot(job_id)
        if snapshot is not None and snapshot.state in states:
            return snapshot
        time.sleep(0.005)
    raise AssertionError(f"never {states}, but {registry.snapshot(job_id)}")


def test_done_keeps_result_and_history():
    registry = Registry()

    def work(handle):
        for step in range(3):
            handle.report(step, f"record {step}")
        return "result"

    job_id = registry.submit("attack", "image", work, topic="request")
    snapshot = wait(registry, job_id, "done")
    assert snapshot.result == "result"
    assert snapshot.progress == 2
    assert snapshot.history == ("record 0", "record 1", "record 2")
    assert snapshot.topic == "request"
    assert not snapshot.active


def test_snapshot_does_not_change_afterwards():
    registry, seen, go = Registry(), threading.Event(), threading.Event()

    def work(handle):
        handle.report(1, "first")
        seen.set()
        go.wait(5)
        handle.report(2, "second")

    job_id = registry.submit("attack", "image", work)
    assert seen.wait(5)
    early = registry.snapshot(job_id)
    go.set()
    late = wait(registry, job_id, "done")
    assert early.history == ("first",) and early.state == "running"
    assert late.history == ("first", "second")


def test_cancel_keeps_the_best_so_far():
    registry, begun = Registry(), threading.Event()

    def work(handle):
        while not handle.stop():
            begun.set()
            time.sleep(0.001)
        return "best so far"

    job_id = registry.submit("attack", "image", work)
    assert begun.wait(5)
    registry.cancel(job_id)
    assert registry.snapshot(job_id).state in ("cancelling", "cancelled")
    snapshot = wait(registry, job_id, "cancelled")
    assert snapshot.result == "best so far"


def test_one_job_at_a_time_and_a_queued_one_can_be_cancelled():
    registry, go = Registry(), threading.Event()
    first = registry.submit("attack", "first", lambda handle: go.wait(5))
    second = registry.submit("attack", "second", lambda handle: "ran")
    third = registry.submit("attack", "third", lambda handle: "ran")
    wait(registry, first, "running")
    assert registry.snapshot(second).state == "queued"
    registry.cancel(second)
    assert registry.snapshot(second).state == "cancelled"
    go.set()
    assert wait(registry, third, "done").result == "ran"
    assert registry.snapshot(second).result is None


def test_a_users_error_is_told_as_it_stands():
    registry = Registry()

    def work(handle):
        raise MaskError("The mask is empty.")

    snapshot = wait(registry, registry.submit("attack", "image", work), "failed")
    assert snapshot.error == "The mask is empty."


def test_a_fault_is_told_calmly_and_logged(caplog: pytest.LogCaptureFixture):
    registry = Registry()

    def work(handle):
        return 1 / 0

    job_id = registry.submit("attack", "image", work)
    snapshot = wait(registry, job_id, "failed")
    assert snapshot.error == CALM_ERROR
    assert "ZeroDivisionError" not in snapshot.error
    assert "ZeroDivisionError" in caplog.text
    # The worker survives it.
    assert wait(registry, registry.submit("attack", "next", lambda handle: 7), "done").result == 7


def test_unknown_ids_and_forgotten_jobs():
    registry = Registry()
    assert registry.snapshot(None) is None
    assert registry.snapshot("20260101-000000-abcdef") is None
    registry.cancel("20260101-000000-abcdef")
    ids = [registry.submit("attack", "image", lambda handle: 1) for _ in range(3)]
    wait(registry, ids[-1], "done")
    more = [registry.submit("attack", "image", lambda handle: 1) for _ in range(30)]
    wait(registry, more[-1], "done")
    registry.submit("attack", "image", lambda handle: 1)
    assert registry.snapshot(ids[0]) is None
    assert registry.snapshot(more[-1]) is not None


def test_the_result_is_seen_while_it_is_being_kept():
    registry, go = Registry(), threading.Event()

    def keep(result):
        go.wait(5)
        return f"{result}, kept"

    job_id = registry.submit("attack", "image", lambda handle: "result", keep=keep)
    early = wait(registry, job_id, "done")
    assert early.result == "result" and not early.settled
    go.set()
    end = time.monotonic() + 5
    while not registry.snapshot(job_id).settled and time.monotonic() < end:
        time.sleep(0.005)
    assert registry.snapshot(job_id).result == "result, kept"


def test_a_fault_while_keeping_loses_nothing(caplog):
    registry = Registry()
    job_id = registry.submit("attack", "image", lambda handle: "result", keep=lambda result: 1 / 0)
    wait(registry, job_id, "done")
    assert wait(registry, registry.submit("attack", "next", lambda handle: 7), "done").result == 7
    assert registry.snapshot(job_id).result == "result" and registry.snapshot(job_id).settled
    assert "was not kept" in caplog.text
