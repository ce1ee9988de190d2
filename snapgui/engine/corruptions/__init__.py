"""Ordinary damage to a picture, graded: what scanners, files, stains and slides do without aiming at a model."""
