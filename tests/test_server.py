"""The server of the pages: nothing is looked up outside, and nobody is told more than a page needs."""

import asyncio
import http.client
import os
import socket
import subprocess
import sys
import time
from types import SimpleNamespace
from typing import Any

import pytest
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from streamlit.runtime.app_session import AppSession
from streamlit.web.server import server_util
from streamlit.web.server.starlette import starlette_app

from snapgui import shipped
from snapgui.server import HEADERS, NOBODY, SaysLittle, _why_refused, keep_to_this_computer


@pytest.fixture
def kept(monkeypatch: pytest.MonkeyPatch) -> None:
    """Streamlit as the app starts it, put back afterwards."""
    from streamlit import net_util

    for place, names in (
        (net_util, ("get_external_ip", "get_internal_ip")),
        (starlette_app, ("create_streamlit_middleware",)),
    ):
        for name in names:
            monkeypatch.setattr(place, name, getattr(place, name))

    def describe(session: AppSession) -> ForwardMsg:
        message = ForwardMsg()
        message.new_session.main_script_path = "/home/someone/secret/app.py"
        begin = message.new_session.initialize
        begin.user_info.installation_id = begin.user_info.installation_id_v4 = "0123abcd"
        begin.environment_info.python_version = "3.11.7"
        begin.session_id = "its own"
        return message

    monkeypatch.setattr(AppSession, "_create_new_session_message", describe)
    monkeypatch.setattr(AppSession, "_snap_studio", False, raising=False)
    keep_to_this_computer()
    keep_to_this_computer()


def test_a_foreign_page_is_refused_without_a_look_outside(kept, monkeypatch) -> None:
    """Streamlit itself asks Amazon for the address of this computer."""

    def refuse(*args: Any, **named: Any) -> None:
        raise AssertionError("a socket was opened")

    for name in ("socket", "create_connection", "getaddrinfo"):
        monkeypatch.setattr(socket, name, refuse)
    assert not server_util.is_url_from_allowed_origins("http://evil.example")
    assert server_util.is_url_from_allowed_origins("http://localhost:8501")


def test_a_session_tells_no_path_and_no_name_of_the_computer(kept) -> None:
    message = AppSession._create_new_session_message(SimpleNamespace())  # type: ignore[call-arg, arg-type]
    begin = message.new_session
    assert begin.main_script_path == "app.py" and begin.initialize.session_id == "its own"
    assert begin.initialize.user_info.installation_id == NOBODY
    assert b"secret" not in message.SerializeToString() and b"0123abcd" not in message.SerializeToString()


