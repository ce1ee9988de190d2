"""The one step of a build that pyproject.toml cannot name: a wheel carries the app, its settings and its
assets inside the package, where snapgui/shipped.py finds them.
"""

import shutil
from pathlib import Path

from setuptools import setup
from setuptools.command.build_py import build_py

SHIPPED = ("app.py", ".streamlit/config.toml", "assets/models", "assets/demo")


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


setup(cmdclass={"build_py": BuildWithShippedFiles})
