"""The Model page's parts."""
