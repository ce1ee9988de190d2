"""Where the files lie that come with the project."""

from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
APP = ROOT / "app.py"
MODEL = ROOT / "assets" / "models" / "resnet50_hcd.safetensors"
DEMO_FOLDER = ROOT / "assets" / "demo"
