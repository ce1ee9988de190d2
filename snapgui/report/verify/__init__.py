"""Checking what a bundle states."""
