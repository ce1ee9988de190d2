"""Background work: one worker thread for the whole process, jobs found again by id. No Streamlit in here."""

import logging
import queue
import threading
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol

from snapgui.errors import SnapError, refused
from snapgui.runs.run import new_run_id

JobState = Literal["queued", "running", "cancelling", "cancelled", "done", "failed"]
ACTIVE: tuple[JobState, ...] = ("queued", "running", "cancelling")
KEPT_JOBS = 20
CALM_ERROR = (
    "The work ended because of a fault inside the program; what you chose is still there. "
    "Try again; if it happens twice, report it with the last lines of the terminal."
)
log = logging.getLogger("snapgui.jobs")


@dataclass(frozen=True)
class Snapshot:
    """A job at one moment; nothing in it changes afterwards.

    Attributes:
        kind: ``attack``, ``audit``, ``study``, ``folder``, or ``alternatives`` with the run that they are of.
        label: for people, for instance the image's name.
        topic: what the job is about (an attack's request).
        progress: the last report.
        history: what was recorded at each report, oldest first.
        result: what the work returned; also there after a cancel that kept the best so far.
        error: one sentence, where it failed.
        settled: whether nothing of it is left to do, keeping the result included.
        brief: says in a few words how far a progress is, for the line on every page.
    """

    job_id: str
    kind: str
    label: str
    state: JobState
    topic: Any = None
    progress: Any = None
    history: tuple[Any, ...] = ()
    result: Any = None
    error: str = ""
    settled: bool = False
    brief: Callable[[Any], str] | None = None

    @property
    def active(self) -> bool:
        """Whether it still waits or works."""
        return self.state in ACTIVE


@dataclass
class _Job:
    job_id: str
    kind: str
    label: str
    work: Callable[["Handle"], Any]
    keep: Callable[[Any], Any] | None
    topic: Any
    brief: Callable[[Any], str] | None = None
    state: JobState = "queued"
    progress: Any = None
    history: list[Any] = field(default_factory=list)
    result: Any = None
    error: str = ""
    settled: bool = False
    cancel: threading.Event = field(default_factory=threading.Event)

    def snapshot(self) -> Snapshot:
        """The job as it stands; the caller holds the registry's lock."""
        return Snapshot(
            self.job_id,
            self.kind,
            self.label,
            self.state,
            self.topic,
            self.progress,
            tuple(self.history),
            self.result,
            self.error,
            self.settled,
            self.brief,
        )


class Report(Protocol):
    """Tell how far the work is, and what of it goes into the history."""

    def __call__(self, progress: Any, record: Any = None) -> None: ...


@dataclass(frozen=True)
class Handle:
    """What the work sees of its own job."""

    job_id: str
    report: Report
    stop: Callable[[], bool]


class Registry:
    """All jobs of the process. Every method may be called from any thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._jobs: OrderedDict[str, _Job] = OrderedDict()
        self._queue: queue.Queue[_Job] = queue.Queue()
        threading.Thread(target=self._serve, name="snap-worker", daemon=True).start()

    def submit(
        self,
        kind: str,
        label: str,
        work: Callable[[Handle], Any],
        *,
        keep: Callable[[Any], Any] | None = None,
        topic: Any = None,
        job_id: str | None = None,
        brief: Callable[[Any], str] | None = None,
    ) -> str:
        """Queue some work and give its id; the work gets a `Handle` and returns its result.

        ``keep`` is then called with the result, which people see already, and returns what replaces it.
        ``job_id`` is a name from `new_run_id`, where the caller has one already.
        """
        job = _Job(job_id or new_run_id(), kind, label, work, keep, topic, brief)
        with self._lock:
            self._jobs[job.job_id] = job
            self._forget_old()
        self._queue.put(job)
        return job.job_id

    def snapshot(self, job_id: str | None) -> Snapshot | None:
        """The job as it stands, or None if this process does not know it."""
        with self._lock:
            job = self._jobs.get(job_id or "")
            return None if job is None else job.snapshot()

    def active(self) -> list[Snapshot]:
        """The jobs that wait or work, whoever started them, the oldest first."""
        with self._lock:
            return [job.snapshot() for job in self._jobs.values() if job.state in ACTIVE]

    def cancel(self, job_id: str) -> None:
        """Ask a job to stop: at once if it waits, after its present step if it works."""
        with self._lock:
            job = self._jobs.get(job_id)
            if job is None or job.state not in ACTIVE:
                return
            job.cancel.set()
            job.state = "cancelled" if job.state == "queued" else "cancelling"
            job.settled = job.state == "cancelled"

    def _forget_old(self) -> None:
        ended = [job_id for job_id, job in self._jobs.items() if job.state not in ACTIVE]
        for job_id in ended[: max(0, len(self._jobs) - KEPT_JOBS)]:
            del self._jobs[job_id]

    def _serve(self) -> None:
        while True:
            job = self._queue.get()
            with self._lock:
                if job.state != "queued":
                    continue
                job.state = "running"
            self._work(job)
            self._keep(job)

    def _work(self, job: _Job) -> None:
        def report(progress: Any, record: Any = None) -> None:
            with self._lock:
                job.progress = progress
                if record is not None:
                    job.history.append(record)

        result, error = None, ""
        try:
            result = job.work(Handle(job.job_id, report, job.cancel.is_set))
        except SnapError as known:
            error = str(known)
        except OSError as refusal:
            log.exception("job %s (%s) failed", job.job_id, job.kind)
            error = f"{refused(refusal)}. Check the name, the rights and the space there, then try again."
        except Exception:
            log.exception("job %s (%s) failed", job.job_id, job.kind)
            error = CALM_ERROR
        with self._lock:
            job.result, job.error = result, error
            job.state = "failed" if error else "cancelled" if job.cancel.is_set() else "done"

    def _keep(self, job: _Job) -> None:
        result = job.result
        if job.keep is not None and not job.error:
            try:
                result = job.keep(result)
            except Exception:
                log.exception("the result of job %s (%s) was not kept", job.job_id, job.kind)
        with self._lock:
            job.result, job.settled = result, True
