"""Where studies are kept: SQLite in the workspace, or PostgreSQL by SNAP_DATABASE_URL; brought to the newest
tables when opened.
"""

import os
import sqlite3
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, Engine, create_engine, event, make_url, text
from sqlalchemy.exc import (
    ArgumentError,
    DatabaseError,
    DataError,
    IntegrityError,
    InterfaceError,
    NotSupportedError,
    ProgrammingError,
)
from sqlalchemy.exc import TimeoutError as PoolTimeoutError
from sqlalchemy.orm import Session

from snapgui.study.records import StoreError, StudyError

MIGRATIONS = Path(__file__).parent / "migrations"
WAIT_S = 30
_MIGRATION_LOCK = 5_374_915_021  # any number that no other program of the database uses


def database_url() -> str:
    """SNAP_DATABASE_URL, or the SQLite file of the workspace."""
    if given := os.environ.get("SNAP_DATABASE_URL"):
        return given
    from snapgui.workspace import workspace

    return f"sqlite:///{workspace() / 'studies.db'}"


def connect(url: str | None = None) -> Engine:
    """An engine for a database whose tables are the newest.

    SQLite writes ahead (WAL), waits for the disk at every commit (``synchronous=FULL``) and takes its write
    lock at the beginning of a transaction, waiting up to 30 s for another writer. Its file must lie on a disk
    of this machine: for several machines use PostgreSQL.

    Raises:
        StudyError: no such database, or a newer version has made its tables.
    """
    try:
        address = make_url(url or database_url())
        if address.drivername in ("postgres", "postgresql"):
            address = address.set(drivername="postgresql+psycopg")
        if address.get_backend_name() not in ("sqlite", "postgresql"):
            raise StudyError(
                f"Studies are kept in SQLite or PostgreSQL, not in {address.get_backend_name()}. "
                "Change SNAP_DATABASE_URL."
            )
        if address.get_backend_name() == "sqlite":
            engine = create_engine(address, connect_args={"timeout": WAIT_S})
            event.listen(engine, "connect", _prepare_sqlite)
            event.listen(engine, "begin", _begin_sqlite)
        else:
            engine = create_engine(address, pool_pre_ping=True)
        _migrate(engine)
    except ArgumentError as error:
        raise StudyError(
            "SNAP_DATABASE_URL is not the address of a database, such as "
            "postgresql://user@host/name. Correct it."
        ) from error
    except DatabaseError as error:
        raise StudyError(
            f"The database of studies cannot be opened ({str(error.orig).strip()}). Check "
            "SNAP_DATABASE_URL or the workspace."
        ) from error
    return engine


def _prepare_sqlite(connection: Any, _record: Any) -> None:
    # Transactions are begun below, by word; the driver's own habit would begin them too late.
    connection.isolation_level = None
    for pragma in (f"busy_timeout={WAIT_S * 1000}", "synchronous=FULL", "foreign_keys=ON"):
        connection.execute(f"PRAGMA {pragma}")
    # Where several open a new file at once, SQLite refuses this change at once instead of waiting as it does
    # elsewhere.
    last = time.monotonic() + WAIT_S
    while True:
        try:
            connection.execute("PRAGMA journal_mode=WAL")
            return
        except sqlite3.OperationalError as error:
            if not error.sqlite_errorname.startswith("SQLITE_BUSY") or time.monotonic() > last:
                raise
            time.sleep(0.01)


def _begin_sqlite(connection: Connection) -> None:
    connection.exec_driver_sql(
        "BEGIN" if connection.get_execution_options().get("reading") else "BEGIN IMMEDIATE"
    )


@contextmanager
def database_session(engine: Engine, *, reading: bool = False, clash: str = "") -> Iterator[Session]:
    """A transaction that is kept when the block ends, or not at all; ``reading`` takes no lock of a writer.

    Raises:
        StudyError: with ``clash``, where another program wrote the same row at that moment.
        StoreError: the database is locked, its disk is full, or it cannot be reached.
    """
    try:
        if reading:
            with Session(engine.execution_options(reading=True)) as session:
                yield session
        else:
            with Session(engine) as session, session.begin():
                yield session
    except IntegrityError as error:
        raise StudyError(
            clash or "Another program wrote the same row at the same moment. Try again."
        ) from error
    except (DataError, ProgrammingError, NotSupportedError):
        raise
    except (DatabaseError, InterfaceError, PoolTimeoutError) as error:
        raise StoreError(_trouble_words(str(getattr(error, "orig", None) or error).strip())) from error


def _trouble_words(said: str) -> str:
    """What a database's complaint means for whoever asked it for something."""
    if "full" in said or "No space left" in said:
        return (
            "The disk of the database of studies is full, so this could not be kept. Nothing that was kept "
            "before is lost. Make room on that disk, or tell the one who runs the study; then try again."
        )
    if "locked" in said or "QueuePool" in said or "lock timeout" in said:
        return (
            "Another program keeps the database of studies busy, so this could not be kept or read. Nothing "
            "that was kept before is lost. Wait a moment, then try again."
        )
    return (
        f"The database of studies does not answer ({said[:120]}). Nothing that was kept before is lost. "
        "Check its disk or its server, or tell the one who runs the study; then try again."
    )


def alembic_config(connection: Connection | None = None) -> Config:
    """Alembic's settings, without a file."""
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS).replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    config.attributes["connection"] = connection
    return config


def _migrate(engine: Engine) -> None:
    script = ScriptDirectory.from_config(alembic_config())
    with engine.connect().execution_options(reading=True) as connection:
        found = MigrationContext.configure(connection).get_current_heads()
    if found == tuple(script.get_heads()):
        return
    unknown = set(found) - {revision.revision for revision in script.walk_revisions()}
    if unknown:
        raise StudyError(
            f"The database of studies is of a newer version ({', '.join(unknown)}). Update SNAP "
            "Studio, or use another database."
        )
    with engine.begin() as connection:
        # Of two programs that open at once, the second waits and finds nothing to do.
        if engine.dialect.name == "postgresql":
            connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": _MIGRATION_LOCK})
        command.upgrade(alembic_config(connection), "head")
