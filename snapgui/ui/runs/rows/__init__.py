"""The list of runs as a component of the page."""
