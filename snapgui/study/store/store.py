"""The store of studies: designs, readers, sessions and answers, which are added, never changed, and deleted
only as a whole.
"""

import datetime
import json
import secrets
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import asdict
from pathlib import Path
from typing import Any

from sqlalchemy import Engine, func, select
from sqlalchemy.orm import Session

from snapgui.study.design.freeze import canonical_json, design_text, read_design, verify
from snapgui.study.design.study import Study
from snapgui.study.records import Answer, Reader, ReaderSession, Response, StudyError, Trial, check_response
from snapgui.study.store.database import connect, database_session
from snapgui.study.store.folders import study_name
from snapgui.study.store.sessions import answers_of, check_washout, count_answered, to_response
from snapgui.study.store.tables import DeletionRow, EventRow, ReaderRow, ResponseRow, SessionRow, StudyRow

EVENTS = ("consent", "display", "instructions", "shown", "break", "reloaded", "withdrawn")
# Without letters and digits that are taken for one another.
_LETTERS = "ABCDEFGHJKMNPQRTUVWXY346789"


def open_store(url: str | None = None) -> "StudyStore":
    """The store at an address, else at SNAP_DATABASE_URL, else in the workspace; tables are brought up to
    date.

    Raises:
        StudyError: it cannot be opened.
    """
    return StudyStore(connect(url))


