"""A generator on disk: safetensors, with what it was learned from in a card beside it."""

import functools
import hashlib
import json
import os
from pathlib import Path
from typing import Any

from safetensors import SafetensorError
from safetensors.torch import load, save

from snapgui import shipped
from snapgui.engine.generator.flow import Generator
from snapgui.errors import ModelError
from snapgui.workspace import write_whole

# Another arrangement of layers or grids is another version.
VERSION = "nuclei-1"
VARIABLE = "SNAP_GENERATOR"


def generator_path() -> Path:
    """The file that is used: what the environment variable `VARIABLE` names, else the shipped one."""
    return Path(os.environ.get(VARIABLE) or shipped.GENERATOR)


def save_generator(generator: Generator, path: Path, card: dict[str, Any]) -> None:
    """Write the weights, and the card beside them as JSON."""
    data = save({name: values.contiguous() for name, values in generator.state_dict().items()}, _metadata())
    card = {"version": VERSION, "sha256": hashlib.sha256(data).hexdigest()} | card
    text = json.dumps(card, indent=2, ensure_ascii=False) + "\n"
    advice = "Free space, or name another folder."
    path.parent.mkdir(parents=True, exist_ok=True)
    write_whole(path, data, advice=advice)
    write_whole(path.with_suffix(".json"), text.encode(), advice=advice)


def load_generator(path: Path | None = None) -> tuple[Generator, dict[str, Any]]:
    """The generator of a file with its card; without a path that of `generator_path`.

    Raises:
        ModelError: no such file, a damaged one, or one of another version.
    """
    path = path or generator_path()
    try:
        return _load(path, path.stat().st_mtime_ns)
    except OSError as error:
        raise ModelError(
            f"The texture “nucleus” needs a generator of nuclei, and {path.name} is not there. Restore "
            f"assets/textures, or set {VARIABLE} to a file that `train-generator` wrote."
        ) from error


def generator_of(texture: str) -> str | None:
    """SHA-256 of the generator that a texture needs, since codes mean nothing to another one; raises
    ModelError where it cannot be read.
    """
    return str(load_generator()[1]["sha256"]) if texture == "nucleus" else None


@functools.lru_cache(maxsize=2)
def _load(path: Path, _changed: int) -> tuple[Generator, dict[str, Any]]:
    data = path.read_bytes()
    again = "Take the shipped one, or make one with `python -m snapgui train-generator`."
    try:
        card = json.loads(path.with_suffix(".json").read_text(encoding="utf-8"))
        version, stated = card["version"], card["sha256"]
        card["area_px"]["low"], card["area_px"]["high"]
    except (OSError, ValueError, KeyError, TypeError, RecursionError) as error:
        raise ModelError(
            f"The card {path.with_suffix('.json').name} of the generator {path.name} is missing or cannot be "
            f"read. {again}"
        ) from error
    if version != VERSION:
        raise ModelError(
            f"The generator {path.name} is of version {str(version)[:20]} and this program reads {VERSION}. "
            f"{again}"
        )
    if hashlib.sha256(data).hexdigest() != stated:
        raise ModelError(
            f"The generator {path.name} is damaged, or is not the one that its card describes. {again}"
        )
    generator = Generator()
    try:
        generator.load_state_dict(load(data))
    except (SafetensorError, RuntimeError, ValueError) as error:
        raise ModelError(f"{path.name} holds no generator of nuclei. {again}") from error
    return generator.eval().requires_grad_(False), card


def _metadata() -> dict[str, str]:
    return {"version": VERSION}
