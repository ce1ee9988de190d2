"""The light-box: an audit's stored pictures as tiles, and a viewer over the page."""
