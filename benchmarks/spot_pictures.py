"""The pairs of the app's “Spot it”: the first six demo metastases that the preset ``natural`` makes the model
miss.

`python benchmarks/spot_pictures.py [--out DIR]` writes the altered pictures and ``spot.json``.
"""

import argparse
import hashlib
import json
import sys
from dataclasses import replace
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from benchmarks.options import run_script
from benchmarks.patches import SOURCE, TARGET
from snapgui import shipped
from snapgui.data.demo import demo_patches
from snapgui.engine.cells.outlines import draw_mask
from snapgui.engine.cells.placement import place_cells
from snapgui.engine.images import read_pixels
from snapgui.engine.presets import PRESETS
from snapgui.engine.victim.memory import keep_freed_memory
from snapgui.engine.victim.victim import Victim
from snapgui.progress import drain
from snapgui.runs.files import adversarial_png
from snapgui.runs.records import RunRequest
from snapgui.runs.run import run_snap
from snapgui.ui.workbench.spot_pairs import FILE, FOLDER, PAIRS


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--out", type=Path, default=FOLDER)
    args = parser.parse_args()
    keep_freed_memory()
    args.out.mkdir(parents=True, exist_ok=True)
    victim = Victim.load(shipped.MODEL)
    preset = PRESETS["natural"]
    attack = replace(preset.attack, target=TARGET)
    pairs: list[dict[str, object]] = []
    for patch in demo_patches():
        if patch.true_class != SOURCE or len(pairs) == PAIRS:
            continue
        pixels = read_pixels(patch.path)
        mask = draw_mask(place_cells(victim, pixels, preset.cells, attack), pixels.shape[:2])
        request = RunRequest(
            pixels, mask, attack, cells=preset.cells, image_name=patch.name, true_class=SOURCE, synthetic=True
        )
        result = drain(run_snap(victim, request))
        if not result.flipped:
            continue
        data = adversarial_png(result)
        (args.out / f"{patch.name}.png").write_bytes(data)
        pairs.append(
            {
                "original": patch.name,
                "p_before": round(result.p_before[SOURCE], 4),
                "p_after": round(result.p_after[SOURCE], 4),
                "sha256": hashlib.sha256(data).hexdigest(),
            }
        )
        print(pairs[-1], flush=True)
    values = {"model_sha256": victim.card.sha256, "preset": "natural", "pairs": pairs}
    (args.out / FILE).write_text(json.dumps(values, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    run_script(main)
