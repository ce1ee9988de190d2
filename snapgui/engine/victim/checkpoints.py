"""Read weights without running what a file may hold."""

import io
import pickle
import re
import threading
import warnings
import zipfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load
from torch.serialization import get_unsafe_globals_in_checkpoint, safe_globals

from snapgui.errors import ModelError

SAVE = "Save it with torch.save(model.state_dict(), FILE), or with safetensors, and load that."
# What a file is that is no checkpoint, by its first bytes.
_OTHERS = {
    b"version https://git-lfs": "a Git LFS pointer, the note that stands for the file. Fetch the file itself "
    "with “git lfs pull”.",
    b"\x89HDF": "an HDF5 file (Keras?), where weights of PyTorch are needed.",
    b"<!DOCTYPE": "a web page. Download the file itself.",
    b"<html": "a web page. Download the file itself.",
}
# torch keeps what is allowed in a pickle for the whole process.
_ALLOWING = threading.Lock()
# Packages whose objects a pickle makes by a call, and which are values, not programs.
_VALUES = ("pathlib", "numpy", "datetime", "collections")


def read_state(path: Path) -> dict[str, torch.Tensor]:
    """The tensors of a checkpoint as float32, under the names that the innermost state dict gives them.

    Raises:
        ModelError: no such file, not a checkpoint, or a pickle that holds more than values.
    """
    tensors = decode_tensors(read_checkpoint(path), Path(path).name)
    longest = max((scope for scope in tensors.values()), key=lambda scope: len(scope))
    return {key: value.float() if value.is_floating_point() else value for key, value in longest.items()}


def read_checkpoint(path: Path) -> bytes:
    """The bytes of a checkpoint; raises ModelError where there is none, or only a card."""
    path = Path(path)
    if not path.is_file():
        raise ModelError(f"There is no file {path}. Give the checkpoint's path (.safetensors, .pth or .pt).")
    try:
        data = path.read_bytes()
    except OSError as error:
        raise ModelError(
            f"{path} cannot be read ({error.strerror}). Check the file's rights, or name another checkpoint."
        ) from error
    if path.suffix.lower() == ".json" and data.lstrip()[:1] == b"{":
        raise ModelError(
            f"{path.name} is a model card or other JSON. Give the weights that lie beside it (.safetensors, "
            ".pth or .pt)."
        )
    return data


def decode_tensors(data: bytes, name: str) -> dict[str, dict[str, torch.Tensor]]:
    """All tensors of a checkpoint's bytes: for each mapping that holds some, by where it lies
    (``state_dict.``, empty for the file itself), its tensors by name.

    Raises:
        ModelError: not a checkpoint, a pickle that holds more than values, or no tensors by name.
    """
    for start, what in _OTHERS.items():
        if data.startswith(start):
            raise ModelError(f"{name} is {what}")
    try:
        with warnings.catch_warnings():
            # What torch thinks of a damaged file is said below.
            warnings.simplefilter("ignore")
            # Safetensors begin with the length of a JSON object, whatever the file is called.
            content = _safetensors(data, name) if data[8:9] == b"{" else _unpickle(data, name)
            found = {place: scope for place, scope in _mappings(content, "") if scope}
    except ModelError:
        raise
    # Of what kind nobody can list: a damaged pickle runs through much of torch.
    except Exception as error:
        raise ModelError(f"{name} is not a readable checkpoint of weights alone. {SAVE}") from error
    if not found:
        raise ModelError(f"{name} holds no state dict (names with tensors). {SAVE}")
    return found


def _safetensors(data: bytes, name: str) -> dict[str, torch.Tensor]:
    try:
        return load(data)
    except KeyError as error:
        # Kinds that safetensors can hold and torch cannot, such as F8_E8M0.
        raise ModelError(
            f"{name} holds numbers of the kind {error}, where plain floating-point numbers are needed. Save "
            "the network before it is converted."
        ) from error


class _Inert:
    """Stands for an object of a class that is not needed for weights: nothing of the class is run."""

    full_name = ""

    def __new__(cls, *_: Any) -> "_Inert":
        return super().__new__(cls)

    def __init__(self, *_: Any) -> None:
        # Only a call comes here; an object is made and then given its state.
        if self.full_name.split(".")[0] not in _VALUES:
            raise pickle.UnpicklingError(f"GLOBAL {self.full_name} is called")

    def __setstate__(self, state: Any) -> None:
        self.state = state


def _unpickle(data: bytes, name: str) -> Any:
    """What a pickle holds, read by torch with ``weights_only``; objects of other classes are inert."""
    met: list[str] = []
    if zipfile.is_zipfile(io.BytesIO(data)):
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            if any(entry.endswith("/constants.pkl") for entry in archive.namelist()):
                raise ModelError(
                    f"{name} is a TorchScript program, which holds code beside weights. {SAVE} Or, if you "
                    "trust it, put a model card beside it with architecture “torchscript”."
                )
        met = get_unsafe_globals_in_checkpoint(io.BytesIO(data))
    while True:
        inert: list[Any] = [(type("Inert", (_Inert,), {"full_name": full}), full) for full in met]
        try:
            with _ALLOWING, safe_globals(inert):
                content = torch.load(io.BytesIO(data), map_location="cpu", weights_only=True)
            break
        except pickle.UnpicklingError as error:
            refused = _named_in(str(error))
            if refused and refused not in met:
                # Files of torch before 1.6 do not list beforehand what they hold.
                met.append(refused)
                continue
            if not (refused or met):
                raise
            raise ModelError(
                f"{name} is not a readable checkpoint of weights alone: it also holds "
                f"{refused or ', '.join(met[:3])}. {SAVE}"
            ) from error
    for module in _modules(content):
        raise ModelError(
            f"{name} is a whole module ({module}), pickled with its code, where weights are needed. {SAVE}"
        )
    return content


def _named_in(message: str) -> str:
    """The class or function that torch names in its refusal; empty where it names none."""
    found = re.search(r"GLOBAL ([\w.]+\w)", message)
    return found[1] if found else ""


def _children(content: Any) -> Iterator[tuple[str, Any]]:
    if isinstance(content, Mapping):
        yield from ((str(key), value) for key, value in content.items())
    elif isinstance(content, list | tuple):
        yield from ((str(index), value) for index, value in enumerate(content))


def _modules(content: Any) -> Iterator[str]:
    """Names of the classes of pickled modules."""
    if isinstance(content, _Inert):
        state = getattr(content, "state", None)
        if isinstance(state, Mapping) and "_modules" in state:
            yield content.full_name
    for _, value in _children(content):
        yield from _modules(value)


def _mappings(content: Any, place: str) -> Iterator[tuple[str, dict[str, torch.Tensor]]]:
    """Each mapping below, from the outside in, with the tensors in it."""
    if isinstance(content, Mapping):
        yield place, {str(key): value for key, value in content.items() if isinstance(value, torch.Tensor)}
    for key, value in _children(content):
        if not isinstance(value, torch.Tensor):
            yield from _mappings(value, f"{place}{key}.")
