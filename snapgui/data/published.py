"""Fetch a network from the Hugging Face Hub through timm, and keep it as a checkpoint with its card."""

import hashlib
import json
import os
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save

from snapgui.engine.victim.card import card_path
from snapgui.engine.victim.checkpoints import decode_tensors, read_checkpoint
from snapgui.engine.victim.networks import anatomy, frozen_options
from snapgui.engine.victim.victim import Victim
from snapgui.errors import ModelError
from snapgui.workspace import write_whole

# timm's words for where a network lies; the second one is a folder in the Hub's layout on this computer.
PLACES = ("hf-hub:", "local-dir:")
FULL = "Free space, then fetch again."
# Arguments of timm's makers that `networks.make_network` sets itself.
_OURS = ("num_classes", "in_chans", "pretrained")


def is_published(name: str) -> bool:
    """Whether a name is one of a published network (``hf-hub:owner/name``) and not a file's."""
    return name.startswith(PLACES)


def fetch_model(name: str, out: Path, *, head: Path | None = None) -> Path:
    """Fetch a network and write it as safetensors with a card that says where it is from.

    What is there already stays.

    Args:
        name: ``hf-hub:owner/name``, for instance ``hf-hub:1aurent/resnet50.tiatoolbox-pcam``.
        out: the checkpoint to write, ending in ``.safetensors``.
        head: a file with the one Linear that classifies a network's features (a pathology foundation model
            has none): ``weight`` ``(2, F)`` or ``(1, F)``, and ``bias``.

    Returns:
        ``out``, which loads as a victim.

    Raises:
        ModelError: the name is not one of the Hub, it cannot be reached, what lies there is not a network
            that timm builds, or it has no classifier of two classes.
    """
    if not is_published(name):
        raise ModelError(f"“{name}” is no name of the Hub. Give it as hf-hub:owner/name.")
    out = Path(out)
    if out.suffix != ".safetensors":
        raise ModelError(f"The checkpoint to write is {out.name}; it must end in .safetensors.")
    if out.is_file() and card_path(out).is_file():
        return out
    network = _from_hub(name, has_head=head is None)
    config = dict(network.pretrained_cfg)
    state = {key: value.contiguous() for key, value in network.state_dict().items()}
    architecture = f"timm/{config['architecture']}"
    options = {key: value for key, value in (config.get("model_args") or {}).items() if key not in _OURS}
    if head:
        state |= _head_tensors(head, architecture, options)
    facts = _preprocessing(network)
    card: dict[str, Any] = {
        "name": out.stem,
        "architecture": architecture,
        "options": options,
        **facts,
        "note": f"Fetched from {name} with timm"
        + (f"; classified by the Linear layer in {head.name}" if head else ""),
        "licence": config.get("license"),
    }
    if len(config.get("label_names") or ()) == 2 and not head:
        card["classes"] = list(config["label_names"])
    out.parent.mkdir(parents=True, exist_ok=True)
    write_whole(out, save(state, metadata={"format": "pt"}), advice=FULL)
    card["sha256"] = hashlib.sha256(out.read_bytes()).hexdigest()
    write_whole(card_path(out), (json.dumps(card, indent=2) + "\n").encode(), advice=FULL)
    try:
        Victim.load(out)
    except ModelError:
        out.unlink()
        card_path(out).unlink()
        raise
    return out


def _from_hub(name: str, *, has_head: bool) -> Any:
    # Nothing is told to the Hub beyond the name that is fetched.
    os.environ.setdefault("HF_HUB_DISABLE_TELEMETRY", "1")
    import timm

    how: dict[str, Any] = {} if has_head else {"num_classes": 0}
    try:
        return timm.create_model(name, pretrained=True, **how).eval()
    except OSError as error:
        raise ModelError(
            f"{name} could not be fetched ({_first_words(error)}). Check the name, connect to a network (a "
            "closed model also needs “hf auth login”), or give a checkpoint's file with --model."
        ) from error
    except Exception as error:  # timm and the Hub's client raise many kinds: it cannot be used
        raise ModelError(
            f"{name} is not a network that timm can build ({_first_words(error)}). Give another one, or save "
            "its weights and give the file with --model."
        ) from error


def _first_words(error: Exception) -> str:
    return " ".join(str(error).split())[:160]


def _preprocessing(network: Any) -> dict[str, Any]:
    from timm.data.config import resolve_model_data_config

    config = resolve_model_data_config(network)
    return {
        "input_size_px": int(config["input_size"][-1]),
        "mean": list(config["mean"]),
        "std": list(config["std"]),
    }


def _head_tensors(head: Path, architecture: str, options: dict[str, Any]) -> dict[str, torch.Tensor]:
    scopes = decode_tensors(read_checkpoint(head), head.name)
    parts = anatomy(architecture, frozen_options(options))
    found = {
        key.split(".")[-1]: value
        for tensors in scopes.values()
        for key, value in tensors.items()
        if key.split(".")[-1] in ("weight", "bias")
    }
    weight = found.get("weight")
    if weight is None or weight.ndim != 2 or weight.shape[1] != parts.features or len(weight) > 2:
        shape = "none" if weight is None else " x ".join(map(str, weight.shape))
        raise ModelError(
            f"{head.name} has no Linear layer for {architecture}: its weight is {shape}, where 2 x "
            f"{parts.features} (or 1 x {parts.features}) is needed."
        )
    return {f"{parts.head}.{key}": value.float().contiguous() for key, value in found.items()}
