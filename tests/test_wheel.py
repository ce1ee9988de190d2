"""The project as a wheel, installed in a folder of its own and used from another."""

import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
import zipfile
from pathlib import Path

import pytest

from snapgui import shipped

SOURCES = ("pyproject.toml", "setup.py", "README.md", "LICENSE", "app.py", ".streamlit")
LOOK = """
import sys
from streamlit.testing.v1 import AppTest
from snapgui import shipped
from snapgui.data.demo import demo_patches
assert {site!r} in str(shipped.APP), shipped.APP
app = AppTest.from_file(str(shipped.PACKAGE / "ui" / "pages" / "navigation.py"), default_timeout=300).run()
assert not app.exception, app.exception
said = " ".join(str(part.value) for part in [*app.markdown, *app.caption, *app.subheader])
assert "resnet50_hcd" in said, said
assert len(demo_patches()) >= 24
for name in ("audit", "naturalness", "studies", "analysis", "runs", "model"):
    app.switch_page(str(shipped.PACKAGE / "ui" / "pages" / (name + ".py"))).run()
    assert not app.exception, (name, app.exception)
print("looked")
"""


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel, built from a copy of the sources: a build leaves folders where it runs."""
    source = tmp_path_factory.mktemp("source")
    for name in (*SOURCES, *(path.name for path in shipped.ROOT.glob("requirements*.txt"))):
        path = shipped.ROOT / name
        (shutil.copytree if path.is_dir() else shutil.copy)(path, source / name)
    ignored = shutil.ignore_patterns("__pycache__")
    shutil.copytree(shipped.PACKAGE, source / "snapgui", ignore=ignored)
    shutil.copytree(shipped.ROOT / "assets", source / "assets")
    words = ["wheel", ".", "--no-deps", "--no-build-isolation", "--wheel-dir", "built", "-q"]
    subprocess.run([sys.executable, "-m", "pip", *words], cwd=source, check=True, timeout=300)
    (built,) = (source / "built").glob("snap_studio-*.whl")
    return built


@pytest.fixture(scope="module")
def site(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the wheel and nothing else; the libraries are those of this environment."""
    folder = tmp_path_factory.mktemp("installed") / "site"
    words = ["install", "--no-deps", "--no-index", "--no-compile", "--target", str(folder), "-q", str(wheel)]
    subprocess.run([sys.executable, "-m", "pip", *words], check=True, timeout=300)
    return folder


@pytest.fixture
def environment(site: Path, tmp_path: Path) -> dict[str, str]:
    """Python sees the installed wheel, and no checkout."""
    return {
        **os.environ,
        "PYTHONPATH": str(site),
        "SNAP_WORKSPACE": str(tmp_path / "workspace"),
        "STREAMLIT_SERVER_HEADLESS": "true",
    }


def test_the_wheel_wants_the_apps_libraries_and_the_tests_are_an_extra(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        names = archive.namelist()
        (metadata,) = (name for name in names if name.endswith(".dist-info/METADATA"))
        lines = archive.read(metadata).decode().splitlines()
    needs = [line.removeprefix("Requires-Dist: ") for line in lines if line.startswith("Requires-Dist: ")]
    plain = {need.split(">=")[0] for need in needs if "extra ==" not in need}
    assert {"torch", "streamlit", "sqlalchemy"} <= plain
    assert not plain & {"pytest", "pytest-xdist", "playwright", "mypy", "ruff", "ray", "setuptools"}
    assert any(need.startswith("pytest>=") and need.endswith('extra == "tests"') for need in needs)
    assert any(need.startswith("ray>=") and need.endswith('extra == "ray"') for need in needs)
    assert not [name for name in names if name.startswith(("tests/", "benchmarks/"))]


def test_help_is_instant_and_loads_no_heavy_library(site: Path, environment, tmp_path: Path) -> None:
    words = [sys.executable, "-X", "importtime", str(site / "bin" / "snap"), "--help"]
    done = subprocess.run(
        words, cwd=tmp_path, env=environment, capture_output=True, text=True, encoding="utf-8", timeout=60
    )
    assert done.returncode == 0 and "start the app in the browser" in done.stdout
    loaded = {line.rsplit("|", 1)[-1].strip() for line in done.stderr.splitlines()}
    assert "snapgui.cli" in loaded
    assert not loaded & {"torch", "streamlit", "lightning", "cv2", "matplotlib", "pandas", "scipy", "numpy"}


def test_every_page_opens_with_the_shipped_model_and_the_demo(site: Path, environment, tmp_path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", LOOK.format(site=str(site))],
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        text=True,
        encoding="utf-8",
        timeout=500,
    )
    assert done.returncode == 0 and done.stdout.strip().endswith("looked"), done.stderr


def test_snap_app_answers_on_its_port_with_the_projects_settings(site: Path, environment, tmp_path) -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    log = tmp_path / "log"
    with log.open("w", encoding="utf-8") as file:
        server = subprocess.Popen(
            [sys.executable, str(site / "bin" / "snap"), "app"],
            cwd=tmp_path,
            env={**environment, "STREAMLIT_SERVER_PORT": str(port)},
            stdout=file,
            stderr=file,
        )
    try:
        end = time.monotonic() + 120
        while True:
            try:
                with urllib.request.urlopen(f"http://127.0.0.1:{port}/_stcore/health", timeout=2) as answer:
                    assert answer.read() == b"ok"
                    break
            except OSError:
                assert server.poll() is None and time.monotonic() < end, log.read_text(encoding="utf-8")
                time.sleep(0.2)
        # Only .streamlit/config.toml keeps it on this computer.
        assert "http://127.0.0.1" in log.read_text(encoding="utf-8")
    finally:
        server.terminate()
        server.wait(timeout=30)
