"""How pages are offered: Streamlit's server, kept to this computer and told to say little."""

from collections.abc import Awaitable, Callable, MutableMapping, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Scope]]
Send = Callable[[Scope], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]

CLOSED = "/_stcore/metrics"
# Whatever a page shows, the browser asks no other computer for it, and tells none where it was.
HEADERS = {
    "content-security-policy": "default-src 'self' 'unsafe-inline' 'unsafe-eval' data: blob:; "
    "base-uri 'self'; form-action 'self'; frame-ancestors 'self'",
    "referrer-policy": "no-referrer",
    "x-content-type-options": "nosniff",
}
# Names by which a browser on this computer calls it.
LOOPBACK, ANY_ADDRESS = ("127.0.0.1", "localhost", "::1"), "0.0.0.0"
# In the place of what would tell this computer from others.
NOBODY = "snap-studio"


def start_streamlit(script: Path, options: Sequence[str] = ()) -> None:
    """Offer the pages of a script until the process is ended."""
    keep_to_this_computer()
    from streamlit.web.cli import main

    main(["run", str(script), *options])


def keep_to_this_computer() -> None:
    """Replace what Streamlit would look up outside or tell everybody who asks; a second time does nothing.

    A page from elsewhere that asks for the app makes Streamlit look up the addresses of this computer, by the
    network and at a service of Amazon's, to compare them with that page's. They are not known here, so such a
    page is refused unless ``browser.serverAddress`` names it.
    """
    from streamlit import net_util
    from streamlit.runtime.app_session import AppSession
    from streamlit.web.server.starlette import starlette_app

    if getattr(AppSession, "_snap_studio", False):
        return
    for name in ("get_external_ip", "get_internal_ip"):
        setattr(net_util, name, lambda: None)
    middleware, describe = starlette_app.create_streamlit_middleware, AppSession._create_new_session_message

    def with_ours() -> list[Any]:
        from starlette.middleware import Middleware

        return [Middleware(SaysLittle), *middleware()]

    def without_paths(session: AppSession, *args: Any, **named: Any) -> Any:
        message = describe(session, *args, **named)
        begin = message.new_session
        begin.main_script_path = Path(begin.main_script_path).name
        person, place = begin.initialize.user_info, begin.initialize.environment_info
        person.installation_id = person.installation_id_v3 = person.installation_id_v4 = NOBODY
        place.python_version = place.server_os = ""
        return message

    setattr(starlette_app, "create_streamlit_middleware", with_ours)  # noqa: B010
    setattr(AppSession, "_create_new_session_message", without_paths)  # noqa: B010
    setattr(AppSession, "_snap_studio", True)  # noqa: B010


class SaysLittle:
    """Around the whole server: no numbers of its work for others, the headers of `HEADERS`, no answer to a
    page of another program on this computer, and, where it is offered to this computer alone, none to one who
    calls it by another name.
    """

    def __init__(self, app: App) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] in ("http", "websocket"):
            words = _why_refused(scope)
            if words:
                await _refuse(scope, words, send)
                return
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        headers = [(name.encode(), value.encode()) for name, value in HEADERS.items()]

        async def with_headers(message: Scope) -> None:
            if message["type"] == "http.response.start":
                message = {**message, "headers": [*message.get("headers", []), *headers]}
            await send(message)

        if scope["path"].rstrip("/").endswith(CLOSED):
            await with_headers({"type": "http.response.start", "status": 404})
            await send({"type": "http.response.body", "body": b"Not found"})
            return
        await self.app(scope, receive, with_headers)


def _why_refused(scope: Scope) -> str:
    """Why a request is not answered, in words; empty where it is."""
    from streamlit import config

    # Who names hosts stands behind a proxy, which may change what is asked for; Streamlit's own rules hold.
    if config.get_option("server.allowedHosts"):
        return ""
    host, origin = _header(scope, b"host"), _header(scope, b"origin")
    if config.get_option("server.address") in LOOPBACK and _hostname(f"//{host}") not in LOOPBACK:
        # A page from elsewhere whose name was made to lead here (DNS rebinding) keeps that name.
        return (
            "SNAP Studio answers to 127.0.0.1 and localhost alone. Open it by one of these names; behind a "
            "proxy name its host with --server.allowedHosts."
        )
    if _is_another_program(origin, host):
        return (
            f"SNAP Studio does not answer to pages of {origin[:80]}, which another program offers. If that "
            "is a proxy, name it with --server.corsAllowedOrigins."
        )
    return ""


def _is_another_program(origin: str, host: str) -> bool:
    """Whether a page is of this computer and not of this server: Streamlit allows every port of it.

    Whatever stands behind another port, such as a notebook or a program of another user, could else draw
    the app's pages and work in them.
    """
    from streamlit.web.server import server_util

    if _hostname(origin) not in (*LOOPBACK, ANY_ADDRESS):
        # Streamlit compares it with what was asked for and with the names that it was given.
        return False
    if urlsplit(origin).netloc.lower() == host.lower():
        return False
    return not (server_util.allow_all_cross_origin_requests() or server_util.is_allowed_origin(origin))


def _header(scope: Scope, name: bytes) -> str:
    return next((value.decode("latin-1") for key, value in scope["headers"] if key == name), "")


def _hostname(url: str) -> str | None:
    try:
        return urlsplit(url).hostname
    except ValueError:
        return None


async def _refuse(scope: Scope, words: str, send: Send) -> None:
    if scope["type"] == "websocket":
        await send({"type": "websocket.close", "code": 1008})
        return
    headers = [(b"content-type", b"text/plain; charset=utf-8")]
    await send({"type": "http.response.start", "status": 421, "headers": headers})
    await send({"type": "http.response.body", "body": words.encode()})
