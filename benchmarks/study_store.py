"""Readers who answer all at once while the programs that serve them are killed: is any answer lost, or kept
twice?

Each process serves its share of the readers, one trial after another, as the app does: what is the next
trial, keep the answer, say that it is kept. Several times in between all processes (or with ``--one`` one of
them) get SIGKILL; others take over and first send the last answer of every reader again, as a browser does
that never heard of it. At the end every reader must have every answer once, with the content that was sent.

    python benchmarks/study_store.py
    SNAP_TEST_DATABASE_URL=postgresql+psycopg://... python benchmarks/study_store.py --postgresql
"""

import argparse
import hashlib
import json
import multiprocessing
import os
import select as ready
import signal
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from multiprocessing.process import BaseProcess
from pathlib import Path

import numpy as np
from sqlalchemy import create_engine, func, make_url, select, text

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from benchmarks.results import provenance, table, write_section
from snapgui.study.design.freeze import freeze
from snapgui.study.design.settings import StudySettings
from snapgui.study.design.study import make_study
from snapgui.study.records import CHOICES, SHAM, SNAP, UNTOUCHED, Response, Stimulus, StudyError, Trial
from snapgui.study.store.store import StudyStore, open_store
from snapgui.study.store.tables import ResponseRow

REPEATS = 6
# A forked process starts at once; nothing of the store is open when it does.
FORK = multiprocessing.get_context("fork")


@dataclass(frozen=True)
class Figures:
    """What came out. ``resent`` answers were sent again and not kept again; ``unheard`` were kept, but the
    word of it was killed.
    """

    database: str
    readers: int
    trials: int
    processes: int
    kills: int
    seconds: float
    answers_per_s: float
    lost: int
    doubled: int
    wrong: int
    resent: int
    unheard: int


def answer_of(reader: int, trial: Trial) -> Response:
    """What a reader says in a trial: the same whenever it is asked."""
    rating = 1 + (7 * reader + trial.index) % 6
    words = CHOICES[trial.question]
    return Response(
        trial.index,
        words[rating > 3],
        rating,
        float(reader),
        float(trial.index),
        400.0 + trial.index,
        comment=f"r{reader}",
    )


def serve(url: str, readers: list[tuple[int, str]], pipe: int) -> None:
    """Let some readers answer, a trial each in turn, until all have ended; one line to the pipe for each kept
    answer.
    """
    store = open_store(url)
    sessions = {
        number: store.begin(pseudonym) for number, pseudonym in readers if not _ended(store, pseudonym)
    }
    for number, session in sessions.items():
        following = store.next_trial(session.id)
        last = following.index - 1 if following else len(session.trials) - 1
        if last >= 0 and not store.record(session.id, answer_of(number, session.trials[last])):
            os.write(pipe, f"{number} {last} again\n".encode())
    while sessions:
        for number, session in list(sessions.items()):
            trial = store.next_trial(session.id)
            if trial is None:
                del sessions[number]
            elif store.record(session.id, answer_of(number, trial)):
                os.write(pipe, f"{number} {trial.index} new\n".encode())
    store.close()


def _ended(store: StudyStore, pseudonym: str) -> bool:
    """Whether a reader has answered all: then no session begins."""
    try:
        store.begin(pseudonym)
    except StudyError as error:
        if "All sessions" in str(error):
            return True
        raise
    return False


def run(
    url: str, folder: Path, *, readers: int, trials: int, processes: int, kills: int, one: bool, seed: int = 0
) -> Figures:
    """Make the study, let the readers answer, kill, count."""
    store = open_store(url)
    name = store.create_study(_freeze(folder, trials))
    pseudonyms = [store.enrol(name).pseudonym for _ in range(readers)]
    backend = store.engine.dialect.name
    store.close()
    shares = [[(i, pseudonyms[i]) for i in range(w, readers, processes)] for w in range(processes)]
    receive, send = os.pipe()

    def start(w: int) -> BaseProcess:
        process = FORK.Process(target=serve, args=(url, shares[w], send))
        process.start()
        return process

    rng = np.random.default_rng(seed)
    begin = time.perf_counter()
    working = [start(w) for w in range(processes)]
    heard: list[tuple[int, int, str]] = []
    rest, killed, fresh = "", 0, 0
    while any(process.is_alive() for process in working) or _waiting(receive):
        if not _waiting(receive, 0.05):
            continue
        *lines, rest = (rest + os.read(receive, 1 << 16).decode()).split("\n")
        heard += [(int(number), int(index), word) for number, index, word in map(str.split, lines)]
        fresh += sum(line.endswith("new") for line in lines)
        if killed < kills and fresh >= (killed + 1) * readers * trials / (kills + 1):
            killed += 1
            for w in [int(rng.integers(processes))] if one else range(processes):
                os.kill(working[w].pid or 0, signal.SIGKILL) if working[w].is_alive() else None
                working[w].join()
                working[w] = start(w)
    seconds = time.perf_counter() - begin
    failed = [process.exitcode for process in working if process.exitcode]
    if failed:
        raise SystemExit(f"A process ended with {failed[0]}, see above.")
    return _count(
        url,
        name,
        pseudonyms,
        heard,
        Figures(
            backend, readers, trials, processes, killed, seconds, readers * trials / seconds, 0, 0, 0, 0, 0
        ),
    )


