import datetime
import os
import signal
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy import event, func, select, text
from sqlalchemy.exc import IntegrityError

from snapgui.study.design.freeze import DESIGN_FILE
from snapgui.study.records import CHOICES, ReaderSession, Response, StoreError, StudyError, Trial
from snapgui.study.store import database as database_module
from snapgui.study.store.deletion import delete_study
from snapgui.study.store.store import StudyStore, open_store
from snapgui.study.store.tables import Base, ReaderRow, ResponseRow

ROOT = Path(__file__).resolve().parents[3]


def answer(trial: Trial, rating: int = 2, **more) -> Response:
    return Response(trial.index, CHOICES[trial.question][rating > 3], rating, reaction_ms=512.5, **more)


def answer_all(store: StudyStore, session_id: str) -> int:
    count = 0
    while (trial := store.next_trial(session_id)) is not None:
        assert store.record(session_id, answer(trial, 1 + trial.index % 6))
        count += 1
    return count


def test_tables_and_migrations_agree(store: StudyStore) -> None:
    with store.engine.connect() as connection:
        assert (
            compare_metadata(
                MigrationContext.configure(connection, opts={"compare_type": True}), Base.metadata
            )
            == []
        )


def test_opening_again_and_by_many_at_once_changes_nothing(database: str) -> None:
    with ThreadPoolExecutor(4) as pool:
        stores = list(pool.map(lambda _: open_store(database), range(4)))
    for store in stores:
        assert store.studies() == []
        store.close()


def test_a_newer_database_is_left_alone(store: StudyStore, database: str) -> None:
    with store.engine.begin() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    with pytest.raises(StudyError, match="newer version"):
        open_store(database)


def test_where_studies_are_kept(monkeypatch, own_workspace) -> None:
    monkeypatch.delenv("SNAP_DATABASE_URL", raising=False)
    store = open_store()
    with store.engine.connect() as connection:
        assert connection.exec_driver_sql("PRAGMA journal_mode").scalar() == "wal"
        assert connection.exec_driver_sql("PRAGMA synchronous").scalar() == 2
        assert connection.exec_driver_sql("PRAGMA busy_timeout").scalar() == 30000
    store.close()
    assert (own_workspace / "studies.db").is_file()
    for url, words in (
        ("mysql://host/x", "not in mysql"),
        ("nonsense", "not the address"),
        ("sqlite:////no/such/place/x.db", "cannot be opened"),
    ):
        monkeypatch.setenv("SNAP_DATABASE_URL", url)
        with pytest.raises(StudyError, match=words):
            open_store()


def test_a_study_is_taken_in_once_and_whole(store: StudyStore, frozen_folder: Path, small_study) -> None:
    name = store.create_study(frozen_folder)
    assert store.create_study(frozen_folder) == name and store.studies() == [(name, "Which tissue?")]
    assert store.study(name) == small_study[0] and store.design(name) == (
        frozen_folder / DESIGN_FILE
    ).read_text(encoding="utf-8")
    with pytest.raises(StudyError, match="no study"):
        store.study("study-0")
    (frozen_folder / "stimuli" / small_study[0].stimuli[0].picture).write_bytes(b"")
    with pytest.raises(StudyError, match="was changed"):
        store.create_study(frozen_folder)


def test_readers_get_the_lists_in_turn_though_they_come_at_once(
    store: StudyStore, frozen_folder: Path
) -> None:
    name = store.create_study(frozen_folder)
    with ThreadPoolExecutor(6) as pool:
        readers = list(pool.map(lambda _: store.enrol(name), range(13)))
    assert sorted(reader.list_index for reader in readers) == sorted(i % 6 for i in range(13))
    assert len({reader.pseudonym for reader in readers}) == 13
    assert sorted(store.readers(name), key=lambda r: r.pseudonym) == sorted(
        readers, key=lambda r: r.pseudonym
    )


def test_a_session_goes_on_where_it_was(store: StudyStore, database: str, frozen_folder: Path) -> None:
    name = store.create_study(frozen_folder)
    reader = store.enrol(name)
    session = store.begin(reader.pseudonym)
    trials = store.study(name).lists[reader.list_index][0]
    for trial in trials[:3]:
        assert store.next_trial(session.id) == trial
        assert store.record(session.id, answer(trial))
    again = open_store(database)
    assert again.begin(reader.pseudonym.lower() + " ") == session and again.session(session.id) == session
    assert again.next_trial(session.id) == trials[3]
    assert answer_all(again, session.id) == len(trials) - 3 and again.next_trial(session.id) is None
    with pytest.raises(StudyError, match="All sessions"):
        again.begin(reader.pseudonym)
    with pytest.raises(StudyError, match="no reader"):
        again.begin("AAAA-AAAA")
    with pytest.raises(StudyError, match="no such session"):
        again.next_trial("0" * 32)
    again.close()


