"""Where the files lie that come with the project: beside the package in a checkout, inside it where a wheel
was installed (setup.py puts them there).
"""

from pathlib import Path

PACKAGE = Path(__file__).resolve().parent
INSTALLED = PACKAGE / "shipped_files"
ROOT = INSTALLED if INSTALLED.is_dir() else PACKAGE.parent
APP = ROOT / "app.py"
MODEL = ROOT / "assets" / "models" / "resnet50_hcd.safetensors"
GENERATOR = ROOT / "assets" / "textures" / "nuclei.safetensors"
DETECTOR = ROOT / "assets" / "detector" / "detector.json"
DEFENCES = ROOT / "assets" / "defences"
DEMO_FOLDER = ROOT / "assets" / "demo"
NATURALNESS_FOLDER = ROOT / "assets" / "naturalness"
