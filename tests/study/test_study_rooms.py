"""The rooms of the studies: imports run one way, from what is made later to what was there before."""

import ast
from pathlib import Path

STUDY = Path(__file__).resolve().parents[2] / "snapgui" / "study"
# From the ground up: a room imports from those before it alone.
ORDER = ("records", "statistics", "design", "store", "pictures", "reading", "analysis")


def test_no_room_of_the_studies_imports_from_a_later_one() -> None:
    rooms = {path.relative_to(STUDY).parts[0].removesuffix(".py") for path in STUDY.rglob("*.py")}
    assert rooms - {"__init__"} == set(ORDER)
    for path in STUDY.rglob("*.py"):
        room = path.relative_to(STUDY).parts[0].removesuffix(".py")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("snapgui.study."):
                other = str(node.module).split(".")[2]
                assert ORDER.index(other) <= ORDER.index(room), f"{path} imports {node.module}"
