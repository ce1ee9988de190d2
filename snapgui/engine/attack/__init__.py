"""Optimising a patch."""
