"""Who may read over the network: an access code, compared in constant time, with waiting after wrong ones
from the same address.
"""

import hmac
import ipaddress
import secrets
import socket
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass

from snapgui.study.records import StudyError

# Without letters and digits that are taken for one another.
_LETTERS = "ABCDEFGHJKMNPQRTUVWXY346789"
FREE_TRIES = 3
LONGEST_WAIT_S = 600.0
MOST_ADDRESSES = 10_000


def make_code() -> str:
    """A random access code such as ``K7QP-3XTM``: 27 to the power of 8 possibilities."""
    letters = "".join(secrets.choice(_LETTERS) for _ in range(8))
    return f"{letters[:4]}-{letters[4:]}"


def waiting_s(failures: int) -> float:
    """How long the next try has to wait after so many wrong ones in a row: nothing, then 2, 4, 8 s and so on
    to 10 minutes.
    """
    return 0.0 if failures < FREE_TRIES else min(2.0 ** (failures - FREE_TRIES + 1), LONGEST_WAIT_S)


@dataclass
class _Tries:
    """Wrong codes in a row from one address, and when the next try is looked at."""

    failures: int = 0
    open_again: float = 0.0


class Gate:
    """The door of one process.

    Every wrong code makes those who type it from the same address wait longer; a right one from there ends
    that. Whoever types from somewhere else does not wait: one reader who mistypes locks nobody out, and a
    code has too many possibilities to be found by a few tries from each of many addresses. Safe for several
    threads.
    """

    def __init__(self, code: str, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._code = _plain(code)
        self._clock = clock
        self._lock = threading.Lock()
        self._tries: dict[str, _Tries] = {}

    def check(self, typed: str, address: str | None = None) -> bool:
        """Whether this is the code; raises StudyError while one has to wait, and then does not look at what
        was typed.

        ``address`` is the network address that it was typed from; those without one count as one.
        """
        place = _neighbourhood(address)
        with self._lock:
            tries = self._tries.get(place, _Tries())
            left = tries.open_again - self._clock()
            if left > 0:
                raise StudyError(
                    f"Too many wrong codes. Wait {left:.0f} s, then try again."
                    if left >= 1.5
                    else "Too many wrong codes. Wait a second, then try again."
                )
            if hmac.compare_digest(_plain(typed), self._code):
                self._tries.pop(place, None)
                return True
            tries.failures += 1
            tries.open_again = self._clock() + waiting_s(tries.failures)
            if place not in self._tries and len(self._tries) >= MOST_ADDRESSES:
                del self._tries[min(self._tries, key=lambda known: self._tries[known].open_again)]
            self._tries[place] = tries
            return False


def _neighbourhood(address: str | None) -> str:
    """An address as tries are counted: of IPv6 its first 64 bits, since one computer has all the rest."""
    try:
        found = ipaddress.ip_address(address or "")
    except ValueError:
        return ""
    return str(found if found.version == 4 else ipaddress.ip_network((found, 64), strict=False))


def _plain(code: str) -> bytes:
    return "".join(code.upper().replace("-", "").split()).encode()


def network_address() -> str:
    """This machine's address in the local network; 127.0.0.1 where it has none. Nothing is sent for it."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(("10.255.255.255", 1))
            address: str = probe.getsockname()[0]
        except OSError:
            return "127.0.0.1"
    return address


def free_port() -> int:
    """A port that nobody uses at the moment."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    return port
