"""The rooms of the app: each imports from below alone; the navigation is near to the core of it."""

import ast
from pathlib import Path

import pytest

from snapgui.shipped import ROOT

UI = ROOT / "snapgui" / "ui"
# From the ground up. Workbench and Runs page share the result of a run, Naturalness its viewer; else a room
# knows only its own.
FLOORS = (
    ("jobs", "pixels", "study_store"),
    ("resources", "state"),
    ("parts",),
    ("analysis", "audit", "filmstrip", "model", "reader", "result", "studies", "transfer"),
    ("workbench", "naturalness", "corruptions", "runs"),
    ("pages",),
)


def imports(path: Path) -> set[Path]:
    """The app's files that a file imports; a whole room counts as its ``__init__``."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("snapgui.ui"):
            place = ROOT.joinpath(*str(node.module).split("."))
            for name in (alias.name for alias in node.names):
                inner = place / f"{name}.py"
                found.add(inner if inner.exists() else place.with_suffix(".py"))
    return found


def room(path: Path) -> str:
    return path.relative_to(UI).parts[0].removesuffix(".py")


def test_a_room_of_the_app_imports_from_below_and_from_itself_alone() -> None:
    floor = {name: height for height, names in enumerate(FLOORS) for name in names}
    files = [path for path in UI.rglob("*.py") if path.name != "__init__.py"]
    assert {room(path) for path in files} == set(floor), "a room without a floor, or a floor without its room"
    for path in files:
        for other in imports(path):
            here, there = room(path), room(other)
            assert here == there or floor[there] < floor[here], f"{path} imports {other}"


@pytest.mark.parametrize(
    ("page", "called"),
    [
        ("workbench", "run_snap"),
        ("workbench", "place_cells"),
        ("workbench", "confidence_chart"),
        ("reader", "trial_message"),
    ],
)
def test_from_the_app_two_hops_lead_to_the_call(page: str, called: str) -> None:
    """The navigation names the page, the page imports the file that calls it."""
    assert f'PAGES / "{page}.py"' in (UI / "pages" / "navigation.py").read_text(encoding="utf-8")
    calling = [
        path
        for path in imports(UI / "pages" / f"{page}.py")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Call) and ast.unparse(node.func) == called
    ]
    assert calling, f"no file that the page {page} imports calls {called}"
