"""The rooms keep to themselves: the engine imports nothing above it, and only the app needs Streamlit."""

import ast
import subprocess
import sys
from pathlib import Path

PACKAGE = Path(__file__).resolve().parents[1] / "snapgui"
MODULES = sorted(
    ".".join(("snapgui", *path.relative_to(PACKAGE).with_suffix("").parts))
    for path in PACKAGE.rglob("*.py")
    if "ui" not in path.relative_to(PACKAGE).parts and path.stem not in ("__main__", "__init__")
)


def in_fresh_python(code: str) -> str:
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, cwd=PACKAGE.parent, timeout=300
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_nothing_but_the_app_loads_streamlit() -> None:
    assert len(MODULES) > 25
    loaded = in_fresh_python(
        f"import sys\nfor m in {MODULES!r}: __import__(m)\nprint('streamlit' in sys.modules)"
    )
    assert loaded.strip() == "False"


def test_the_command_line_starts_without_heavy_libraries() -> None:
    heavy = [
        "torch",
        "streamlit",
        "lightning",
        "cv2",
        "skimage",
        "matplotlib",
        "plotly",
        "pandas",
        "scipy",
        "numpy",
    ]
    code = (
        "import sys\nfrom snapgui.cli import main\n"
        "try: main(['--help'])\nexcept SystemExit: pass\n"
        f"print([m for m in {heavy!r} if m in sys.modules])"
    )
    assert in_fresh_python(code).strip().splitlines()[-1] == "[]"


# From the ground up: a room imports only from floors below its own, and from itself.
FLOORS = (
    ("errors", "kinds"),
    ("words", "progress", "statistics", "shipped", "provenance", "workspace", "server"),
    ("engine",),
    ("data", "runs"),
    ("training", "audit"),
    ("study", "naturalness", "corruptions", "transfer"),
    ("report",),
    ("commands", "ui"),
    ("cli",),
    ("__main__",),
)


def imports() -> dict[str, set[str]]:
    """Which module of the package imports which, wherever in the file the import stands."""
    modules = {
        ".".join(("snapgui", *path.relative_to(PACKAGE).with_suffix("").parts)).removesuffix(
            ".__init__"
        ): path
        for path in PACKAGE.rglob("*.py")
    }
    found: dict[str, set[str]] = {name: set() for name in modules}
    for name, path in modules.items():
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.ImportFrom) and node.module and node.module.startswith("snapgui"):
                whole = {f"{node.module}.{alias.name}" for alias in node.names}
                found[name] |= {one if one in modules else node.module for one in whole}
            elif isinstance(node, ast.Import):
                found[name] |= {alias.name for alias in node.names if alias.name in modules}
    return found


IMPORTS = imports()


def test_no_room_imports_from_a_higher_floor_or_from_its_neighbour() -> None:
    floor = {room: height for height, rooms in enumerate(FLOORS) for room in rooms}
    rooms = {name.split(".")[1] for name in IMPORTS if "." in name}
    assert rooms == set(floor), "a room without a floor, or a floor without its room"
    for name, others in IMPORTS.items():
        for other in others - {"snapgui"}:
            if name == "snapgui":
                continue
            room, below = name.split(".")[1], other.split(".")[1]
            assert room == below or floor[below] < floor[room], f"{name} imports {other}"


def test_no_modules_import_each_other_not_even_in_a_circle() -> None:
    rest = {name: set(others) for name, others in IMPORTS.items()}
    while free := {name for name, others in rest.items() if not others & set(rest) - {name}}:
        rest = {name: others for name, others in rest.items() if name not in free}
    assert not rest, f"in a circle, or above one: {sorted(rest)}"


def test_no_folder_is_crowded() -> None:
    counts = {
        folder.relative_to(PACKAGE): len(list(folder.glob("*.py")))
        for folder in (PACKAGE, *PACKAGE.rglob("*/"))
    }
    assert max(counts.values()) <= 14, counts


def test_no_pickle_without_weights_only() -> None:
    for path in PACKAGE.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and ast.unparse(node.func) in (
                "torch.load",
                "pickle.load",
                "pickle.loads",
            ):
                options = {keyword.arg: ast.unparse(keyword.value) for keyword in node.keywords}
                assert options.get("weights_only") == "True", f"{path.name} line {node.lineno}"
