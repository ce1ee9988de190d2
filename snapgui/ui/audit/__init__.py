"""The Audit page's parts."""
