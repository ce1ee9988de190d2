"""What the commands share: how a parser is made, and the options of data set, model and attack."""

import argparse
from pathlib import Path
from typing import TypeAlias

from snapgui.engine.settings import CENTRES, GAMUTS, PLACEMENTS, STARTS, AttackSettings, CellSettings
from snapgui.shipped import MODEL

# argparse gives this type no public name.
Commands: TypeAlias = "argparse._SubParsersAction[argparse.ArgumentParser]"
WITH_DEFAULTS = argparse.ArgumentDefaultsHelpFormatter


def add_data_argument(command: argparse.ArgumentParser) -> None:
    """The labelled data set."""
    command.add_argument(
        "data", type=Path, metavar="DATA", help="folder in Kaggle's layout, or with PCam's HDF5 files"
    )


def add_model_options(command: argparse.ArgumentParser) -> None:
    """The victim, and where it computes."""
    command.add_argument(
        "--model",
        type=Path,
        default=MODEL,
        metavar="FILE",
        help="safetensors or .pth; its card lies beside it",
    )
    command.add_argument("--device", default="auto", help="auto, cpu or cuda")


def add_attack_options(command: argparse.ArgumentParser) -> None:
    """Options for cells and patch, with the engine's own defaults."""
    cells, patch = CellSettings(), AttackSettings()
    command.add_argument("--cells", type=int, default=cells.count, help="how many cells")
    command.add_argument("--area", type=float, default=cells.area, help="share of the pixels that they cover")
    command.add_argument(
        "--centre", choices=CENTRES, default=cells.centre, help="whether cells may lie in the central 32 px"
    )
    command.add_argument("--placement", choices=PLACEMENTS, default=cells.placement)
    command.add_argument(
        "--gamut", choices=GAMUTS, default=patch.gamut, help="colours that the patch may use"
    )
    command.add_argument("--init", choices=STARTS, default=patch.start, help="colour that it starts from")
    command.add_argument("--steps", type=int, default=patch.steps)
    command.add_argument(
        "--restarts", type=int, default=patch.restarts, help="further rounds for an image that still stands"
    )
    command.add_argument(
        "--leak",
        type=float,
        default=patch.leak,
        help="share of the gradient that shut rectifiers pass in the first step; 0: none",
    )
    command.add_argument(
        "--smoothness",
        type=float,
        default=patch.smoothness,
        help="weight of roughness beyond the image's own",
    )
    command.add_argument(
        "--soft-edge", action="store_true", help="the outermost pixel of a cell keeps half of its own colour"
    )
    command.add_argument(
        "--confidence",
        type=float,
        default=patch.confidence,
        help="stop at this probability of the class aimed at",
    )
    command.add_argument("--seed", type=int, default=0)


def cell_settings(args: argparse.Namespace) -> CellSettings:
    """The cells that the options describe; raises SettingsError."""
    return CellSettings(
        count=args.cells, area=args.area, placement=args.placement, centre=args.centre, seed=args.seed
    )


def attack_settings(args: argparse.Namespace, *, target: int = 0) -> AttackSettings:
    """The attack that the options describe; raises SettingsError."""
    return AttackSettings(
        target=target,
        gamut=args.gamut,
        start=args.init,
        steps=args.steps,
        confidence=args.confidence,
        seed=args.seed,
        restarts=args.restarts,
        leak=args.leak,
        smoothness=args.smoothness,
        soft_edge=args.soft_edge,
    )
