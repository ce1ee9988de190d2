"""Ordinary corruptions beside SNAP: how often each fools the model at which visibility, the average case beside
the worst.
"""
