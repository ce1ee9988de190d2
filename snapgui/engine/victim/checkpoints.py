"""Read weights without running what a file may hold."""

import io
import pickle
from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import load

from snapgui.errors import ModelError

PREFIXES = ("model.", "module.", "network.")


def read_state(path: Path) -> dict[str, torch.Tensor]:
    """The tensors of a safetensors file or of a pickled state dict, as float32 under torchvision's names.

    A wrapping ``state_dict`` (or ``model``) key and a common ``model.`` or ``module.`` prefix are taken off.

    Raises:
        ModelError: no such file, not a checkpoint, or a pickle that holds more than tensors.
    """
    return decode_state(read_checkpoint(path), Path(path).name)


def read_checkpoint(path: Path) -> bytes:
    """The bytes of a checkpoint; raises ModelError where there is no such file."""
    path = Path(path)
    if not path.is_file():
        raise ModelError(f"There is no file {path}. Give the checkpoint's path (.safetensors, .pth or .pt).")
    try:
        return path.read_bytes()
    except OSError as error:
        raise ModelError(
            f"{path} cannot be read ({error.strerror}). Check the file's rights, or name another checkpoint."
        ) from error


def decode_state(data: bytes, name: str) -> dict[str, torch.Tensor]:
    """What `read_state` gives, of a checkpoint's bytes; the ending of its name tells safetensors from
    pickles.
    """
    try:
        state = (
            load(data)
            if name.endswith(".safetensors")
            else torch.load(io.BytesIO(data), map_location="cpu", weights_only=True)
        )
    except (SafetensorError, pickle.UnpicklingError, RuntimeError, EOFError, ValueError, KeyError) as error:
        raise ModelError(
            f"{name} is not a readable checkpoint of weights alone. Save it with safetensors, or with "
            "torch.save(model.state_dict(), ...), and load that."
        ) from error
    for wrapper in ("state_dict", "model"):
        if isinstance(state, dict) and isinstance(state.get(wrapper), dict):
            state = state[wrapper]
    if (
        not isinstance(state, dict)
        or not state
        or not all(isinstance(v, torch.Tensor) for v in state.values())
    ):
        raise ModelError(
            f"{name} holds no state dict (names with tensors). Save model.state_dict() and load that."
        )
    for _ in PREFIXES:
        for prefix in PREFIXES:
            if all(key.startswith(prefix) for key in state):
                state = {key.removeprefix(prefix): value for key, value in state.items()}
    return {key: value.float() if value.is_floating_point() else value for key, value in state.items()}
