"""The tables of the store.

Rows are added and never changed; they go only with their whole study: triggers see to it, see the migrations.
"""

from typing import ClassVar

from sqlalchemy import Double, ForeignKey, Integer, MetaData, String, Text, UniqueConstraint
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

NAMES = {
    "pk": "pk_%(table_name)s",
    "fk": "fk_%(table_name)s_%(column_0_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ix": "ix_%(column_0_label)s",
}


class Base(DeclarativeBase):
    """Root of the tables."""

    metadata: ClassVar[MetaData] = MetaData(naming_convention=NAMES)


class StudyRow(Base):
    """A frozen design: ``design`` is its ``design.json`` to the letter."""

    __tablename__ = "study"
    id: Mapped[str] = mapped_column(String(32), primary_key=True)
    sha256: Mapped[str] = mapped_column(String(64), unique=True)
    title: Mapped[str] = mapped_column(Text)
    design: Mapped[str] = mapped_column(Text)
    made: Mapped[str] = mapped_column(String(32))


class ReaderRow(Base):
    """A reader, by a pseudonym; ``number`` counts them within a study and gives the list."""

    __tablename__ = "reader"
    __table_args__ = (UniqueConstraint("study_id", "number"),)
    pseudonym: Mapped[str] = mapped_column(String(16), primary_key=True)
    study_id: Mapped[str] = mapped_column(ForeignKey("study.id"))
    number: Mapped[int] = mapped_column(Integer)
    list_index: Mapped[int] = mapped_column(Integer)
    enrolled: Mapped[str] = mapped_column(String(32))


class SessionRow(Base):
    """One session of a reader; ``id`` is random and serves as the address to come back to."""

    __tablename__ = "session"
    __table_args__ = (UniqueConstraint("reader_id", "number"),)
    id: Mapped[str] = mapped_column(String(32), primary_key=True)
    reader_id: Mapped[str] = mapped_column(ForeignKey("reader.pseudonym"))
    number: Mapped[int] = mapped_column(Integer)
    started: Mapped[str] = mapped_column(String(32))


class ResponseRow(Base):
    """One answer; one trial of a session has at most one."""

    __tablename__ = "response"
    session_id: Mapped[str] = mapped_column(ForeignKey("session.id"), primary_key=True)
    trial_index: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=False)
    choice: Mapped[str] = mapped_column(String(16))
    rating: Mapped[int | None] = mapped_column(Integer)
    click_x_px: Mapped[float | None] = mapped_column(Double)
    click_y_px: Mapped[float | None] = mapped_column(Double)
    reaction_ms: Mapped[float | None] = mapped_column(Double)
    shown_ms: Mapped[float | None] = mapped_column(Double)
    comment: Mapped[str] = mapped_column(Text)
    answered: Mapped[str] = mapped_column(String(32))


class EventRow(Base):
    """What happened beside the answers: consent, display check, breaks, withdrawal; ``data`` is JSON."""

    __tablename__ = "event"
    id: Mapped[int] = mapped_column(Integer, primary_key=True)
    session_id: Mapped[str] = mapped_column(ForeignKey("session.id"), index=True)
    kind: Mapped[str] = mapped_column(String(32))
    data: Mapped[str] = mapped_column(Text)
    happened: Mapped[str] = mapped_column(String(32))


class DeletionRow(Base):
    """A study that was deleted, with what went with it: the one thing that stays of it."""

    __tablename__ = "deletion"
    study_id: Mapped[str] = mapped_column(String(32), primary_key=True)
    sha256: Mapped[str] = mapped_column(String(64))
    readers: Mapped[int] = mapped_column(Integer)
    responses: Mapped[int] = mapped_column(Integer)
    deleted: Mapped[str] = mapped_column(String(32))
