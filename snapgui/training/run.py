"""One training run: data, trainer, export, model card."""

import os
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import Any

import lightning
import torch
from lightning.pytorch.callbacks import ModelCheckpoint
from torch.utils.data import DataLoader

from snapgui.data.datasets import PatchSet, open_patches
from snapgui.engine.victim.memory import keep_freed_memory
from snapgui.engine.victim.victim import Victim, choose_device
from snapgui.errors import DataError, SettingsError
from snapgui.training.card import make_card, write_card, write_weights
from snapgui.training.evaluate import evaluate
from snapgui.training.in_the_loop import batch_with_cells
from snapgui.training.module import FineTuning
from snapgui.training.settings import TrainSettings
from snapgui.words import counted

TRAIN_SAMPLE = 2000
FEW = 256


def train(
    data: Path,
    out: Path,
    settings: TrainSettings,
    *,
    resume: bool = False,
    devices: str = "auto",
    nodes: int = 1,
    precision: Any = None,
    limit: int | None = None,
    arguments: list[str] | None = None,
) -> Path:
    """Train on the split ``train`` of a data set and write ``out`` (safetensors) with its model card beside
    it.

    Args:
        data: folder of any layout that `open_patches` understands.
        out: the weights' path, ending in ``.safetensors``; checkpoints go to the folder ``out``-checkpoints.
        settings: all that decides the result.
        resume: go on from the last checkpoint.
        devices: Lightning's ``devices``.
        nodes: Lightning's ``num_nodes``.
        precision: Lightning's ``precision``; None takes bf16 mixed on a GPU, float32 elsewhere.
        limit: use this many training patches at most (a trial).
        arguments: the command line, for the card.

    Returns:
        The path of the weights.

    Raises:
        SettingsError, DataError, ModelError: what cannot be trained, in a sentence.
    """
    out = Path(out)
    if out.suffix != ".safetensors":
        raise SettingsError(f"--out is {out.name}; it must end in .safetensors.")
    keep_freed_memory()
    torch.set_float32_matmul_precision("high")
    checkpoints = out.with_name(out.stem + "-checkpoints")
    last = checkpoints / "last.ckpt"
    if resume and not last.is_file():
        raise SettingsError(
            f"There is nothing to resume: {last} does not exist. Leave --resume out to start."
        )
    patches = open_patches(data)
    training = patches.split("train")
    if limit:
        training = training.sample(limit, seed=settings.seed)
    if len(training) < settings.batch_size:
        raise DataError(
            f"The split “train” has {len(training)} patches; a batch needs {settings.batch_size}. "
            "Lower --batch-size."
        )
    check_name = next((name for name in ("val_random", "val") if name in patches.splits), None)

    lightning.seed_everything(settings.seed, workers=True, verbose=False)
    module = FineTuning(settings)
    trainer = lightning.Trainer(
        max_epochs=settings.epochs,
        accelerator="auto",
        devices=devices if devices == "auto" else int(devices),
        num_nodes=nodes,
        precision=precision or ("bf16-mixed" if torch.cuda.is_available() else "32-true"),
        # Without a monitor the newest epoch is kept, under one name.
        callbacks=[
            ModelCheckpoint(
                dirpath=checkpoints, filename=last.stem, save_top_k=1, enable_version_counter=False
            )
        ],
        logger=False,
        log_every_n_steps=10,
        enable_model_summary=False,
        num_sanity_val_steps=0,
    )
    check = _loader(patches.split(check_name), settings, train=False) if check_name else None
    trainer.fit(
        module, _loader(training, settings, train=True), check, ckpt_path=str(last) if resume else None
    )
    if trainer.interrupted:
        raise SettingsError(f"Stopped before the end. Add --resume to go on from {last}.")
    if trainer.is_global_zero:
        write_model(
            module.student.network,
            out,
            settings,
            patches,
            training,
            arguments=arguments,
            device=_device_name(trainer),
        )
    return out


def _loader(
    patches: PatchSet, settings: TrainSettings, *, train: bool
) -> DataLoader[tuple[torch.Tensor, int]]:
    # A few patches are read sooner than processes begin.
    workers = 0 if len(patches) < FEW else min(16, max(1, (os.cpu_count() or 2) - 1))
    attacked = partial(
        batch_with_cells, steps=settings.snap_steps, share=settings.snap_share, stain=settings.stain
    )
    return DataLoader(
        patches,
        batch_size=settings.batch_size,
        shuffle=train,
        drop_last=train,
        collate_fn=attacked if train and settings.snap_steps else None,
        num_workers=workers,
        persistent_workers=workers > 0,
        pin_memory=torch.cuda.is_available(),
    )


def _device_name(trainer: lightning.Trainer) -> str:
    if torch.cuda.is_available():
        return f"{trainer.world_size} x {torch.cuda.get_device_name()}"
    return _processor()


def _processor() -> str:
    return f"CPU, {counted(torch.get_num_threads(), 'thread')}"


def write_model(
    network: torch.nn.Module,
    out: Path,
    settings: TrainSettings,
    patches: PatchSet,
    training: PatchSet,
    *,
    arguments: list[str] | None,
    device: str,
) -> None:
    """Write the weights, and the card with figures measured on those very weights."""
    write_weights(network, out)
    card = make_card(
        out,
        settings,
        labels=training.labels,
        splits={name: patches.splits.count(name) for name in sorted(set(patches.splits))},
        command=["python", "-m", "snapgui", *(arguments or [])],
        device=device,
    )
    write_card(out, card)
    write_card(
        out, card | {"figures": measure_splits(Victim.load(out, device=choose_device("auto")), patches)}
    )


def measure_splits(victim: Victim, patches: PatchSet) -> dict[str, Any]:
    """The victim's figures on every split, of ``train`` on a fixed sample; prints a line each."""
    figures = {}
    for name in sorted(set(patches.splits), key=lambda split: (split != "train", split)):
        part = patches.split(name)
        row = evaluate(victim, part.sample(TRAIN_SAMPLE, seed=0) if name == "train" else part)
        figures[name] = asdict(row)
        low, high = row.accuracy_interval
        print(
            f"{name:12} accuracy {row.accuracy:.4f} ({low:.4f} to {high:.4f})  AUC {row.auc:.4f}  "
            f"calibration error {row.calibration_error:.3f}  n {row.count}"
        )
    return figures


def measure_card(model: Path, data: Path) -> None:
    """Measure a checkpoint on a data set and write its figures into the card beside it, which is made where
    there is none.

    Raises:
        ModelError, DataError: the model does not load, or there is no data set.
    """
    victim = Victim.load(model)
    figures = measure_splits(victim, open_patches(data))
    card = victim.card
    about = dict(card.details or {}) or {
        "name": card.name,
        "architecture": card.architecture,
        "classes": list(card.classes),
        "input_size_px": card.input_size_px,
        "mean": list(card.mean),
        "std": list(card.std),
        "sha256": card.sha256,
    }
    measured = {"figures": figures, "measured_on": _processor()}
    write_card(model, about | measured)
