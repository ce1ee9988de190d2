"""Image-steps a second of the attack on a ResNet50, size by size, beside a bare forward pass and
input-gradient; a part of benchmarks/gpu.py.
"""

import argparse
import sys
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import torch

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from benchmarks.gpu_scale import FULL, SMOKE, Scale, add_gpu_options, write_result
from benchmarks.measures import every_step
from benchmarks.options import measured_with, run_script
from benchmarks.patches import TARGET, PatchBatch, attack
from benchmarks.timing import alternate, ratios, spread, time_once
from snapgui.engine.attack.objectives import Targeted
from snapgui.engine.settings import AttackSettings
from snapgui.engine.victim.victim import ModelCard, Victim, choose_device
from snapgui.training.networks import build_network


def measure_speed(scale: Scale, size_px: int, device: torch.device) -> dict[str, Any]:
    """Image-steps a second at one input size, in alternating blocks; weights are random, since they do not
    change the work.
    """
    torch.manual_seed(0)
    card = ModelCard("fresh", "resnet50", input_size_px=size_px)
    victim = Victim(build_network("resnet50").eval(), card).to(device)
    generator = torch.Generator().manual_seed(0)
    images = torch.randint(30, 225, (scale.speed_images, 3, 96, 96), generator=generator) / 255
    masks = torch.rand(scale.speed_images, 1, 96, 96, generator=generator) < 0.05
    batch = PatchBatch(tuple(map(str, range(len(images)))), images.to(device), masks.to(device))
    # One long run is advanced block by block: the warm-up block holds its set-up, the others steps alone.
    limit = scale.speed_steps * (scale.repeats + 2)
    steps = attack(victim, batch, replace(every_step(AttackSettings()), steps=limit))
    pixels = batch.images.clone().requires_grad_()
    bfloat16 = device.type == "cuda" and torch.cuda.is_bf16_supported()

    def ours() -> None:
        for _ in range(scale.speed_steps):
            next(steps)

    def bare() -> None:
        for _ in range(scale.speed_steps):
            with torch.autocast(device.type, torch.bfloat16, enabled=bfloat16):
                logits = victim(pixels).float()
            torch.autograd.grad(Targeted(TARGET).margin(logits).sum(), pixels)

    times = alternate(
        {"ours": lambda: time_once(ours, device), "bare": lambda: time_once(bare, device)},
        repeats=scale.repeats,
    )
    done = scale.speed_steps * len(batch)
    return {
        "input_size_px": size_px,
        "images": len(batch),
        "image_steps_a_second": asdict(spread([done / seconds for seconds in times["ours"]])),
        "bare_a_second": asdict(spread([done / seconds for seconds in times["bare"]])),
        "bare_share_of_our_step": asdict(ratios(times["bare"], times["ours"])),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    add_gpu_options(parser, patches=False)
    args = parser.parse_args()
    scale, device = (SMOKE, choose_device("cpu")) if args.smoke else (FULL, choose_device("cuda"))
    values: dict[str, Any] = {**measured_with(device), "sizes": []}
    for size_px in scale.speed_sizes_px:
        values["sizes"].append(measure_speed(scale, size_px, device))
        write_result(args.out, "speed", values)


if __name__ == "__main__":
    run_script(main)
