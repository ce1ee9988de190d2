"""The demo patches that come with the program: synthetic, with a true class each."""

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from snapgui.errors import DataError
from snapgui.shipped import DEMO_FOLDER

DEMO_FILE = "demo.json"


@dataclass(frozen=True)
class DemoPatch:
    """A synthetic patch.

    Attributes:
        name: such as ``metastasis_03``.
        true_class: 0 normal, 1 metastasis: that of the patches whose statistics it has.
        path: its PNG, 96 x 96 px.
    """

    name: str
    true_class: int
    path: Path


def demo_patches(folder: Path | None = None) -> list[DemoPatch]:
    """The demo patches listed in ``demo.json``, in its order.

    Args:
        folder: another folder than ``assets/demo``.

    Raises:
        DataError: the list or a picture is missing, or is not what was shipped.
    """
    folder = Path(folder) if folder is not None else DEMO_FOLDER
    return [_checked_patch(folder, entry) for entry in read_demo(folder)["patches"]]


def read_demo(folder: Path | None = None) -> dict[str, Any]:
    """All that ``demo.json`` says: the statement that the patches are synthetic, the model, typical
    distances, patches.
    """
    path = (Path(folder) if folder is not None else DEMO_FOLDER) / DEMO_FILE
    try:
        values = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise DataError(
            f"There is no {path}. Fetch the program's assets again, or make demo patches with "
            "“python -m snapgui data demo”."
        ) from error
    except (OSError, ValueError) as error:
        raise DataError(f"{path} cannot be read ({error}). Fetch the program's assets again.") from error
    patches = values.get("patches") if isinstance(values, dict) else None
    if not isinstance(patches, list) or not patches:
        raise DataError(f"{path} lists no patches. Fetch the program's assets again.")
    return dict(values)


def _checked_patch(folder: Path, entry: Any) -> DemoPatch:
    try:
        name, file, true_class, digest = (
            str(entry["name"]),
            str(entry["file"]),
            entry["true_class"],
            str(entry["sha256"]),
        )
    except (KeyError, TypeError) as error:
        raise DataError(
            f"A patch in {folder / DEMO_FILE} lacks name, file, true_class or sha256. Fetch the "
            "program's assets again."
        ) from error
    if true_class not in (0, 1):
        raise DataError(
            f"{DEMO_FILE} gives {name} the class {true_class}; classes are 0 (normal) and 1 (metastasis)."
        )
    if Path(file).name != file:
        raise DataError(f"{DEMO_FILE} names the file “{file}” for {name}; a name without folders is needed.")
    path = folder / file
    try:
        data = path.read_bytes()
    except OSError as error:
        raise DataError(
            f"The demo patch {path} cannot be read ({error.strerror}). Fetch the program's assets again."
        ) from error
    if hashlib.sha256(data).hexdigest() != digest:
        raise DataError(
            f"The demo patch {path} is not the picture that {DEMO_FILE} describes. Fetch the "
            "program's assets again."
        )
    return DemoPatch(name, int(true_class), path)