def test_an_answer_counts_once(store: StudyStore, frozen_folder: Path) -> None:
    session = store.begin(store.enrol(store.create_study(frozen_folder)).pseudonym)
    trial = session.trials[0]
    first = answer(trial, 5, click_x_px=3.25, click_y_px=0.1, comment="dark; =1+1")
    assert store.record(session.id, first) and not store.record(session.id, first)
    with pytest.raises(StudyError, match="answered otherwise"):
        store.record(session.id, answer(trial, 6))
    with pytest.raises(StudyError, match="not the next"):
        store.record(session.id, answer(session.trials[2]))
    with pytest.raises(StudyError, match="takes no or yes"):
        store.record(session.id, Response(1, "left", 2))
    ((_, kept),) = store.sessions(session.reader.study)
    assert [answer.response for answer in kept] == [first] and kept[0].answered.endswith("+00:00")


def test_sessions_wait_for_the_washout(store: StudyStore, two_session_folder: Path) -> None:
    clock = [datetime.datetime(2030, 1, 1, tzinfo=datetime.UTC)]
    store = StudyStore(store.engine, now=lambda: clock[0])
    reader = store.enrol(store.create_study(two_session_folder))
    first = store.begin(reader.pseudonym)
    answer_all(store, first.id)
    clock[0] += datetime.timedelta(days=13)
    with pytest.raises(StudyError, match="15 January 2030"):
        store.begin(reader.pseudonym)
    clock[0] += datetime.timedelta(days=1)
    second = store.begin(reader.pseudonym)
    assert (
        second.number == 1
        and second.trials != first.trials
        and store.next_trial(second.id) == second.trials[0]
    )


def test_reading_does_not_wait_for_a_writer(store: StudyStore, frozen_folder: Path) -> None:
    name = store.create_study(frozen_folder)
    with store._writing() as session:
        session.add(ReaderRow(pseudonym="A", study_id=name, number=0, list_index=0, enrolled=""))
        session.flush()
        begin = time.monotonic()
        assert store.readers(name) == [] and time.monotonic() - begin < 5
    assert len(store.readers(name)) == 1


def test_events_are_kept_in_order(store: StudyStore, frozen_folder: Path) -> None:
    session = store.begin(store.enrol(store.create_study(frozen_folder)).pseudonym)
    store.note(session.id, "consent")
    store.note(session.id, "display", {"pixels_per_degree": 41.5})
    assert store.events(session.id) == [("consent", {}), ("display", {"pixels_per_degree": 41.5})]
    with pytest.raises(StudyError, match="must be one of"):
        store.note(session.id, "lunch")


def test_nothing_is_changed_or_removed(store: StudyStore, frozen_folder: Path) -> None:
    session = store.begin(store.enrol(store.create_study(frozen_folder)).pseudonym)
    store.record(session.id, answer(session.trials[0]))
    store.note(session.id, "consent")
    columns = {
        "study": "title",
        "reader": "list_index",
        "session": "number",
        "response": "rating",
        "event": "kind",
    }
    deeds = [
        deed
        for table, column in columns.items()
        for deed in (f"UPDATE {table} SET {column} = {column}", f"DELETE FROM {table}")
    ]
    deeds.append(
        "INSERT OR REPLACE INTO response SELECT * FROM response"
        if store.engine.dialect.name == "sqlite"
        else "TRUNCATE study CASCADE"
    )
    for deed in deeds:
        with (
            pytest.raises(IntegrityError, match="never changed or removed"),
            store.engine.begin() as connection,
        ):
            connection.execute(text(deed))


def test_writers_at_once_lose_and_double_nothing(
    store: StudyStore, database: str, frozen_folder: Path
) -> None:
    """Two stores (as two programs have them) write for two readers each, and all four also repeat their
    answers.
    """
    name = store.create_study(frozen_folder)
    stores = [store, open_store(database)]
    sessions = [store.begin(store.enrol(name).pseudonym).id for _ in range(2)]
    new, lock = [], threading.Lock()

    def work(job: int) -> None:
        own, session_id = stores[job % 2], sessions[job // 2]
        for trial in own.session(session_id).trials:
            # Whoever comes second gives the same answer and is heard in silence.
            stored = own.record(session_id, answer(trial, 1 + trial.index % 6))
            with lock:
                new.append((session_id, trial.index, stored))

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(work, range(4)))
    expected = sorted((s, t.index) for s in sessions for t in store.session(s).trials)
    assert sorted((s, i) for s, i, stored in new if stored) == expected and len(new) == 2 * len(expected)
    with store.engine.connect() as connection:
        assert connection.scalar(select(func.count()).select_from(ResponseRow)) == len(expected)
    stores[1].close()


