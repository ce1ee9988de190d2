"""The Defences page's parts."""