@pytest.mark.parametrize(
    ("path", "status"), [("/", 200), ("/_stcore/metrics", 404), ("/x/_stcore/metrics/", 404)]
)
def test_numbers_of_the_server_are_closed_and_pages_keep_to_it(path: str, status: int) -> None:
    sent: list[dict[str, Any]] = []

    async def page(scope: Any, receive: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": [(b"a", b"b")]})
        await send({"type": "http.response.body", "body": b"page"})

    async def send(message: Any) -> None:
        sent.append(message)

    async def receive() -> dict[str, Any]:
        return {}

    scope = {"type": "http", "path": path, "headers": [(b"host", b"localhost:8501")]}
    asyncio.run(SaysLittle(page)(scope, receive, send))
    assert sent[0]["status"] == status
    headers = {name.decode(): value.decode() for name, value in sent[0]["headers"]}
    assert {name: headers[name] for name in HEADERS} == HEADERS
    assert "default-src 'self'" in headers["content-security-policy"]


@pytest.mark.parametrize(
    ("host", "address", "allowed", "answered"),
    [
        ("127.0.0.1:8501", "127.0.0.1", [], True),
        ("LOCALHOST", "127.0.0.1", [], True),
        ("[::1]:8501", "::1", [], True),
        ("evil.example:8501", "127.0.0.1", [], False),
        ("127.0.0.1.evil.example", "127.0.0.1", [], False),
        ("localhost@evil.example", "127.0.0.1", [], False),
        ("[", "127.0.0.1", [], False),
        ("", "127.0.0.1", [], False),
        ("10.0.0.7:8501", "0.0.0.0", [], True),
        ("lab.example", "127.0.0.1", ["lab.example"], True),
    ],
)
@pytest.mark.parametrize("kind", ["http", "websocket"])
def test_who_calls_this_computer_by_another_name_is_not_answered(
    monkeypatch, kind: str, host: str, address: str, allowed: list[str], answered: bool
) -> None:
    options = {"server.address": address, "server.allowedHosts": allowed}
    monkeypatch.setattr("streamlit.config.get_option", options.__getitem__)
    sent: list[dict[str, Any]] = []

    async def page(scope: Any, receive: Any, send: Any) -> None:
        await send({"type": "reached"})

    async def send(message: Any) -> None:
        sent.append(message)

    scope = {"type": kind, "path": "/", "headers": [(b"host", host.encode())] if host else []}
    asyncio.run(SaysLittle(page)(scope, lambda: None, send))  # type: ignore[arg-type, return-value]
    assert (sent[0]["type"] == "reached") == answered
    if not answered:
        assert sent[0]["type"] == ("http.response.start" if kind == "http" else "websocket.close")


@pytest.mark.parametrize(
    ("origin", "host", "options", "answered"),
    [
        ("http://localhost:8501", "localhost:8501", {}, True),
        ("http://127.0.0.1:8501", "127.0.0.1:8501", {}, True),
        ("http://[::1]:8501", "[::1]:8501", {}, True),
        # A port that leads here, as through ssh or from a container.
        ("http://localhost:9000", "localhost:9000", {"server.address": "0.0.0.0"}, True),
        ("http://127.0.0.1:9999", "127.0.0.1:8501", {}, False),
        ("http://localhost:9999", "127.0.0.1:8501", {}, False),
        ("http://localhost", "localhost:8501", {}, False),
        ("http://0.0.0.0:9999", "localhost:8501", {}, False),
        # Who listens on the same port of another address is another program.
        ("http://localhost:8501", "127.0.0.1:8501", {}, False),
        ("http://localhost:9999", "192.168.0.7:8601", {"server.address": "0.0.0.0"}, False),
        # What people have named, and what Streamlit looks at itself.
        (
            "http://localhost:9999",
            "localhost:8501",
            {"server.corsAllowedOrigins": ["http://localhost:9999"]},
            True,
        ),
        ("http://localhost:9999", "localhost:8501", {"server.enableCORS": False}, True),
        ("http://localhost", "127.0.0.1:8501", {"server.allowedHosts": ["lab.example"]}, True),
        ("http://evil.example", "localhost:8501", {}, True),
        ("null", "localhost:8501", {}, True),
        ("http://[", "localhost:8501", {}, True),
        ("", "localhost:8501", {}, True),
    ],
)
def test_a_page_of_another_program_of_this_computer_is_not_answered(
    monkeypatch, origin: str, host: str, options: dict[str, Any], answered: bool
) -> None:
    """Streamlit itself lets in every port of localhost."""
    usual = {
        "server.address": "127.0.0.1",
        "server.allowedHosts": [],
        "server.corsAllowedOrigins": [],
        "server.enableCORS": True,
        "global.developmentMode": False,
    }
    monkeypatch.setattr("streamlit.config.get_option", (usual | options).__getitem__)
    headers = [(b"host", host.encode())] + ([(b"origin", origin.encode())] if origin else [])
    for kind in ("http", "websocket"):
        words = _why_refused({"type": kind, "path": "/", "headers": headers})
        assert (words == "") == answered
        assert answered or (origin in words and "another program" in words)


def test_streamlit_is_given_the_guard(kept, monkeypatch) -> None:
    assert starlette_app.create_streamlit_middleware()[0].cls is SaysLittle


def test_the_very_first_request_meets_the_guard(tmp_path) -> None:
    """However Streamlit was started: no page was drawn before."""
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    command = [sys.executable, "-m", "streamlit", "run", "app.py", f"--server.port={port}"]
    environment = os.environ | {"STREAMLIT_SERVER_HEADLESS": "true", "SNAP_WORKSPACE": str(tmp_path)}
    upgrade = {"Connection": "Upgrade", "Upgrade": "websocket", "Sec-WebSocket-Version": "13"}
    upgrade |= {"Sec-WebSocket-Key": "MDEyMzQ1Njc4OWFiY2RlZg==", "Origin": "http://evil.example"}

    def ask(path: str, **headers: str) -> http.client.HTTPResponse:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
        connection.request("GET", path, headers=headers)
        return connection.getresponse()

    with (tmp_path / "log").open("w", encoding="utf-8") as log:
        server = subprocess.Popen(
            command, cwd=shipped.ROOT, env=environment, stdout=log, stderr=subprocess.STDOUT
        )
    try:
        for _ in range(240):
            try:
                first = ask("/_stcore/metrics")
                break
            except OSError:
                assert server.poll() is None, (tmp_path / "log").read_text(encoding="utf-8")
                time.sleep(0.25)
        assert first.status == 404
        assert ask("/_stcore/stream", **upgrade).status == 403
        neighbour = upgrade | {"Origin": f"http://127.0.0.1:{port + 1}"}
        assert ask("/_stcore/stream", **neighbour).status == 403
        own = upgrade | {"Origin": f"http://127.0.0.1:{port}"}
        assert ask("/_stcore/stream", **own).status == 101
        # A name that was made to lead here: the page is of the same origin as what it asks for.
        rebound = ask("/", Host=f"evil.example:{port}")
        assert rebound.status == 421 and b"localhost alone" in rebound.read()
        assert ask("/_stcore/stream", **upgrade | {"Host": "evil.example"}).status == 403
        assert first.getheader("content-security-policy") == HEADERS["content-security-policy"]
    finally:
        server.kill()
        server.wait()
