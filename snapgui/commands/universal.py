"""The commands ``universal`` and ``apply``: one patch for many images."""

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from snapgui.commands.options import (
    WITH_DEFAULTS,
    Commands,
    add_data_argument,
    add_model_options,
    load_victim,
)
from snapgui.engine.presets import PRESETS, preset_with
from snapgui.engine.settings import (
    CENTRES,
    GAMUTS,
    RANDOM_NAMES,
    TEXTURES,
    CellSettings,
    UniversalSettings,
)
from snapgui.errors import SettingsError
from snapgui.progress import drain
from snapgui.words import per_cent, with_count, with_interval

if TYPE_CHECKING:
    from snapgui.engine.attack.universal import UniversalStep


def add_universal(commands: Commands) -> None:
    """Add ``universal``."""
    cells, patch = CellSettings(), UniversalSettings()
    universal = commands.add_parser(
        "universal",
        help="train one patch for many images",
        formatter_class=WITH_DEFAULTS,
    )
    add_data_argument(universal)
    universal.add_argument(
        "--out", type=Path, required=True, metavar="DIR", help="folder for the patch and its numbers"
    )
    universal.add_argument("--train-split", default="train", metavar="NAME")
    universal.add_argument(
        "--test-split", default="val_random", metavar="NAME", help="patches that the training never sees"
    )
    universal.add_argument(
        "--limit", type=int, default=256, metavar="N", help="at most N metastases of each split"
    )
    universal.add_argument(
        "--layout",
        choices=("cells", "nuclei"),
        default="cells",
        help="the same cells in every image, or one texture laid into each image's own nuclei",
    )
    universal.add_argument("--cells", type=int, default=cells.count, help="how many cells")
    universal.add_argument(
        "--area", type=float, default=cells.area, help="share of the pixels that they cover"
    )
    universal.add_argument("--centre", choices=CENTRES, default=cells.centre)
    universal.add_argument(
        "--texture",
        choices=TEXTURES,
        default=patch.texture,
        help="free: each pixel by itself; retouch: the image's own, restained by one field; nucleus: one "
        "painted nucleus a cell, in each image's own stains",
    )
    universal.add_argument(
        "--bound",
        type=float,
        default=argparse.SUPPRESS,
        metavar="SHARE",
        help="of retouch and nucleus, see `attack`; without it as in the preset of that texture",
    )
    universal.add_argument(
        "--grid",
        type=float,
        default=argparse.SUPPRESS,
        metavar="PX",
        help="of retouch: distance between two nodes of its field; without it as in the preset",
    )
    universal.add_argument(
        "--gamut", choices=GAMUTS, default=patch.gamut, help="colours, of the texture free alone"
    )
    universal.add_argument("--epochs", type=int, default=patch.epochs)
    universal.add_argument("--batch-size", type=int, default=patch.batch_size)
    universal.add_argument(
        "--confidence", type=float, default=patch.confidence, help="an image counts as solved from here on"
    )
    universal.add_argument("--seed", type=int, default=0)
    add_model_options(universal)
    universal.set_defaults(run=run_universal)


def run_universal(args: argparse.Namespace, arguments: list[str]) -> None:
    """Train one patch for a set and print its success on training and held-out patches."""
    cells = CellSettings(count=args.cells, area=args.area, centre=args.centre, seed=args.seed)
    alone = PRESETS[preset_with(args.texture)].attack
    settings = UniversalSettings(
        texture=args.texture,
        bound=getattr(args, "bound", alone.bound),
        grid_px=getattr(args, "grid", alone.grid_px),
        gamut=args.gamut,
        confidence=args.confidence,
        epochs=args.epochs,
        batch_size=args.batch_size,
        seed=args.seed,
    )
    if args.limit < 1:
        raise SettingsError(f"limit is {args.limit}; it must be at least 1.")
    from snapgui.audit.universal import run_universal as train_and_measure
    from snapgui.engine.victim.memory import keep_freed_memory

    keep_freed_memory()
    victim = load_victim(args)
    training = train_and_measure(
        victim,
        args.data,
        args.out,
        train_split=args.train_split,
        test_split=args.test_split,
        limit=args.limit,
        layout=args.layout,
        cells=cells,
        settings=settings,
    )

    def show(step: "UniversalStep") -> None:
        if step.index % 10 == 0:
            print(
                f"batch {step.index}, shortfall {step.loss:.2f}, solved {per_cent(step.success)}",
                file=sys.stderr,
                flush=True,
            )

    numbers = drain(training, show)
    for name, part in (("training", numbers["training"]), ("held out", numbers["held_out"])):
        print(f"{name}: {_success_words(part, settings)}")


def add_apply(commands: Commands) -> None:
    """Add ``apply``."""
    text = "lay a saved universal patch on new pictures without training, with the same model or another"
    apply = commands.add_parser("apply", help=text, description=text, formatter_class=WITH_DEFAULTS)
    apply.add_argument("patch", type=Path, metavar="DIR", help="the folder that `universal` wrote")
    add_data_argument(apply)
    apply.add_argument(
        "--out", type=Path, required=True, metavar="DIR", help="folder for the pictures and numbers"
    )
    apply.add_argument("--split", default=None, metavar="NAME", help="of the data set; all without it")
    apply.add_argument("--limit", type=int, default=256, metavar="N", help="at most N metastases")
    add_model_options(apply)
    apply.set_defaults(run=run_apply)


def run_apply(args: argparse.Namespace, arguments: list[str]) -> None:
    """Print how many metastases the patch hides."""
    if args.limit < 1:
        raise SettingsError(f"limit is {args.limit}; it must be at least 1.")
    from snapgui.audit.universal import apply_universal

    victim = load_victim(args)
    found = apply_universal(victim, args.patch, args.data, args.out, split=args.split, limit=args.limit)
    if found["trained_on_sha256"] != found["model_sha256"]:
        print("note: the patch was trained on another model.", file=sys.stderr)
    print(_success_words(found, UniversalSettings.from_json(found["settings"])))


def _success_words(part: dict[str, Any], settings: UniversalSettings) -> str:
    return (
        f"{with_count(part['flipped'])} of the metastases called normal, "
        f"{with_interval(part['random_canvas_flipped'])} with a random patch "
        f"({RANDOM_NAMES[settings.texture]}; {len(part['random_canvases'])} draws), "
        f"{per_cent(part['area'])} of the pixels, "
        f"cells in the centre of {with_interval(part['centre_open'])}"
    )