WRITER = """
import sys
from snapgui.study.records import CHOICES, Response
from snapgui.study.store.store import open_store
store = open_store(sys.argv[1])
session = store.begin(sys.argv[2])
while (trial := store.next_trial(session.id)) is not None:
    store.record(session.id, Response(trial.index, CHOICES[trial.question][0], 1))
    print(trial.index, flush=True)
"""


def test_a_killed_writer_leaves_every_answer_that_it_confirmed(
    store: StudyStore, database: str, frozen_folder: Path
) -> None:
    reader = store.enrol(store.create_study(frozen_folder))
    process = subprocess.Popen(
        [sys.executable, "-c", WRITER, database, reader.pseudonym],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        text=True,
        env=dict(os.environ),
    )
    assert process.stdout is not None
    confirmed = [int(process.stdout.readline()) for _ in range(3)]
    process.send_signal(signal.SIGKILL)
    confirmed += [int(line) for line in process.communicate()[0].splitlines() if line.strip()]
    time.sleep(0.05)
    ((session, kept),) = store.sessions(reader.study)
    assert [answer.response.trial_index for answer in kept][: len(confirmed)] == confirmed and len(
        kept
    ) <= len(confirmed) + 1
    following = store.next_trial(session.id)
    assert following is None or following.index == len(kept)
    assert answer_all(store, session.id) == len(session.trials) - len(kept)


def test_the_store_loads_without_the_engines_libraries() -> None:
    code = (
        "import sys, snapgui.study.store; print([m for m in ('torch', 'cv2', 'matplotlib', 'pandas') "
        "if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, timeout=120)
    assert done.stdout.strip() == "[]", done.stderr


def test_migrations_run_without_a_file_of_settings() -> None:
    assert database_module.alembic_config().get_main_option("script_location") == str(
        database_module.MIGRATIONS
    )


@pytest.fixture
def begun(frozen_folder: Path, tmp_path: Path, monkeypatch) -> Iterator[tuple[StudyStore, ReaderSession]]:
    """A session in SQLite, whose writers wait for a moment only."""
    monkeypatch.setattr(database_module, "WAIT_S", 0.1)
    store = open_store(f"sqlite:///{tmp_path / 'studies.db'}")
    yield store, store.begin(store.enrol(store.create_study(frozen_folder)).pseudonym)
    store.close()


def test_a_locked_database_is_one_sentence_and_loses_nothing(begun, tmp_path) -> None:
    store, session = begun
    store.record(session.id, answer(session.trials[0]))
    other = sqlite3.connect(tmp_path / "studies.db", isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    for deed in (
        lambda: store.record(session.id, answer(session.trials[1])),
        lambda: store.note(session.id, "consent"),
        lambda: store.enrol(session.reader.study),
        lambda: delete_study(store, session.reader.study),
    ):
        with pytest.raises(StoreError, match="keeps the database of studies busy.*is lost.*try again"):
            deed()
    other.execute("ROLLBACK")
    other.close()
    assert store.next_trial(session.id) == session.trials[1]
    assert store.record(session.id, answer(session.trials[1]))


def test_a_full_disk_is_one_sentence_and_loses_nothing(begun) -> None:
    store, session = begun
    store.record(session.id, answer(session.trials[0]))
    with store.engine.connect() as connection:
        pages = connection.exec_driver_sql("PRAGMA page_count").scalar_one()
    store.close()

    @event.listens_for(store.engine, "connect")
    def fill(connection, _record) -> None:
        connection.execute(f"PRAGMA max_page_count={pages}")

    def go_on() -> None:
        while (trial := store.next_trial(session.id)) is not None:
            store.record(session.id, answer(trial, comment="x" * 2000))

    with pytest.raises(StoreError, match="The disk of the database of studies is full.*is lost.*Make room"):
        go_on()
    assert store.next_trial(session.id).index >= 1, "what was kept is there"
    event.remove(store.engine, "connect", fill)
    store.close()
    following = store.next_trial(session.id)
    with store.engine.connect() as connection:
        connection.exec_driver_sql("PRAGMA max_page_count=1000000")
    assert store.record(session.id, answer(following))


def test_a_database_that_is_gone_is_one_sentence(begun, tmp_path) -> None:
    store, session = begun
    store.close()
    for file in tmp_path.glob("studies.db*"):
        file.write_bytes(b"no database at all" * 100)
    with pytest.raises(StoreError, match="does not answer .*Check its disk"):
        store.next_trial(session.id)
    with pytest.raises(StudyError, match="cannot be opened"):
        open_store(f"sqlite:///{tmp_path / 'studies.db'}")
