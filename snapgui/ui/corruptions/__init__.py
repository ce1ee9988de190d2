"""Ordinary corruptions beside SNAP: one figure of how often each fools the model against its visibility."""
