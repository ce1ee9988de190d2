"""How different two images look."""
