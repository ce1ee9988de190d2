"""SNAP Studio: can a metastasis classifier be fooled, and would anyone notice?"""

# Other findings, figures or controls are another version: `verify` makes those of its own again.
__version__ = "0.2.0"
