"""Outlines of cells: drawn, proposed, placed."""
