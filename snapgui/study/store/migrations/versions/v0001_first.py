"""The first tables, and the triggers by which nothing in them is changed or removed."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

TABLES = ("study", "reader", "session", "response", "event")
REFUSAL = "Rows of a reader study are never changed or removed."


def upgrade() -> None:
    """Make tables and triggers."""
    op.create_table(
        "study",
        sa.Column("id", sa.String(32), nullable=False),
        sa.Column("sha256", sa.String(64), nullable=False),
        sa.Column("title", sa.Text, nullable=False),
        sa.Column("design", sa.Text, nullable=False),
        sa.Column("made", sa.String(32), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_study"),
        sa.UniqueConstraint("sha256", name="uq_study_sha256"),
    )
    op.create_table(
        "reader",
        sa.Column("pseudonym", sa.String(16), nullable=False),
        sa.Column("study_id", sa.String(32), nullable=False),
        sa.Column("number", sa.Integer, nullable=False),
        sa.Column("list_index", sa.Integer, nullable=False),
        sa.Column("enrolled", sa.String(32), nullable=False),
        sa.PrimaryKeyConstraint("pseudonym", name="pk_reader"),
        sa.ForeignKeyConstraint(["study_id"], ["study.id"], name="fk_reader_study_id"),
        sa.UniqueConstraint("study_id", "number", name="uq_reader_study_id_number"),
    )
    op.create_table(
        "session",
        sa.Column("id", sa.String(32), nullable=False),
        sa.Column("reader_id", sa.String(16), nullable=False),
        sa.Column("number", sa.Integer, nullable=False),
        sa.Column("started", sa.String(32), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_session"),
        sa.ForeignKeyConstraint(["reader_id"], ["reader.pseudonym"], name="fk_session_reader_id"),
        sa.UniqueConstraint("reader_id", "number", name="uq_session_reader_id_number"),
    )
    op.create_table(
        "response",
        sa.Column("session_id", sa.String(32), nullable=False),
        sa.Column("trial_index", sa.Integer, nullable=False, autoincrement=False),
        sa.Column("choice", sa.String(16), nullable=False),
        sa.Column("rating", sa.Integer),
        sa.Column("click_x_px", sa.Double),
        sa.Column("click_y_px", sa.Double),
        sa.Column("reaction_ms", sa.Double),
        sa.Column("shown_ms", sa.Double),
        sa.Column("comment", sa.Text, nullable=False),
        sa.Column("answered", sa.String(32), nullable=False),
        sa.PrimaryKeyConstraint("session_id", "trial_index", name="pk_response"),
        sa.ForeignKeyConstraint(["session_id"], ["session.id"], name="fk_response_session_id"),
    )
    op.create_table(
        "event",
        sa.Column("id", sa.Integer, nullable=False),
        sa.Column("session_id", sa.String(32), nullable=False),
        sa.Column("kind", sa.String(32), nullable=False),
        sa.Column("data", sa.Text, nullable=False),
        sa.Column("happened", sa.String(32), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_event"),
        sa.ForeignKeyConstraint(["session_id"], ["session.id"], name="fk_event_session_id"),
    )
    op.create_index("ix_event_session_id", "event", ["session_id"])
    if op.get_bind().dialect.name == "postgresql":
        _refuse_on_postgresql()
    else:
        _refuse_on_sqlite()


def _refuse_on_sqlite() -> None:
    for table in TABLES:
        for deed in ("UPDATE", "DELETE"):
            op.execute(
                f"CREATE TRIGGER {table}_no_{deed.lower()} BEFORE {deed} ON {table} BEGIN SELECT "
                f"RAISE(ABORT, '{REFUSAL}'); END"
            )
        # INSERT OR REPLACE would delete without asking the trigger above.
        key = {
            "reader": "pseudonym = NEW.pseudonym",
            "response": "session_id = NEW.session_id AND trial_index = NEW.trial_index",
        }
        op.execute(
            f"CREATE TRIGGER {table}_no_replace BEFORE INSERT ON {table} "
            f"WHEN EXISTS (SELECT 1 FROM {table} WHERE {key.get(table, 'id = NEW.id')}) "
            f"BEGIN SELECT RAISE(ABORT, 'UNIQUE constraint failed: {REFUSAL}'); END"
        )


def _refuse_on_postgresql() -> None:
    op.execute(
        "CREATE FUNCTION snap_refuse() RETURNS trigger LANGUAGE plpgsql AS "
        f"$$ BEGIN RAISE EXCEPTION '{REFUSAL}' USING ERRCODE = 'integrity_constraint_violation'; END $$"
    )
    for table in TABLES:
        op.execute(
            f"CREATE TRIGGER {table}_no_change BEFORE UPDATE OR DELETE ON {table} FOR EACH ROW "
            "EXECUTE FUNCTION snap_refuse()"
        )
        op.execute(
            f"CREATE TRIGGER {table}_no_truncate BEFORE TRUNCATE ON {table} FOR EACH STATEMENT "
            "EXECUTE FUNCTION snap_refuse()"
        )
