"""The switch that offers a study to the local network; the real program behind it is tried in
test_reader_page.
"""

import subprocess
import sys
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from snapgui import shipped
from snapgui.study.reading.serving import CODE_VARIABLE, NETWORK_WARNING, plan_serving
from snapgui.study.records import StudyError
from snapgui.ui.studies.servers import Offer, ReaderServers

NAME = "study-0123456789ab"


@dataclass
class FakeProcess:
    ended: bool = False

    def poll(self) -> int | None:
        return 1 if self.ended else None


class FakeOffer(Offer):
    def answers(self) -> bool:
        return True


class FakeServers(ReaderServers):
    """Offers without a program."""

    broken = False

    def start(self, name: str, *, lan: bool = True) -> Offer:
        if self.broken:
            raise StudyError("The pictures are not in this workspace.")
        serving = plan_serving(name, lan=lan, port=8700, environment={CODE_VARIABLE: "K7QP-3XTM"})
        self._offers[name] = FakeOffer(serving, 8700, FakeProcess(), Path("nowhere"))
        return self._offers[name]

    def stop(self, name: str) -> None:
        self._offers.pop(name, None)

    def stop_all(self) -> None:
        self._offers.clear()


@pytest.fixture
def servers(monkeypatch) -> FakeServers:
    fake = FakeServers()
    monkeypatch.setattr("snapgui.ui.studies.serve.reader_servers", lambda: fake)
    return fake


def open_panel() -> AppTest:
    def script() -> None:
        from snapgui.ui.studies.serve import show_serving

        show_serving("study-0123456789ab")

    return AppTest.from_function(script, default_timeout=30).run()


def test_the_network_is_let_in_by_a_switch_and_out_again(servers, text_of) -> None:
    panel = open_panel()
    assert not panel.toggle[0].value and NETWORK_WARNING in text_of(panel) and not panel.code
    panel.toggle[0].set_value(True).run()
    shown = [code.value for code in panel.code]
    assert panel.toggle[0].value and shown[0].endswith(f":8700/?study={NAME}") and shown[1] == "K7QP-3XTM"
    assert NETWORK_WARNING in [warning.value for warning in panel.warning]
    assert [code.value for code in open_panel().code] == shown, "another window of the app sees the same"
    panel.toggle[0].set_value(False).run()
    assert servers.offer(NAME) is None and not panel.code and not panel.toggle[0].value


def test_what_cannot_be_offered_and_what_ended_by_itself_is_told(servers, text_of) -> None:
    servers.broken = True
    panel = open_panel()
    panel.toggle[0].set_value(True).run()
    assert "not in this workspace" in text_of(panel) and not panel.toggle[0].value
    servers.broken = False
    panel.toggle[0].set_value(True).run()
    offer = servers.offer(NAME)
    assert offer is not None
    servers._offers[NAME] = replace(offer, process=FakeProcess(ended=True))  # type: ignore[arg-type]
    assert "has ended by itself" in text_of(panel.run()) and not panel.toggle[0].value


def test_an_offer_is_ended_and_forgotten(tmp_path) -> None:
    code = "import sys, time; from snapgui.commands.study.serve import end_with; "
    code += "end_with(sys.stdin); time.sleep(600)"
    servers = ReaderServers()
    for number in range(2):
        log = tmp_path / str(number) / "log"
        log.parent.mkdir()
        process = subprocess.Popen([sys.executable, "-c", code], stdin=subprocess.PIPE, cwd=shipped.ROOT)
        servers._offers[str(number)] = Offer(
            plan_serving(NAME, lan=False, port=8700, environment={}), 8700, process, log
        )
    first, second = servers.offer("0"), servers.offer("1")
    assert first is not None and second is not None and first.running and not first.answers()
    servers.stop("0")
    assert (
        not first.running and second.running and servers.offer("0") is None and not first.log.parent.exists()
    )
    servers.stop_all()
    assert not second.running and servers.offer("1") is None
