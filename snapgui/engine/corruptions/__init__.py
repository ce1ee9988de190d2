"""Ordinary damage to a picture, graded: what slides, scanners and files do, aiming at no model."""
