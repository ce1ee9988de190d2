"""The Lightning module that fine-tunes a network, with or without a teacher."""

from typing import Any

import lightning
import torch
import torch.nn.functional as F
from torch import nn

from snapgui.engine.victim.victim import IMAGENET_MEAN, IMAGENET_STD
from snapgui.training.augment import random_views, resize_patches
from snapgui.training.networks import STAGE_CHANNELS, build_network, copy_stem, load_start, stages
from snapgui.training.settings import TrainSettings

TEMPERATURE = 2.0
CROP_WINDOW = 4 / 7


class FineTuning(lightning.LightningModule):
    """A student that learns from labels and, if there is one, from a teacher's features and logits.

    The loss is cross entropy; with a teacher that has a classifier, also the divergence of softened
    probabilities (Hinton et al. 2015, arXiv 1503.02531); with any teacher, smooth L1 between 1 x 1 adapters
    on the student's four stages and the teacher's four stages, each standardised over the batch (after
    FitNets, arXiv 1412.6550).
    """

    mean: torch.Tensor
    std: torch.Tensor

    def __init__(self, settings: TrainSettings) -> None:
        super().__init__()
        self.settings = settings
        self.network = build_network(settings.architecture).to(memory_format=torch.channels_last)
        if settings.init != "random":
            load_start(self.network, settings.architecture, settings.init)
        self.teacher_has_head = False
        if settings.teacher:
            teacher = build_network("densenet121")
            self.teacher_has_head = load_start(teacher, "densenet121", settings.teacher)
            if settings.init == "random":
                copy_stem(teacher, self.network)
            # In a tuple: the teacher is neither trained nor saved with the student's checkpoints.
            self._teacher = (teacher.eval().requires_grad_(False).to(memory_format=torch.channels_last),)
            self.adapters = nn.ModuleList(
                nn.Conv2d(own, theirs, 1)
                for own, theirs in zip(STAGE_CHANNELS["resnet50"], STAGE_CHANNELS["densenet121"], strict=True)
            )
        self.register_buffer("mean", torch.tensor(IMAGENET_MEAN).view(1, 3, 1, 1), persistent=False)
        self.register_buffer("std", torch.tensor(IMAGENET_STD).view(1, 3, 1, 1), persistent=False)
        self.chance = torch.Generator()

    def on_train_epoch_start(self) -> None:
        # Seeded by epoch and rank, so that a resumed run sees the views that an unbroken one would have seen.
        self.chance.manual_seed(self.settings.seed + 1_000_003 * self.current_epoch + 7919 * self.global_rank)
        if self.settings.teacher:
            self._teacher[0].to(self.device)

    def training_step(self, batch: tuple[torch.Tensor, torch.Tensor], _: int) -> torch.Tensor:
        pixels, labels = batch
        settings = self.settings
        cropped = self.current_epoch < settings.crop_epochs
        window = CROP_WINDOW if cropped else 1.0
        views = random_views(
            pixels.float() / 255,
            size_px=round(settings.input_size_px * window),
            generator=self.chance,
            window=window,
            stain=settings.stain,
        )
        views = ((views - self.mean) / self.std).contiguous(memory_format=torch.channels_last)
        if settings.teacher:
            loss = self._distil(views, None if cropped else labels)
        else:
            loss = F.cross_entropy(self.network(views), labels)
        self.log("loss", loss, prog_bar=True)
        return loss

    def _distil(self, views: torch.Tensor, labels: torch.Tensor | None) -> torch.Tensor:
        features, logits = stages(self.network, views)
        with torch.no_grad():
            wanted, teacher_logits = stages(self._teacher[0], views)
        loss = torch.zeros((), device=views.device)
        for adapter, own, theirs in zip(self.adapters, features, wanted, strict=True):
            adapted = F.adaptive_avg_pool2d(adapter(own), (theirs.shape[2], theirs.shape[3]))
            loss = loss + F.smooth_l1_loss(adapted, _standardise(theirs))
        if self.teacher_has_head:
            soft = F.kl_div(
                F.log_softmax(logits / TEMPERATURE, 1),
                F.softmax(teacher_logits / TEMPERATURE, 1),
                reduction="batchmean",
            )
            loss = loss + soft * TEMPERATURE**2
        if labels is not None:
            loss = loss + 0.5 * F.cross_entropy(logits, labels)
        return loss

    def validation_step(self, batch: tuple[torch.Tensor, torch.Tensor], _: int) -> None:
        pixels, labels = batch
        inputs = (resize_patches(pixels.float() / 255, self.settings.input_size_px) - self.mean) / self.std
        logits = self.network(inputs.contiguous(memory_format=torch.channels_last))
        accuracy = (logits.argmax(1) == labels).float().mean()
        self.log_dict(
            {"val_accuracy": accuracy, "val_loss": F.cross_entropy(logits, labels)},
            prog_bar=True,
            batch_size=len(labels),
            sync_dist=True,
        )

    def configure_optimizers(self) -> Any:
        decayed = [p for p in self.parameters() if p.requires_grad and p.ndim > 1]
        plain = [p for p in self.parameters() if p.requires_grad and p.ndim <= 1]
        optimiser = torch.optim.AdamW(
            [
                {"params": decayed, "weight_decay": self.settings.weight_decay},
                {"params": plain, "weight_decay": 0.0},
            ],
            lr=self.settings.learning_rate,
        )
        schedule = torch.optim.lr_scheduler.OneCycleLR(
            optimiser,
            self.settings.learning_rate,
            total_steps=int(self.trainer.estimated_stepping_batches),
            pct_start=0.15,
        )
        return {"optimizer": optimiser, "lr_scheduler": {"scheduler": schedule, "interval": "step"}}


def _standardise(features: torch.Tensor) -> torch.Tensor:
    """Each channel of ``(N, C, h, w)`` to mean 0 and deviation 1 over batch and places."""
    mean = features.mean((0, 2, 3), keepdim=True)
    deviation = features.std((0, 2, 3), keepdim=True)
    return ((features - mean) / (deviation + 1e-3)).clamp(-6, 6)
