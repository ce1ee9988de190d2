"""The commands that train: a victim, and the generator of nuclei."""
