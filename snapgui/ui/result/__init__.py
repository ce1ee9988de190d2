"""A finished run on the page: downloads, comparison, visibility, alternatives."""
