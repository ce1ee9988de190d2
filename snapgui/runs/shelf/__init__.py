"""Saved runs as they stand side by side: named, found again, compared."""
