"""Success against naturalness: the figure, and the pictures behind its points."""
