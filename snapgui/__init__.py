"""SNAP Studio: can a metastasis classifier be fooled, and would anyone notice?"""

import os

# What Apple's GPUs lack is done by the processor; torch reads this when it is first imported.
os.environ.setdefault("PYTORCH_ENABLE_MPS_FALLBACK", "1")

# Other findings, figures or controls are another version: `verify` makes those of its own again.
__version__ = "0.3.0"
