"""What an investigator does with a study beside the readers: see how far it is, delete it."""

import datetime
from dataclasses import dataclass

from sqlalchemy import delete, func, select

from snapgui.study.records import StudyError
from snapgui.study.store.database import database_session
from snapgui.study.store.store import StudyStore
from snapgui.study.store.tables import DeletionRow, EventRow, ReaderRow, ResponseRow, SessionRow, StudyRow


@dataclass(frozen=True)
class Counts:
    """How far a study is.

    Attributes:
        made: when it was taken in (ISO 8601, UTC).
        readers: enrolled.
        sessions, sessions_done: begun, and answered to the end.
        responses: answers of all trials.
        withdrawn: sessions whose reader withdrew.
    """

    made: str
    readers: int
    sessions: int
    sessions_done: int
    responses: int
    withdrawn: int


def count_answers(store: StudyStore, name: str) -> Counts:
    """How many readers, sessions and answers a study has; raises StudyError if there is none of that name."""
    study = store.study(name)
    with database_session(store.engine, reading=True) as session:
        row = session.get(StudyRow, name)
        if row is None:
            raise StudyError(f"The study “{name[:40]}” was deleted.")
        readers = (
            session.scalar(select(func.count()).select_from(ReaderRow).where(ReaderRow.study_id == name)) or 0
        )
        begun = session.execute(
            select(ReaderRow.list_index, SessionRow.number, func.count(ResponseRow.trial_index))
            .select_from(SessionRow)
            .join(ReaderRow, SessionRow.reader_id == ReaderRow.pseudonym)
            .outerjoin(ResponseRow, ResponseRow.session_id == SessionRow.id)
            .where(ReaderRow.study_id == name)
            .group_by(SessionRow.id, ReaderRow.list_index, SessionRow.number)
        ).all()
        withdrawn = (
            session.scalar(
                select(func.count(EventRow.session_id.distinct()))
                .select_from(EventRow)
                .join(SessionRow)
                .join(ReaderRow)
                .where(ReaderRow.study_id == name, EventRow.kind == "withdrawn")
            )
            or 0
        )
    done = sum(answers >= len(study.trials_of(k, number)) for k, number, answers in begun)
    return Counts(row.made, readers, len(begun), done, sum(answers for _, _, answers in begun), withdrawn)


def delete_study(store: StudyStore, name: str) -> int:
    """Remove a study with its readers and answers for good, all or nothing; gives how many answers went.

    What stays is one row that says what was deleted and when; the same design is not taken in again.

    Raises:
        StudyError: there is no such study, or a reader answered at that moment.
    """
    readers = select(ReaderRow.pseudonym).where(ReaderRow.study_id == name)
    sessions = select(SessionRow.id).where(SessionRow.reader_id.in_(readers))
    clash = "A reader answered while the study was to be deleted, so it was not. Try again."
    with database_session(store.engine, clash=clash) as session:
        row = session.get(StudyRow, name, with_for_update=True)
        if row is None:
            raise StudyError(
                f"There is no study “{name[:40]}” to delete. Choose one from the list of studies."
            )
        gone = (
            session.scalar(
                select(func.count()).select_from(ResponseRow).where(ResponseRow.session_id.in_(sessions))
            )
            or 0
        )
        who = session.scalar(select(func.count()).select_from(readers.subquery())) or 0
        now = datetime.datetime.now(datetime.UTC).isoformat(timespec="milliseconds")
        session.add(DeletionRow(study_id=name, sha256=row.sha256, readers=who, responses=gone, deleted=now))
        session.flush()
        for deed in (
            delete(ResponseRow).where(ResponseRow.session_id.in_(sessions)),
            delete(EventRow).where(EventRow.session_id.in_(sessions)),
            delete(SessionRow).where(SessionRow.reader_id.in_(readers)),
            delete(ReaderRow).where(ReaderRow.study_id == name),
            delete(StudyRow).where(StudyRow.id == name),
        ):
            session.execute(deed, execution_options={"synchronize_session": False})
    store.forget(name)
    return gone
