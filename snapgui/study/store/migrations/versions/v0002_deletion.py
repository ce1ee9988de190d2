"""A whole study may be deleted, and only so: its rows give way once a row in ``deletion`` says when and how
much went.
"""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

REFUSAL = "Rows of a reader study are never changed or removed."
_OF_SESSION = (
    "(SELECT reader.study_id FROM session JOIN reader ON reader.pseudonym = session.reader_id WHERE "
    "session.id = OLD.session_id)"
)
# The study that a row belongs to, while the rows above it are still there.
OWNER = {
    "study": "OLD.id",
    "reader": "OLD.study_id",
    "session": "(SELECT study_id FROM reader WHERE pseudonym = OLD.reader_id)",
    "response": _OF_SESSION,
    "event": _OF_SESSION,
}


def upgrade() -> None:
    """Make the table, and let the triggers look at it."""
    op.create_table(
        "deletion",
        sa.Column("study_id", sa.String(32), nullable=False),
        sa.Column("sha256", sa.String(64), nullable=False),
        sa.Column("readers", sa.Integer, nullable=False),
        sa.Column("responses", sa.Integer, nullable=False),
        sa.Column("deleted", sa.String(32), nullable=False),
        sa.PrimaryKeyConstraint("study_id", name="pk_deletion"),
    )
    if op.get_bind().dialect.name == "postgresql":
        _on_postgresql()
    else:
        _on_sqlite()


def _on_sqlite() -> None:
    for table, owner in OWNER.items():
        op.execute(f"DROP TRIGGER {table}_no_delete")
        op.execute(
            f"CREATE TRIGGER {table}_no_delete BEFORE DELETE ON {table} WHEN NOT EXISTS (SELECT 1 FROM "
            f"deletion WHERE study_id = {owner}) BEGIN SELECT RAISE(ABORT, '{REFUSAL}'); END"
        )
    for deed in ("UPDATE", "DELETE"):
        op.execute(
            f"CREATE TRIGGER deletion_no_{deed.lower()} BEFORE {deed} ON deletion BEGIN SELECT "
            f"RAISE(ABORT, '{REFUSAL}'); END"
        )
    op.execute(
        "CREATE TRIGGER deletion_no_replace BEFORE INSERT ON deletion "
        "WHEN EXISTS (SELECT 1 FROM deletion WHERE study_id = NEW.study_id) "
        f"BEGIN SELECT RAISE(ABORT, 'UNIQUE constraint failed: {REFUSAL}'); END"
    )


def _on_postgresql() -> None:
    # One statement for each table, since a row of another has no such column.
    owners = " ELSIF ".join(
        f"TG_TABLE_NAME = '{table}' THEN SELECT {owner} INTO owner;" for table, owner in OWNER.items()
    )
    op.execute(
        "CREATE OR REPLACE FUNCTION snap_refuse() RETURNS trigger LANGUAGE plpgsql AS $$ DECLARE owner "
        f"text; BEGIN IF TG_OP = 'DELETE' THEN IF {owners} END IF; IF EXISTS (SELECT 1 FROM deletion WHERE "
        f"study_id = owner) THEN RETURN OLD; END IF; END IF; RAISE EXCEPTION '{REFUSAL}' USING ERRCODE = "
        "'integrity_constraint_violation'; END $$"
    )
    op.execute(
        "CREATE TRIGGER deletion_no_change BEFORE UPDATE OR DELETE ON deletion FOR EACH ROW "
        "EXECUTE FUNCTION snap_refuse()"
    )
    op.execute(
        "CREATE TRIGGER deletion_no_truncate BEFORE TRUNCATE ON deletion FOR EACH STATEMENT "
        "EXECUTE FUNCTION snap_refuse()"
    )
