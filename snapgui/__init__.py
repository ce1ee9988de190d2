"""SNAP Studio: can a metastasis classifier be fooled, and would anyone notice?"""

__version__ = "0.1.0"
