"""What goes wrong in a user's hands. Each message says what came, what is needed and what to do."""

import os
import re

# What would end a line, move a terminal's cursor or turn the order of letters, as values from files may.
_NO_TEXT = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069\ud800-\udfff]+")


# What taking values out of a damaged file raises, whatever was done to it: its reader catches all of them.
DAMAGED = (
    *(OSError, ValueError, KeyError, TypeError, AttributeError, IndexError),
    *(OverflowError, ZeroDivisionError, RecursionError),
)


class SnapError(Exception):
    """Root of every error that a user can cause; its text, always one line, is shown as it stands."""

    def __str__(self) -> str:
        return _NO_TEXT.sub("\N{REPLACEMENT CHARACTER}", super().__str__())


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
