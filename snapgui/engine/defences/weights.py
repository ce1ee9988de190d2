"""Weights of the defences that were trained, on disk: safetensors with a card beside them."""

import functools
import hashlib
import json
from pathlib import Path
from typing import Any, TypeVar

import torch
from safetensors import SafetensorError
from safetensors.torch import load, save
from torch import nn

from snapgui.errors import ModelError
from snapgui.workspace import write_whole

Network = TypeVar("Network", bound=nn.Module)
AGAIN = "Restore assets/defences, or train it anew with benchmarks/train_defences.py."


def rounded(network: nn.Module) -> nn.Module:
    """The network with its weights as its file will give them back: rounded to float16; buffers stay."""
    with torch.no_grad():
        for weight in network.parameters():
            weight.copy_(weight.half().float())
    return network


def save_weights(network: nn.Module, path: Path, card: dict[str, Any]) -> None:
    """Write parameters as float16 and buffers as they are, and the card beside them as JSON."""
    small = {name for name, _ in network.named_parameters()}
    tensors = {
        name: (values.half() if name in small else values).contiguous()
        for name, values in network.state_dict().items()
    }
    data = save(tensors)
    text = json.dumps({"sha256": hashlib.sha256(data).hexdigest()} | card, indent=2, ensure_ascii=False)
    path.parent.mkdir(parents=True, exist_ok=True)
    write_whole(path, data, advice="Free space.")
    write_whole(path.with_suffix(".json"), f"{text}\n".encode(), advice="Free space.")


def trained(kind: type[Network], path: Path) -> tuple[Network, str]:
    """The network of a file, kept in memory until the file changes, and the file's SHA-256; raises ModelError
    as `load_weights` does.
    """
    maker: Any = kind
    network, digest = _kept(maker, path, path.stat().st_mtime_ns if path.is_file() else 0)
    assert isinstance(network, kind)
    return network, digest


@functools.lru_cache(maxsize=4)
def _kept(kind: type[nn.Module], path: Path, _changed: int) -> tuple[nn.Module, str]:
    network = kind()
    return network, load_weights(network, path)


def load_weights(network: nn.Module, path: Path) -> str:
    """Fill a network from its file, frozen; returns the file's SHA-256.

    Raises:
        ModelError: the file or its card is missing, damaged, or of another network.
    """
    try:
        data = path.read_bytes()
        card = json.loads(path.with_suffix(".json").read_text(encoding="utf-8"))
        stated = card["sha256"]
    except (OSError, ValueError, KeyError, TypeError, RecursionError) as error:
        raise ModelError(
            f"The defence “{path.stem}” needs {path.name} and its card beside it, and they cannot be read. "
            f"{AGAIN}"
        ) from error
    digest = hashlib.sha256(data).hexdigest()
    if digest != stated:
        raise ModelError(f"{path.name} is damaged, or is not the file that its card describes. {AGAIN}")
    try:
        state = {
            name: values.float() if values.is_floating_point() else values
            for name, values in load(data).items()
        }
        network.load_state_dict(state)
    except (SafetensorError, RuntimeError, ValueError) as error:
        raise ModelError(f"{path.name} holds no weights of the defence “{path.stem}”. {AGAIN}") from error
    if not all(bool(values.isfinite().all()) for values in state.values()):
        raise ModelError(f"{path.name} holds weights that are not finite. {AGAIN}")
    network.eval().requires_grad_(False)
    return digest
