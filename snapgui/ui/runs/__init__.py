"""The Runs page: a list with pictures, one run opened, two side by side."""
