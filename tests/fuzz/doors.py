"""What every door is held to: an answer, or one sentence, and nothing else on the terminal."""

import logging
import re
import warnings
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, suppress

import pytest

from snapgui.errors import SnapError
from tests.fuzz.mutations import one_sentence

# Python itself shows none of these.
HIDDEN = (DeprecationWarning, PendingDeprecationWarning, ImportWarning, ResourceWarning)
# Libraries below Pillow and OpenCV write a line to the terminal themselves, and cannot be told not to.
LIBRARIES = re.compile(r"libpng|(tempfile\.tif|\w+): ")
Door = Callable[[], AbstractContextManager[None]]


@pytest.fixture
def door(capfd: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture) -> Door:
    """Within it, an error of the project's own is an answer, if it is one sentence; a warning is none."""

    @contextmanager
    def opened() -> Iterator[None]:
        caplog.clear()
        with warnings.catch_warnings(record=True) as met:
            warnings.simplefilter("always")
            for kind in HIDDEN:
                warnings.simplefilter("ignore", kind)
            with suppress(SnapError):
                try:
                    yield
                except SnapError as error:
                    one_sentence(error)
                    raise
        said = capfd.readouterr()
        lines = [one for one in said.err.splitlines() if not LIBRARIES.match(one)]
        assert not met, [str(one.message) for one in met]
        assert not lines and not said.out, said
        assert not [one for one in caplog.records if one.levelno >= logging.WARNING], caplog.text

    return opened
