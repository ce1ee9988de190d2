"""The Transfer page's parts."""
