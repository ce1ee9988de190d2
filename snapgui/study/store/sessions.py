"""The answers of a reader's session in the database: counted, listed, and when the next session is due."""

import datetime
from dataclasses import fields

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from snapgui.study.records import Answer, Response, StudyError
from snapgui.study.store.tables import ReaderRow, ResponseRow, SessionRow


def count_answered(session: Session, session_id: str) -> int:
    """How many trials are answered; they are answered in order, so it is the index of the next."""
    answered = select(func.count()).select_from(ResponseRow).where(ResponseRow.session_id == session_id)
    return session.scalar(answered) or 0


def answers_of(session: Session, study: str) -> dict[str, list[Answer]]:
    """All answers of a study by session, in the order of the trials; sessions without any are not there."""
    answers: dict[str, list[Answer]] = {}
    for row in session.scalars(
        select(ResponseRow)
        .join(SessionRow)
        .join(ReaderRow)
        .where(ReaderRow.study_id == study)
        .order_by(ResponseRow.session_id, ResponseRow.trial_index)
    ):
        answers.setdefault(row.session_id, []).append(Answer(to_response(row), row.answered))
    return answers


def to_response(row: ResponseRow) -> Response:
    """An answer as it was given."""
    return Response(**{field.name: getattr(row, field.name) for field in fields(Response)})


def check_washout(session: Session, session_id: str, days: int, now: datetime.datetime) -> None:
    """Raise StudyError where the last answer of a session is not so many days ago."""
    ended = session.scalar(select(func.max(ResponseRow.answered)).where(ResponseRow.session_id == session_id))
    due = (datetime.datetime.fromisoformat(ended) if ended else now) + datetime.timedelta(days=days)
    if now < due:
        raise StudyError(
            f"The next session may begin on {due:%d %B %Y}, {days} days after the last. Come back then."
        )
