"""The pictures of the README's presets: what each makes of the first demo metastasis, before beside after.

`python benchmarks/preset_pictures.py [--out DIR]` writes one PNG a preset.
"""

import argparse
import sys
from pathlib import Path

import cv2
import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from benchmarks.options import run_script
from benchmarks.patches import SOURCE
from snapgui import shipped
from snapgui.data.demo import demo_patches
from snapgui.engine.cells.outlines import draw_mask
from snapgui.engine.cells.placement import place_cells
from snapgui.engine.images import encode_png, read_pixels
from snapgui.engine.presets import PRESETS
from snapgui.engine.victim.memory import keep_freed_memory
from snapgui.engine.victim.victim import Victim
from snapgui.progress import drain
from snapgui.runs.naturalness import naturalness_of, naturalness_words
from snapgui.runs.records import RunRequest
from snapgui.runs.run import run_snap
from snapgui.runs.verdict import verdict

# Three dots for each pixel of the patch: large enough to see cells, three pairs beside each other on a page.
SCALE = 2
GAP_PX = 4


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--out", type=Path, default=shipped.ROOT / "assets" / "screenshots")
    args = parser.parse_args()
    keep_freed_memory()
    victim = Victim.load(shipped.MODEL)
    path = next(patch.path for patch in demo_patches() if patch.true_class == SOURCE)
    pixels = read_pixels(path)
    for name, preset in PRESETS.items():
        mask = draw_mask(place_cells(victim, pixels, preset.cells, preset.attack), pixels.shape[:2])
        result = drain(run_snap(victim, RunRequest(pixels, mask, preset.attack, image_name=path.name)))
        gap = np.full((pixels.shape[0], GAP_PX, 3), 255, np.uint8)
        pair = np.concatenate([pixels, gap, result.adversarial], axis=1)
        large = cv2.resize(pair, None, fx=SCALE, fy=SCALE, interpolation=cv2.INTER_CUBIC)
        (args.out / f"preset-{name}.png").write_bytes(encode_png(np.asarray(large, np.uint8)))
        print(name, verdict(result), naturalness_words(naturalness_of(result)), sep="\n", flush=True)


if __name__ == "__main__":
    run_script(main)
