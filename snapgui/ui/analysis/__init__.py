"""The Analysis page's parts."""
