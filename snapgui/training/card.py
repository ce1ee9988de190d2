"""A trained network on disk: float16 weights, and the card that says how they were made."""

import hashlib
import json
import os
import shlex
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save_file

from snapgui.engine.victim.victim import IMAGENET_MEAN, IMAGENET_STD
from snapgui.training.settings import TrainSettings
from snapgui.workspace import write_whole, writing_beside

Card = dict[str, Any]


def write_weights(network: torch.nn.Module, out: Path) -> None:
    """Write float16 weights under torchvision's names in one move: who is killed meanwhile leaves the old
    file.
    """
    out.parent.mkdir(parents=True, exist_ok=True)
    state = {
        key: value.detach().cpu().half().contiguous()
        for key, value in network.state_dict().items()
        if not key.endswith("num_batches_tracked")
    }
    with writing_beside(out) as partial:
        # One entry alone: safetensors writes several in an order of chance, and a file has one digest.
        save_file(state, partial, metadata={"format": "pt"})


def make_card(
    out: Path,
    settings: TrainSettings,
    *,
    labels: Any,
    splits: Mapping[str, int],
    command: list[str],
    device: str,
) -> Card:
    """The card of the weights in ``out``, without figures.

    Args:
        out: written weights.
        settings: how they were trained.
        labels: of the training patches, ``(N,)``, 1 for metastasis.
        splits: how many patches each split of the data set has.
        command: the words of the command that trained them; paths are cut to their last names.
        device: on what.
    """
    return {
        "name": out.stem,
        "architecture": settings.architecture,
        "classes": ["normal", "metastasis"],
        "input_size_px": settings.input_size_px,
        "patch_size_px": 96,
        "mean": list(IMAGENET_MEAN),
        "std": list(IMAGENET_STD),
        "resize": "bilinear",
        "sha256": hashlib.sha256(out.read_bytes()).hexdigest(),
        "training": {
            "patches": len(labels),
            "positive": int(labels.sum()),
            "command": shlex.join(map(without_folders, command)),
            "device": device,
            **settings.to_json(),
        },
        "teacher": _teacher_facts(settings.teacher),
        "splits": dict(splits),
    }


def write_card(out: Path, card: Card) -> None:
    """Write the card beside the weights ``out``, in one move."""
    text = json.dumps(card, indent=2) + "\n"
    write_whole(out.with_suffix(".json"), text.encode(), advice="Free space, then train again.")


def without_folders(word: str) -> str:
    """A word of the command line; a path by its last name alone, since cards travel and folders do not."""
    return Path(word).name if "/" in word or os.sep in word else word


def _teacher_facts(teacher: str | None) -> dict[str, object] | None:
    """What the teacher's own card says of how it was made and how good it is."""
    if teacher is None:
        return None
    path = Path(teacher)
    card_path = path.with_suffix(".json")
    card = json.loads(card_path.read_text(encoding="utf-8")) if card_path.is_file() else {}
    command = card.get("training", {}).get("command")
    return {
        "file": path.name,
        "sha256": hashlib.sha256(path.read_bytes()).hexdigest(),
        # A card of before may name folders of the machine that it was written on.
        "command": command and shlex.join(map(without_folders, shlex.split(command))),
        "figures": card.get("figures"),
    }
