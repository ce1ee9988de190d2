"""Ordinary corruptions beside SNAP: the average case beside the worst, each against its visibility."""