class StudyStore:
    """Studies in a database.

    Safe for several threads and programs at once; every write is on disk when its call returns.
    """

    def __init__(self, engine: Engine, *, now: Callable[[], datetime.datetime] | None = None) -> None:
        self.engine = engine
        self._now = now or (lambda: datetime.datetime.now(datetime.UTC))
        self._studies: dict[str, Study] = {}

    def close(self) -> None:
        """Let go of the database."""
        self.engine.dispose()

    def create_study(self, folder: Path) -> str:
        """Take in the frozen design of a folder, pictures checked; gives its name.

        The same again changes nothing.

        Raises:
            StudyError: the folder is damaged, or the design was deleted before.
        """
        study, digest = verify(folder)
        name = study_name(digest)
        with self._writing() as session:
            gone = session.get(DeletionRow, name)
            if gone is not None:
                raise StudyError(
                    f"This design was deleted on {gone.deleted[:10]}, with {gone.responses} "
                    "answers. Make a new study; it gets another seed."
                )
            if session.get(StudyRow, name) is None:
                session.add(
                    StudyRow(
                        id=name,
                        sha256=digest,
                        title=study.settings.title,
                        design=design_text(study),
                        made=self._time(),
                    )
                )
        return name

    def studies(self) -> list[tuple[str, str]]:
        """Names and titles, the newest last."""
        with self._reading() as session:
            return [
                (row.id, row.title)
                for row in session.execute(
                    select(StudyRow.id, StudyRow.title).order_by(StudyRow.made, StudyRow.id)
                )
            ]

    def study(self, name: str) -> Study:
        """A design; raises StudyError if there is none of that name, or if its text was tampered with."""
        if name not in self._studies:
            with self._reading() as session:
                row = session.get(StudyRow, name)
                if row is None:
                    raise StudyError(
                        f"There is no study “{name[:40]}”. Check the address that you were given."
                    )
                found, digest = read_design(row.design)
            # Who changes a design after it was frozen has to change the name under which it was read.
            if digest != row.sha256 or name != study_name(digest):
                raise StudyError(
                    f"The design of {name} in the database is not the one that was frozen. Restore "
                    "the database."
                )
            self._studies[name] = found
        return self._studies[name]

    def design(self, name: str) -> str:
        """``design.json`` to the letter; raises as `study` does."""
        return design_text(self.study(name))

    def forget(self, name: str) -> None:
        """Let go of a design that is deleted, see `upkeep`."""
        self._studies.pop(name, None)

    def enrol(self, study: str) -> Reader:
        """A new reader with the next list."""
        lists = len(self.study(study).lists)
        with self._writing() as session:
            if (
                session.execute(select(StudyRow.id).where(StudyRow.id == study).with_for_update()).first()
                is None
            ):
                raise StudyError(f"The study “{study[:40]}” was deleted. Ask whoever gave you its address.")
            number = (
                session.scalar(select(func.count()).select_from(ReaderRow).where(ReaderRow.study_id == study))
                or 0
            )
            letters = "".join(secrets.choice(_LETTERS) for _ in range(8))
            reader = Reader(f"{letters[:4]}-{letters[4:]}", study, number % lists)
            session.add(
                ReaderRow(
                    pseudonym=reader.pseudonym,
                    study_id=study,
                    number=number,
                    list_index=reader.list_index,
                    enrolled=self._time(),
                )
            )
        return reader

    def readers(self, study: str) -> list[Reader]:
        """The readers of a study, in the order of enrolment."""
        with self._reading() as session:
            rows = session.scalars(
                select(ReaderRow).where(ReaderRow.study_id == study).order_by(ReaderRow.number)
            )
            return [Reader(row.pseudonym, row.study_id, row.list_index) for row in rows]

    def begin(self, pseudonym: str) -> ReaderSession:
        """The session that a reader is in, or the next one.

        Raises:
            StudyError: no such reader, all sessions are done, or the washout is not over.
        """
        with self._writing() as session:
            reader = session.get(ReaderRow, pseudonym.strip().upper(), with_for_update=True)
            if reader is None:
                raise StudyError(
                    f"There is no reader “{pseudonym[:20]}”. Check the letters, or begin as a new reader."
                )
            study = self.study(reader.study_id)
            last = session.scalars(
                select(SessionRow)
                .where(SessionRow.reader_id == reader.pseudonym)
                .order_by(SessionRow.number.desc())
                .limit(1)
            ).first()
            if last is not None and count_answered(session, last.id) < len(
                study.trials_of(reader.list_index, last.number)
            ):
                return self._reader_session(last, reader)
            number = 0 if last is None else last.number + 1
            if number >= study.settings.sessions:
                raise StudyError("All sessions of this reader are done. Thank you.")
            if last is not None:
                check_washout(session, last.id, study.settings.washout_days, self._now())
            row = SessionRow(
                id=secrets.token_hex(16), reader_id=reader.pseudonym, number=number, started=self._time()
            )
            session.add(row)
            return self._reader_session(row, reader)

    def session(self, session_id: str) -> ReaderSession:
        """A session by its address; raises StudyError if there is none."""
        with self._reading() as session:
            return self._find(session, session_id)

    def next_trial(self, session_id: str) -> Trial | None:
        """The first trial without an answer, the same after any interruption; None at the end."""
        with self._reading() as session:
            trials = self._find(session, session_id).trials
            answered = count_answered(session, session_id)
            return trials[answered] if answered < len(trials) else None

    def record(self, session_id: str, response: Response) -> bool:
        """Keep an answer; True if it is new, False if the very same was kept before.

        Raises:
            StudyError: the trial has another answer already, is not the next one, or the answer does not fit
                it.
        """
        with self._writing() as session:
            trials = self._find(session, session_id, lock=True).trials
            earlier = session.get(ResponseRow, (session_id, response.trial_index))
            if earlier is not None:
                if to_response(earlier) == response:
                    return False
                raise StudyError(
                    f"Trial {response.trial_index} was answered otherwise before; the first answer "
                    "stays. Reload the page to continue."
                )
            answered = count_answered(session, session_id)
            if response.trial_index != answered or answered >= len(trials):
                raise StudyError(
                    f"Trial {response.trial_index} is not the next one of this session. Reload the "
                    "page to continue."
                )
            check_response(trials[answered], response)
            session.add(ResponseRow(session_id=session_id, answered=self._time(), **asdict(response)))
        return True

    def note(self, session_id: str, kind: str, data: dict[str, Any] | None = None) -> None:
        """Keep an event: consent, display check, a break, a withdrawal; raises StudyError for a kind that is
        none.
        """
        if kind not in EVENTS:
            raise StudyError(f"The event is “{kind[:40]}”; it must be one of {', '.join(EVENTS)}.")
        with self._writing() as session:
            self._find(session, session_id)
            session.add(
                EventRow(
                    session_id=session_id, kind=kind, data=canonical_json(data or {}), happened=self._time()
                )
            )

    def events(self, session_id: str) -> list[tuple[str, dict[str, Any]]]:
        """The events of a session, kind and data, in their order."""
        with self._reading() as session:
            rows = session.scalars(
                select(EventRow).where(EventRow.session_id == session_id).order_by(EventRow.id)
            )
            return [(row.kind, json.loads(row.data)) for row in rows]

    def sessions(self, study: str) -> list[tuple[ReaderSession, list[Answer]]]:
        """All sessions of a study with their answers, by reader and number."""
        with self._reading() as session:
            found = session.execute(
                select(SessionRow, ReaderRow)
                .join(ReaderRow)
                .where(ReaderRow.study_id == study)
                .order_by(ReaderRow.number, SessionRow.number)
            ).all()
            answers = answers_of(session, study)
            return [(self._reader_session(row, reader), answers.get(row.id, [])) for row, reader in found]

    def _find(self, session: Session, session_id: str, *, lock: bool = False) -> ReaderSession:
        row = session.get(SessionRow, session_id, with_for_update=lock or None)
        reader = session.get(ReaderRow, row.reader_id) if row else None
        if row is None or reader is None:
            raise StudyError("There is no such session. Begin again with your reader's letters.")
        return self._reader_session(row, reader)

    def _reader_session(self, row: SessionRow, reader: ReaderRow) -> ReaderSession:
        who = Reader(reader.pseudonym, reader.study_id, reader.list_index)
        trials = self.study(who.study).trials_of(who.list_index, row.number)
        return ReaderSession(row.id, who, row.number, trials)

    def _time(self) -> str:
        return self._now().isoformat(timespec="milliseconds")

    def _writing(self) -> AbstractContextManager[Session]:
        return database_session(self.engine)

    def _reading(self) -> AbstractContextManager[Session]:
        return database_session(self.engine, reading=True)
