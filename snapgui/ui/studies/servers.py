"""Studies that are offered to the local network: each a program of its own, started and ended from the
app.
"""

import atexit
import os
import subprocess
import sys
import threading
import time
import urllib.request
from dataclasses import dataclass
from pathlib import Path
from tempfile import mkdtemp

from snapgui.shipped import ROOT
from snapgui.study.reading.access import free_port, make_code
from snapgui.study.reading.serving import CODE_VARIABLE, Serving, check_offered, plan_serving
from snapgui.study.records import StudyError

END_S = 5.0


@dataclass(frozen=True)
class Offer:
    """A study that is offered: where and with which code, the program that does it, and where its words
    go.
    """

    serving: Serving
    port: int
    process: "subprocess.Popen[bytes]"
    log: Path

    @property
    def running(self) -> bool:
        """Whether its program still works."""
        return self.process.poll() is None

    def answers(self) -> bool:
        """Whether it can be opened already."""
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/_stcore/health", timeout=1):
                return True
        except OSError:
            return False


class ReaderServers:
    """All offers of the process; they end with it, even if it is killed, since each watches its standard
    input.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._offers: dict[str, Offer] = {}
        atexit.register(self.stop_all)

    def start(self, name: str, *, lan: bool = True) -> Offer:
        """Offer a study, or give the offer that there is; raises StudyError where it cannot be offered."""
        with self._lock:
            offer = self._offers.get(name)
            if offer is not None and offer.running:
                return offer
            check_offered(name)
            port, code = free_port(), make_code()
            environment = {**os.environ, CODE_VARIABLE: code, "PYTHONUNBUFFERED": "1"}
            log = Path(mkdtemp(prefix="snap-reader-")) / "log"
            arguments = [
                sys.executable,
                "-m",
                "snapgui",
                "study",
                "serve",
                name,
                "--port",
                str(port),
                "--with-parent",
                *(["--lan"] if lan else []),
            ]
            try:
                with log.open("wb") as words:
                    process = subprocess.Popen(
                        arguments,
                        cwd=ROOT,
                        env=environment,
                        stdin=subprocess.PIPE,
                        stdout=words,
                        stderr=subprocess.STDOUT,
                    )
            except OSError as error:
                raise StudyError(
                    f"The reader page could not be started ({error.strerror}). Start it in a "
                    "terminal with “study serve”."
                ) from error
            self._offers[name] = Offer(
                plan_serving(name, lan=lan, port=port, environment=environment), port, process, log
            )
            return self._offers[name]

    def offer(self, name: str) -> Offer | None:
        """The offer of a study, None where there is none; one whose program has ended is still given once it
        was started.
        """
        with self._lock:
            return self._offers.get(name)

    def stop(self, name: str) -> None:
        """End an offer and wait until its program is gone."""
        with self._lock:
            offer = self._offers.pop(name, None)
        if offer is not None:
            _end(offer)

    def stop_all(self) -> None:
        """End every offer."""
        with self._lock:
            offers, self._offers = list(self._offers.values()), {}
        for offer in offers:
            _end(offer)


def _end(offer: Offer) -> None:
    if offer.process.stdin is not None:
        offer.process.stdin.close()
    end = time.monotonic() + END_S
    while offer.running and time.monotonic() < end:
        time.sleep(0.02)
    if offer.running:
        offer.process.kill()
    offer.process.wait()
    offer.log.unlink(missing_ok=True)
    offer.log.parent.rmdir()
