"""A ResNet50 learns from a DenseNet-121 for as many epochs as its time allows; a part of benchmarks/gpu.py.

The weights (float16) and their card are written anew after every epoch. A teacher without a classifier is
fine-tuned first. Patches are files of benchmarks/compact.py, decoded once into the GPU's memory; those of the
split ``train`` are learned from, all others scored.
"""

import argparse
import copy
import json
import math
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from benchmarks.compact import Patches, read_compact
from benchmarks.gpu_scale import FULL, SMOKE, Scale, add_gpu_options, write_result
from benchmarks.options import measured_with, run_script
from benchmarks.timing import device_name, time_once
from snapgui.engine.victim.checkpoints import read_state
from snapgui.engine.victim.victim import ModelCard, Victim, choose_device
from snapgui.errors import DataError
from snapgui.training.card import make_card, write_card, write_weights
from snapgui.training.evaluate import figures_of
from snapgui.training.settings import TrainSettings
from snapgui.training.student import Student, make_rule

# What is kept back from the time to write and score the last weights.
CLOSING_S = 15.0


def run_training(
    out: Path, scale: Scale, device: torch.device, *, files: list[Path], teacher: Path, until: float
) -> None:
    """Train the teacher's classifier where it has none, then the student, and score what was written.

    ``until`` is `time.monotonic`'s value at which all must be done.
    """
    if device.type == "cuda":
        torch.backends.cudnn.benchmark = True
    torch.set_float32_matmul_precision("high")
    sets = {name: part.to(device) for name, part in read_compact(files).items()}
    if "train" not in sets or len(sets["train"]) < scale.batch_size:
        raise DataError(
            f"--patches hold {len(sets.get('train', ()))} training patches; a batch needs {scale.batch_size}."
        )
    log: dict[str, Any] = {**measured_with(device), "epochs": []}
    own_teacher = teacher
    if "classifier.weight" not in read_state(teacher):
        own_teacher = out / f"densenet121_{scale.input_size_px}.safetensors"
        settings = TrainSettings(
            architecture="densenet121",
            init=str(teacher),
            input_size_px=scale.input_size_px,
            epochs=scale.teacher_epochs,
            batch_size=scale.batch_size,
            learning_rate=6e-4,
            stain=0.08,
        )
        fine_tune(own_teacher, settings, sets, log, lambda: write_result(out, "training", log))
    settings = TrainSettings(
        init="random",
        teacher=str(own_teacher),
        input_size_px=scale.input_size_px,
        epochs=scale.most_epochs,
        batch_size=scale.batch_size,
        learning_rate=scale.learning_rate,
        stain=0.08,
    )
    epoch_s = time_epoch(settings, sets, scale.timed_steps)
    left = 0.95 * (until - time.monotonic()) - CLOSING_S
    # Windows are a third of the work: a third of the epochs on them makes the mean epoch 7/9 of a whole one.
    epochs = max(1, min(scale.most_epochs, math.floor(left / (epoch_s * 7 / 9))))
    settings = replace(settings, epochs=epochs, crop_epochs=epochs // 3)
    log |= {"timed_epoch_s": epoch_s, "planned_epochs": epochs}
    student = out / f"resnet50_{scale.input_size_px}.safetensors"
    fine_tune(student, settings, sets, log, lambda: write_result(out, "training", log))


def fine_tune(
    weights: Path,
    settings: TrainSettings,
    sets: dict[str, Patches],
    log: dict[str, Any],
    write_log: Callable[[], None],
) -> None:
    """Train one network; weights, card and log are written after every epoch, the last scored from its file.

    Patches lie on their device from the start; `snapgui train` reads them anew in every epoch, which no GPU
    can be fed with.
    """
    training = sets["train"]
    device = training.pixels.device
    torch.manual_seed(settings.seed)
    student = Student(settings).to(device)
    student.bring_teacher(device)
    optimiser, schedule = make_rule(student, steps=settings.epochs * steps_of(training, settings))
    for epoch in range(settings.epochs):
        began = time.perf_counter()
        loss = torch.zeros((), device=device)
        for pixels, labels, cropped, chance in batches(training, settings, epoch):
            loss = take_step(student, optimiser, pixels, labels, cropped, chance)
            schedule.step()
        last_loss = loss.item()  # waits for the device
        seconds = time.perf_counter() - began
        write_weights(student.network, weights)
        card = make_card(
            weights,
            settings,
            labels=training.labels,
            splits={name: len(part) for name, part in sets.items()},
            command=["python", *sys.argv],
            device=device_name(device),
        )
        card["training"]["epochs_done"] = epoch + 1
        network = copy.deepcopy(student.network)
        card["figures"] = scores(network, settings, sets, whole=epoch + 1 == settings.epochs)
        write_card(weights, card)
        log["epochs"].append(
            {
                "network": settings.architecture,
                "epoch": epoch + 1,
                "of": settings.epochs,
                "cropped": epoch < settings.crop_epochs,
                "seconds": seconds,
                "patches_a_second": len(training) / seconds,
                "loss": last_loss,
                "accuracy": {name: values["accuracy"] for name, values in card["figures"].items()},
            }
        )
        write_log()
        print(json.dumps(log["epochs"][-1]), flush=True)


def steps_of(training: Patches, settings: TrainSettings) -> int:
    """Steps an epoch; a last short batch is left out."""
    return len(training) // settings.batch_size


def batches(
    training: Patches, settings: TrainSettings, epoch: int
) -> Iterator[tuple[torch.Tensor, torch.Tensor, bool, torch.Generator]]:
    """Pixels, labels, whether they are seen through a window, and the source of chance, batch by batch."""
    chance = torch.Generator().manual_seed(settings.seed + 1_000_003 * epoch)
    order = torch.randperm(len(training), generator=chance).to(training.labels.device)
    for step in range(steps_of(training, settings)):
        rows = order[step * settings.batch_size : (step + 1) * settings.batch_size]
        yield training.pixels[rows], training.labels[rows], epoch < settings.crop_epochs, chance


def take_step(
    student: Student,
    optimiser: torch.optim.Optimizer,
    pixels: torch.Tensor,
    labels: torch.Tensor,
    cropped: bool,
    chance: torch.Generator,
) -> torch.Tensor:
    """One step of training; the loss, still on the device."""
    student.train()
    views = student.views(pixels, cropped=cropped, generator=chance)
    with torch.autocast(pixels.device.type, torch.bfloat16, enabled=pixels.is_cuda):
        loss = student.loss(views, labels, cropped=cropped)
    optimiser.zero_grad(set_to_none=True)
    loss.backward()
    optimiser.step()
    return loss.detach()


def time_epoch(settings: TrainSettings, sets: dict[str, Patches], timed_steps: int) -> float:
    """Seconds of an epoch of whole patches with its scoring and writing, from a few steps of a student that
    is thrown away.
    """
    training = sets["train"]
    device = training.pixels.device
    student = Student(settings).to(device)
    student.bring_teacher(device)
    optimiser, _ = make_rule(student, steps=100)
    made = (batch for epoch in range(100) for batch in batches(training, settings, epoch))

    def steps() -> None:
        for _ in range(timed_steps):
            take_step(student, optimiser, *next(made))

    def score() -> None:
        scores(copy.deepcopy(student.network), settings, sets, whole=False)

    steps(), score()  # kernels are searched for once
    step_s = time_once(steps, device) / timed_steps
    return step_s * steps_of(training, settings) + time_once(score, device) + 0.5


@torch.no_grad()
def scores(
    network: torch.nn.Module, settings: TrainSettings, sets: dict[str, Patches], *, whole: bool
) -> dict[str, Any]:
    """Figures of the network, rounded to float16 as it is written, on every split; in float32 with 2,000
    training patches where ``whole``, else in bfloat16 on the validation splits alone.
    """
    rounded = network.half().float().eval()
    card = ModelCard("written", settings.architecture, input_size_px=settings.input_size_px)
    figures = {}
    for name, part in sets.items():
        if name == "train" and not whole:
            continue
        if name == "train":
            chosen = np.random.default_rng(0).choice(len(part), min(2000, len(part)), replace=False)
            part = Patches(part.pixels[np.sort(chosen)], part.labels[np.sort(chosen)])
        victim = Victim(rounded, card).to(part.pixels.device)
        fast = part.pixels.is_cuda and not whole
        with torch.autocast(part.pixels.device.type, torch.bfloat16, enabled=fast):
            p = torch.cat([victim.predict(pixels.float() / 255)[:, 1] for pixels in part.pixels.split(250)])
        figures[name] = asdict(figures_of(part.labels.cpu().numpy(), p.double().cpu().numpy()))
    return figures


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add_gpu_options(parser, patches=True)
    parser.add_argument("--limit-s", type=float, default=300.0, help="when the last weights must be scored")
    args = parser.parse_args()
    until = time.monotonic() + args.limit_s
    scale, device = (SMOKE, choose_device("cpu")) if args.smoke else (FULL, choose_device("cuda"))
    run_training(args.out, scale, device, files=args.patches, teacher=args.teacher, until=until)


if __name__ == "__main__":
    run_script(main)
