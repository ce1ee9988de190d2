"""The command ``attack``: SNAP on one picture."""

import argparse
from pathlib import Path

from snapgui.commands.options import (
    WITH_DEFAULTS,
    Commands,
    add_attack_options,
    add_model_options,
    attack_settings,
    cell_settings,
    load_victim,
)
from snapgui.engine.settings import AttackSettings
from snapgui.progress import drain
from snapgui.words import as_text
from snapgui.workspace import write_whole


def add_attack(commands: Commands) -> None:
    """Add ``attack``."""
    attack = commands.add_parser("attack", help="run SNAP on one picture", formatter_class=WITH_DEFAULTS)
    attack.add_argument("image", type=Path, metavar="IMAGE")
    attack.add_argument(
        "--window",
        type=int,
        nargs=2,
        default=None,
        metavar=("LEFT", "TOP"),
        help="96 px window of a larger field",
    )
    attack.add_argument(
        "--target", type=int, default=AttackSettings().target, help="class aimed at: 0 normal, 1 metastasis"
    )
    add_attack_options(attack)
    attack.add_argument(
        "--mask",
        type=Path,
        default=None,
        metavar="FILE",
        help="a mask picture (white, or labels that are not 0: may change), QuPath's GeoJSON or ImageJ's "
        ".roi or .zip, instead of proposed cells",
    )
    attack.add_argument(
        "--out", type=Path, required=True, metavar="DIR", help="folder for the files of the run"
    )
    add_model_options(attack)
    attack.set_defaults(run=run_attack)


def run_attack(args: argparse.Namespace, arguments: list[str]) -> None:
    """Attack one picture and write the files of the run."""
    settings = attack_settings(args, target=args.target)
    cells = None if args.mask else cell_settings(args)

    from snapgui.engine.cells.outlines import draw_mask, load_understood_mask
    from snapgui.engine.cells.placement import place_cells
    from snapgui.engine.images import read_window_told
    from snapgui.engine.victim.memory import keep_freed_memory
    from snapgui.report.run.figure import figure_png
    from snapgui.runs.files import run_geojson
    from snapgui.runs.naturalness import naturalness_of, naturalness_words
    from snapgui.runs.records import RunRequest
    from snapgui.runs.run import run_snap
    from snapgui.runs.store import save_run
    from snapgui.runs.verdict import verdict

    keep_freed_memory()
    pixels, guessed = read_window_told(args.image, args.window)
    if guessed:
        print(f"note: {guessed}")
    shape = (pixels.shape[0], pixels.shape[1])
    victim = load_victim(args)
    if cells:
        mask = draw_mask(place_cells(victim, pixels, cells, settings), shape)
    else:
        mask, words = load_understood_mask(args.mask, shape=shape)
        print(f"note: of {args.mask.name}, {words} may change: {int(mask.sum())} px.")
    request = RunRequest(
        pixels,
        mask,
        settings,
        cells,
        image_name=as_text(args.image.name),
        mask_source="proposed" if cells else "imported",
    )
    result = drain(run_snap(victim, request))
    save_run(result, args.out)
    write_whole(args.out / "mask.geojson", run_geojson(result), advice="Choose another place for --out.")
    write_whole(args.out / "figure.png", figure_png(result), advice="Choose another place for --out.")
    for finding in result.findings:
        print(f"note: {finding}")
    print(verdict(result))
    print(naturalness_words(naturalness_of(result)))
