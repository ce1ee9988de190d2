"""The rooms keep to themselves: the engine imports nothing above it, and only the app needs Streamlit."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

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


@pytest.mark.parametrize("path", sorted(PACKAGE.glob("engine/*.py")), ids=lambda path: path.stem)
def test_the_engine_imports_nothing_above_it(path: Path) -> None:
    allowed = ("snapgui.engine", "snapgui.errors", "snapgui.runs.records")
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        names = (
            [node.module or ""]
            if isinstance(node, ast.ImportFrom)
            else [a.name for a in node.names]
            if isinstance(node, ast.Import)
            else []
        )
        for name in names:
            assert not name.startswith("snapgui") or name.startswith(allowed), f"{path.name} imports {name}"


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
