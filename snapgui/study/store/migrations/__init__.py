"""Alembic's migrations of the store, the first tables included."""
