"""What goes wrong in a user's hands. Each message says what came, what is needed and what to do."""

import os


class SnapError(Exception):
    """Root of every error that a user can cause; its text is shown as it stands."""


class ImageError(SnapError):
    """A picture that cannot be read or does not fit."""


class ModelError(SnapError):
    """A checkpoint or model card that cannot be loaded."""


class DataError(SnapError):
    """A data set whose files or labels do not fit together."""


class MaskError(SnapError):
    """A mask or a set of cells that cannot carry an attack."""


class SettingsError(SnapError):
    """A setting outside its range."""


def refused(error: OSError) -> str:
    """What the operating system would not do, such as ``No space left on device: /data/x``."""
    reason = os.strerror(error.errno) if error.errno else str(error)
    return f"{reason}: {error.filename}" if error.filename else reason
