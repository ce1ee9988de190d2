"""The options that all scripts share: which victim, which patches, which masks."""

import argparse
import sys
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch

from benchmarks.patches import PatchBatch, collect, open_hcd
from benchmarks.results import shown_command
from benchmarks.timing import device_name, versions
from snapgui import shipped
from snapgui.engine.presets import PRESETS, preset_with
from snapgui.engine.settings import CENTRES, GAMUTS, TEXTURES, AttackSettings, CellSettings, TextureName
from snapgui.engine.victim.memory import keep_freed_memory
from snapgui.engine.victim.victim import Victim, choose_device
from snapgui.errors import SnapError


def strongest(texture: TextureName) -> AttackSettings:
    """The attack with this texture within its preset's bounds, for the largest margin and not for the least
    change: no goal, every step.
    """
    return replace(PRESETS[preset_with(texture)].attack, least_change=False, confidence=1.0)


def add_common(parser: argparse.ArgumentParser, *, images: int = 64, split: str = "val_random") -> None:
    """Add the shared options."""
    parser.add_argument("--images", type=int, default=images, help="how many correctly classified metastases")
    parser.add_argument("--split", default=split)
    parser.add_argument(
        "--data", type=Path, default=None, help="folder of the patches; else what SNAP_HCD_DIR names"
    )
    parser.add_argument("--model", type=Path, default=shipped.MODEL, help="checkpoint of the victim")
    parser.add_argument("--device", default="auto", help="auto, cpu or cuda")
    parser.add_argument("--cells", type=int, default=12)
    parser.add_argument("--area", type=float, default=0.05)
    parser.add_argument("--centre", choices=CENTRES, default="open")
    parser.add_argument("--gamut", choices=(*GAMUTS, "free"), default="range", help="colours of our attack")
    parser.add_argument(
        "--texture",
        choices=TEXTURES,
        default="free",
        help="what the patch is made of; another than free brings its preset's cells and bounds with it",
    )


def add_picture_options(parser: argparse.ArgumentParser, conditions: Sequence[str]) -> None:
    """Add what scripts share that judge kept pictures of conditions."""
    parser.add_argument("--cache", type=Path, required=True, help="where pictures and numbers are kept")
    parser.add_argument("--train-images", type=int, default=300, help="of train, for the detectors")
    parser.add_argument("--images", type=int, default=300, help="of the split that is judged")
    parser.add_argument("--split", default="val_slides")
    parser.add_argument("--only", nargs="+", choices=conditions, default=list(conditions))
    parser.add_argument(
        "--data", type=Path, default=None, help="folder of the patches; else what SNAP_HCD_DIR names"
    )
    parser.add_argument("--model", type=Path, default=shipped.MODEL)
    parser.add_argument("--device", default="cpu", help="auto, cpu or cuda")
    parser.add_argument("--threads", type=int, default=1)


def load_common(args: argparse.Namespace) -> tuple[Victim, PatchBatch]:
    """The victim and the common set, on the device."""
    keep_freed_memory()
    victim = Victim.load(args.model, device=choose_device(args.device))
    return victim, collect_common(args, victim, args.split)


def collect_common(
    args: argparse.Namespace, victim: Victim, split: str, *, count: int | None = None
) -> PatchBatch:
    """The set that the options ask for, from one split; ``count`` images where that is another number."""
    preset = PRESETS[preset_with(args.texture)]
    cells = CellSettings(count=args.cells, area=args.area, centre=args.centre)
    if args.texture != "free":
        cells = replace(preset.cells, centre=args.centre)
    patches = open_hcd(args.data).split(split)
    batch = collect(patches, victim, count=count or args.images, cells=cells, attack=preset.attack)
    return replace(batch, gamut=args.gamut)


def victim_facts(victim: Victim, *packages: str) -> dict[str, str]:
    """On what, with what and against whom."""
    device = victim.mean.device
    return {
        "device": f"{device_name(device)}, {torch.get_num_threads()} CPU threads",
        "versions": ", ".join(
            f"{name} {version}"
            for name, version in versions("torch", "torchvision", "numpy", *packages).items()
        ),
        "victim": (
            f"{victim.card.name}, {victim.card.architecture} at {victim.card.input_size_px} px, sha256 "
            f"{victim.card.sha256}"
        ),
    }


def measured_with(device: torch.device) -> dict[str, Any]:
    """On what, and with what."""
    return {
        "device": device_name(device),
        "versions": versions("torch", "torchvision", "numpy"),
        "command": shown_command(sys.argv),
    }


def facts(args: argparse.Namespace, victim: Victim, *packages: str) -> dict[str, str]:
    """What a reader must know beside the numbers."""
    masks = f"{args.cells} scattered cells, {args.area:.0%} of the image, centre {args.centre}"
    colours = f"gamut {args.gamut}"
    if args.texture != "free":
        preset = PRESETS[preset_with(args.texture)]
        masks = (
            f"{preset.cells.placement}, at most {preset.cells.area:.0%} of the image, centre {args.centre}"
        )
        colours = f"texture {args.texture}, as in the preset {preset_with(args.texture)}"
    return victim_facts(victim, *packages) | {
        "patches": (
            f"the first {args.images} correctly classified metastases of {args.split} with room for the cells"
        ),
        "masks": f"{masks}; {colours}",
    }


def run_script(main: Callable[[], None]) -> None:
    """Run a script; bad input ends it with one sentence and 2."""
    try:
        main()
    except SnapError as error:
        print(error, file=sys.stderr)
        sys.exit(2)
