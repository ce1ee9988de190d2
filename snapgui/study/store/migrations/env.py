"""How Alembic runs the migrations: on the connection that `study.database` hands over."""

from alembic import context

from snapgui.study.store.tables import Base


def run() -> None:
    """Run on the given connection, within its transaction."""
    context.configure(connection=context.config.attributes["connection"], target_metadata=Base.metadata)
    with context.begin_transaction():
        context.run_migrations()


# Outside Alembic the module is only imported and has nothing to do.
if getattr(context, "config", None) is not None:
    run()