def _count(
    url: str, name: str, pseudonyms: list[str], heard: list[tuple[int, int, str]], figures: Figures
) -> Figures:
    """Compare what is in the store with what was sent and confirmed."""
    store = open_store(url)
    kept = {session.reader.pseudonym: (session, answers) for session, answers in store.sessions(name)}
    lost = wrong = 0
    for number, pseudonym in enumerate(pseudonyms):
        session, answers = kept[pseudonym]
        given = {answer.response.trial_index: answer.response for answer in answers}
        lost += sum(trial.index not in given for trial in session.trials)
        wrong += sum(
            trial.index in given and given[trial.index] != answer_of(number, trial)
            for trial in session.trials
        )
    with store.engine.connect() as connection:
        rows = connection.scalar(select(func.count()).select_from(ResponseRow)) or 0
    store.close()
    new = [(number, index) for number, index, word in heard if word == "new"]
    doubled = rows - figures.readers * figures.trials + lost + len(new) - len(set(new))
    resent = sum(word == "again" for _, _, word in heard)
    return Figures(
        **{
            **asdict(figures),
            "lost": lost,
            "doubled": doubled,
            "wrong": wrong,
            "resent": resent,
            "unheard": rows - len(set(new)),
        }
    )


def _waiting(pipe: int, seconds: float = 0.0) -> bool:
    return bool(ready.select([pipe], [], [], seconds)[0])


def _freeze(folder: Path, trials: int) -> Path:
    """A frozen study of blank pictures whose sessions have so many trials."""
    picture = b"a picture"
    stimuli, files = [], {}
    for source in range(trials - REPEATS):
        for arm in (UNTOUCHED, SNAP, SHAM):
            one = Stimulus(
                hashlib.sha256(f"{source}{arm.name}".encode()).hexdigest()[:16], f"s{source}", arm, source % 2
            )
            one.files[one.picture] = hashlib.sha256(picture).hexdigest()
            files[one.picture] = picture
            stimuli.append(one)
    freeze(make_study(stimuli, StudySettings("Store", 1, repeats=REPEATS)), files, folder)
    return folder


@contextmanager
def own_schema(given: str) -> Iterator[str]:
    """The address of an empty schema in a PostgreSQL, gone afterwards."""
    url = make_url(given).set(drivername="postgresql+psycopg")
    schema = f"snap_benchmark_{os.getpid()}"
    engine = create_engine(url, isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        connection.execute(text(f"CREATE SCHEMA {schema}"))
    try:
        engine.dispose()
        yield url.update_query_dict({"options": f"-csearch_path={schema}"}).render_as_string(
            hide_password=False
        )
    finally:
        with engine.connect() as connection:
            connection.execute(text(f"DROP SCHEMA {schema} CASCADE"))
        engine.dispose()


def main() -> int:
    """Run it and print the figures; 1 if an answer was lost, doubled or changed."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--readers", type=int, default=200)
    parser.add_argument("--trials", type=int, default=60)
    parser.add_argument("--processes", type=int, default=8)
    parser.add_argument("--kills", type=int, default=10)
    parser.add_argument("--one", action="store_true", help="kill one process at a time instead of all")
    parser.add_argument(
        "--postgresql",
        action="store_true",
        help="in a schema of its own of SNAP_TEST_DATABASE_URL, else SQLite",
    )
    parser.add_argument("--write", action="store_true", help="write the section into RESULTS.md")
    args = parser.parse_args()
    options = {name: getattr(args, name) for name in ("readers", "trials", "processes", "kills", "one")}
    with tempfile.TemporaryDirectory() as scratch:
        if args.postgresql:
            with own_schema(os.environ["SNAP_TEST_DATABASE_URL"]) as url:
                figures = run(url, Path(scratch) / "study", **options)
        else:
            figures = run(f"sqlite:///{Path(scratch) / 'studies.db'}", Path(scratch) / "study", **options)
    print(json.dumps(asdict(figures)))
    if args.write:
        rows = [
            (name.replace("_", " "), f"{value:.1f}" if isinstance(value, float) else value)
            for name, value in asdict(figures).items()
        ]
        body = f"{table(('what', 'figure'), rows)}\n\n{provenance(sys.argv, {'cores': str(os.cpu_count())})}"
        write_section(
            f"study store {figures.database}",
            f"The store of reader studies under fire ({figures.database})",
            body,
        )
    return int(bool(figures.lost or figures.doubled or figures.wrong))


if __name__ == "__main__":
    sys.exit(main())
