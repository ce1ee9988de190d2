"""How a study is offered to readers: the address, the access code, and what the terminal says of it."""

from collections.abc import Mapping
from dataclasses import dataclass

from snapgui.shipped import PACKAGE

READER_APP = PACKAGE / "ui" / "reader" / "app.py"
PORT = 8601
# How the command tells the reader's page what it serves; the code stands in no command line, where others
# could read it.
STUDY_VARIABLE, CODE_VARIABLE = "SNAP_READER_STUDY", "SNAP_READER_CODE"
# The light greys of .streamlit/config.toml, also for readers whose system is dark: what surrounds a picture
# changes how its colours look, and so is the same for every reader of a study.
SURROUND = {
    "primaryColor": "#2b5f8a",
    "backgroundColor": "#e2e2e2",
    "secondaryBackgroundColor": "#f0f0f0",
    "textColor": "#161616",
    "linkColor": "#23507a",
    "borderColor": "#b4b4b4",
    "dataframeBorderColor": "#b4b4b4",
}
NETWORK_WARNING = (
    "Everybody on this network can reach this page, and nothing is encrypted: who listens in can read the "
    "answers and see the pictures. Use it only on a network that you trust, and end it after the reading."
)


@dataclass(frozen=True)
class Serving:
    """A study as it is offered: Streamlit's own options, where readers open it, and the code that they type
    (none: no code).
    """

    options: tuple[str, ...]
    address: str
    code: str = ""


def plan_serving(name: str, *, lan: bool, port: int, environment: Mapping[str, str]) -> Serving:
    """How a study is offered; the code is the environment's where it has one, else random.

    Raises:
        StudyError: a port that is none.
    """
    from snapgui.study.reading.access import make_code, network_address
    from snapgui.study.records import StudyError

    if not 1 <= port <= 65535:
        raise StudyError(f"The port is {port}; it must be from 1 to 65535.")
    host = network_address() if lan else "127.0.0.1"
    options = (
        "--server.headless",
        "true",
        "--server.port",
        str(port),
        "--server.address",
        "0.0.0.0" if lan else "127.0.0.1",
        "--browser.serverAddress",
        host,
        "--browser.gatherUsageStats",
        "false",
        "--server.fileWatcherType",
        "none",
        "--server.enableAgentApi",
        "false",
        "--server.enableWebsocketCompression",
        "false",
        "--client.toolbarMode",
        "minimal",
        "--client.showErrorDetails",
        "none",
        "--logger.hideWelcomeMessage",
        "true",
        "--runner.postScriptGC",
        "false",
        *surround_options(),
    )
    return Serving(
        options,
        f"http://{host}:{port}/?study={name}",
        (environment.get(CODE_VARIABLE) or make_code()) if lan else "",
    )


def surround_options() -> list[str]:
    """Streamlit's options for the same greys whether the reader's system is light or dark."""
    return [
        word
        for theme in ("light", "dark")
        for name, colour in SURROUND.items()
        for word in (f"--theme.{theme}.{name}", colour)
    ]


def serving_words(serving: Serving) -> str:
    """What the terminal says of a study that is offered."""
    lines = [f"Readers open {serving.address}"]
    if serving.code:
        lines += [f"and type the access code {serving.code}", "", f"Warning: {NETWORK_WARNING}"]
    return "\n".join(
        [
            *lines,
            "",
            (
                "End it with Ctrl+C; answers are kept, and readers continue where they were when it is "
                "started again."
            ),
        ]
    )


def check_offered(name: str) -> None:
    """Raise StudyError unless a study is in the store and its pictures, with the same design, are in this
    workspace.
    """
    from snapgui.study.design.freeze import check_folder
    from snapgui.study.records import StudyError
    from snapgui.study.store.folders import has_folder, study_folder
    from snapgui.study.store.store import open_store

    store = open_store()
    try:
        study = store.study(name)
    finally:
        store.close()
    if not has_folder(name):
        raise StudyError(
            f"The pictures of {name} are not in this workspace. Serve it on the computer where it "
            "was made, or set SNAP_WORKSPACE."
        )
    check_folder(study_folder(name), study)
