"""What pyproject.toml cannot say of a build: a wheel carries the app, its settings and its assets inside the
package, where snapgui/shipped.py finds them, and requires the app's part of requirements.txt alone.
"""

import shutil
from pathlib import Path

from setuptools import setup
from setuptools.command.build_py import build_py

SHIPPED = (
    "app.py",
    ".streamlit/config.toml",
    "assets/models",
    "assets/textures",
    "assets/detector",
    "assets/defences",
    "assets/demo",
    "assets/naturalness",
    "assets/spot",
    "assets/mark.svg",
    "assets/name.svg",
)


class BuildWithShippedFiles(build_py):
    """Copies what lies beside the package into it; an editable installation finds it where it is."""

    def run(self) -> None:
        super().run()
        if self.editable_mode:
            return
        for name in SHIPPED:
            target = Path(self.build_lib, "snapgui", "shipped_files", name)
            target.parent.mkdir(parents=True, exist_ok=True)
            if Path(name).is_dir():
                shutil.copytree(name, target, dirs_exist_ok=True)
            else:
                shutil.copy(name, target)


def requirements(name: str = "requirements.txt") -> tuple[list[str], list[str]]:
    """The app's requirements, and those of the tests, which stand below ``# Tests``."""
    app, _, tests = Path(name).read_text(encoding="utf-8").partition("# Tests\n")
    return tuple(
        [line for line in part.splitlines() if line and not line.startswith("#")] for part in (app, tests)
    )


app, tests = requirements()
setup(
    cmdclass={"build_py": BuildWithShippedFiles},
    install_requires=app,
    extras_require={"tests": tests, "ray": requirements("requirements-ray.txt")[0]},
)
