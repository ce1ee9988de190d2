"""What the commands share: how a parser is made, and the options of data set, model and attack."""

import argparse
import re
import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

from snapgui.engine.presets import DEFAULT_PRESET, PRESET_NAMES, PRESETS
from snapgui.engine.settings import (
    CENTRES,
    GAMUTS,
    PLACEMENTS,
    STARTS,
    TEXTURES,
    AttackSettings,
    CellSettings,
)
from snapgui.errors import SettingsError, SnapError
from snapgui.shipped import MODEL

if TYPE_CHECKING:
    from snapgui.engine.victim.victim import Victim

# argparse gives this type no public name.
Commands: TypeAlias = "argparse._SubParsersAction[argparse.ArgumentParser]"
WITH_DEFAULTS = argparse.ArgumentDefaultsHelpFormatter


def add_data_argument(command: argparse.ArgumentParser) -> None:
    """The labelled data set."""
    command.add_argument(
        "data",
        type=Path,
        metavar="DATA",
        help="folder in Kaggle's layout, with a folder for each class, with "
        "PCam's HDF5 files, or WILDS' Camelyon17",
    )


def add_engine_options(command: argparse.ArgumentParser) -> None:
    """Where shards are computed: here, or on a Ray cluster."""
    command.add_argument("--engine", choices=("local", "ray"), default="local")
    command.add_argument(
        "--address", default=None, help="of a Ray cluster, auto finds one; without it a local one is started"
    )


def add_model_options(command: argparse.ArgumentParser) -> None:
    """The victim, and where it computes."""
    command.add_argument(
        "--model",
        default=MODEL,
        type=model_file,
        metavar="FILE",
        help="safetensors, .pth, or TorchScript; its card lies beside it. A name of the Hugging Face Hub "
        "(hf-hub:owner/name) is fetched once and kept in the workspace",
    )
    command.add_argument("--device", default="auto", help="auto, cpu, cuda or mps")


def model_file(name: str) -> Path:
    """The file of a model; one of the Hub is fetched."""
    if not name.startswith(("hf-hub:", "local-dir:")):
        return Path(name)
    from snapgui.data.published import fetch_model
    from snapgui.workspace import workspace

    words = re.sub(r"[^\w.-]+", "-", name.partition(":")[2]).strip("-.")
    try:
        return fetch_model(name, workspace() / "models" / f"{words}.safetensors")
    except SnapError as error:
        raise argparse.ArgumentTypeError(str(error)) from error


def load_victim(args: argparse.Namespace) -> "Victim":
    """The victim that the options name; what was assumed of it goes to standard error."""
    from snapgui.engine.victim.victim import Victim, choose_device

    victim = Victim.load(args.model, device=choose_device(args.device))
    for words in victim.card.assumed:
        print(f"note: {words}", file=sys.stderr)
    return victim


def add_attack_options(command: argparse.ArgumentParser) -> None:
    """A preset, and options that change single settings of it."""
    command.add_argument(
        "--preset",
        choices=PRESET_NAMES,
        default=DEFAULT_PRESET,
        help="all settings below at once; each that is given takes the place of the preset's",
    )
    single = command.add_argument_group("single settings, where the preset's are not wanted")

    def add(name: str, **how: Any) -> None:
        single.add_argument(name, default=argparse.SUPPRESS, **how)

    add(
        "--texture",
        choices=TEXTURES,
        help="free: each pixel by itself; retouch: the image's own, restained; nucleus: painted nuclei",
    )
    add(
        "--bound",
        type=float,
        metavar="SHARE",
        help="of retouch: how far a stain's amount may change; of nucleus: how many standard deviations a "
        "code may have",
    )
    add("--grid", type=float, metavar="PX", help="of retouch: distance between two nodes of its field")
    add(
        "--least-change",
        action=argparse.BooleanOptionalAction,
        help="once the goal is reached, go on with as little change as still reaches it",
    )
    add("--cells", type=int, metavar="N", help="how many cells")
    add("--area", type=float, metavar="SHARE", help="share of the pixels that they cover")
    add("--centre", choices=CENTRES, help="whether cells may lie in the central 32 px")
    add("--placement", choices=PLACEMENTS)
    add("--gamut", choices=GAMUTS, help="colours that the patch may use")
    add("--init", choices=STARTS, help="colour that it starts from")
    add("--steps", type=int, metavar="N")
    add("--restarts", type=int, metavar="N", help="further rounds for an image that still stands")
    add(
        "--leak",
        type=float,
        metavar="SHARE",
        help="share of the gradient that shut rectifiers pass in the first step; 0: none",
    )
    add("--smoothness", type=float, metavar="WEIGHT", help="weight of roughness beyond the image's own")
    add(
        "--soft-edge",
        action=argparse.BooleanOptionalAction,
        help="the outermost pixel of a cell keeps half of its own colour",
    )
    add("--confidence", type=float, metavar="P", help="the goal: this probability of the class aimed at")
    add("--seed", type=int, metavar="N")


# Which setting an option changes, where their names differ.
_CELLS = {"cells": "count", "area": "area", "placement": "placement", "centre": "centre", "seed": "seed"}
_ATTACK = {
    "init": "start",
    "grid": "grid_px",
    **{
        name: name
        for name in (
            "texture",
            "bound",
            "least_change",
            "gamut",
            "steps",
            "confidence",
            "seed",
            "restarts",
            "leak",
            "smoothness",
            "soft_edge",
        )
    },
}


def _given(args: argparse.Namespace, names: dict[str, str]) -> dict[str, Any]:
    return {setting: getattr(args, option) for option, setting in names.items() if hasattr(args, option)}


def cell_settings(args: argparse.Namespace) -> CellSettings:
    """The cells that preset and options describe; raises SettingsError, also for an option without effect."""
    cells = replace(PRESETS[args.preset].cells, **_given(args, _CELLS))
    if hasattr(args, "cells") and cells.placement == "all_nuclei":
        raise SettingsError(
            f"--cells {args.cells} means nothing with the placement all_nuclei, which takes every nucleus. "
            "Leave it out, or add --placement nuclei or --preset paper."
        )
    return cells


def attack_settings(args: argparse.Namespace, *, target: int = 0) -> AttackSettings:
    """The attack that preset and options describe; raises SettingsError."""
    return replace(PRESETS[args.preset].attack, target=target, **_given(args, _ATTACK))
