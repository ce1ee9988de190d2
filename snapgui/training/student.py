"""A network in training, with or without a teacher: the loss of one batch, and the rule that lowers it."""

from typing import Any

import torch
import torch.nn.functional as F
from torch import nn

from snapgui.engine.victim.victim import IMAGENET_MEAN, IMAGENET_STD
from snapgui.errors import SettingsError
from snapgui.training.augment import random_views, resize_patches
from snapgui.training.networks import STAGE_CHANNELS, build_network, copy_stem, load_start, stages
from snapgui.training.settings import TrainSettings

TEMPERATURE = 2.0
CROP_WINDOW = 4 / 7


class Student(nn.Module):
    """A network that learns from labels and, if there is one, from a teacher's features and logits.

    The loss is cross entropy; with a teacher that has a classifier, also the divergence of softened
    probabilities (Hinton et al. 2015, arXiv 1503.02531); with any teacher, smooth L1 between 1 x 1 adapters
    on the student's four stages and the teacher's four stages, each standardised over the batch (after
    FitNets, arXiv 1412.6550). Stages of a ResNet50 alone are like the teacher's: other students learn its
    logits.
    """

    mean: torch.Tensor
    std: torch.Tensor

    def __init__(self, settings: TrainSettings) -> None:
        super().__init__()
        self.settings = settings
        self.network = build_network(
            settings.architecture,
            input_size_px=settings.input_size_px,
            blocks=settings.blocks,
            drop_path=settings.drop_path,
        ).to(memory_format=torch.channels_last)
        if settings.init != "random":
            load_start(self.network, settings.architecture, settings.init)
        self.teacher_has_head = self.learns_stages = False
        if settings.teacher:
            teacher = build_network("densenet121")
            self.teacher_has_head = load_start(teacher, "densenet121", settings.teacher)
            self.learns_stages = settings.architecture == "resnet50"
            if not (self.learns_stages or self.teacher_has_head):
                raise SettingsError(
                    f"{settings.teacher} has no classifier, and its features guide a resnet50 only. Give a "
                    "fine-tuned teacher, or none."
                )
            if settings.init == "random" and settings.architecture == "resnet50":
                copy_stem(teacher, self.network)
            # In a tuple: the teacher is neither trained nor saved with the student's checkpoints.
            self._teacher = (teacher.eval().requires_grad_(False).to(memory_format=torch.channels_last),)
            if self.learns_stages:
                channels = zip(STAGE_CHANNELS["resnet50"], STAGE_CHANNELS["densenet121"], strict=True)
                self.adapters = nn.ModuleList(nn.Conv2d(own, theirs, 1) for own, theirs in channels)
        self.register_buffer("mean", torch.tensor(IMAGENET_MEAN).view(1, 3, 1, 1), persistent=False)
        self.register_buffer("std", torch.tensor(IMAGENET_STD).view(1, 3, 1, 1), persistent=False)

    def bring_teacher(self, device: torch.device) -> None:
        """Move the teacher, if there is one, to the student's device."""
        if self.settings.teacher:
            self._teacher[0].to(device)

    def views(self, pixels: torch.Tensor, *, cropped: bool, generator: torch.Generator) -> torch.Tensor:
        """Normalised random views ``(N, 3, size, size)`` of uint8 patches ``(N, 3, H, W)``; ``cropped`` ones
        see a window.
        """
        window = CROP_WINDOW if cropped else 1.0
        views = random_views(
            pixels.float() / 255,
            size_px=round(self.settings.input_size_px * window),
            generator=generator,
            window=window,
            stain=self.settings.stain,
        )
        return self._normalised(views)

    def loss(self, views: torch.Tensor, labels: torch.Tensor, *, cropped: bool) -> torch.Tensor:
        """The loss of one batch of views; cropped ones learn from the teacher alone."""
        if not self.settings.teacher:
            return F.cross_entropy(self.network(views), labels)
        with torch.no_grad():
            wanted, teacher_logits = stages(self._teacher[0], views)
        loss = torch.zeros((), device=views.device)
        if self.learns_stages:
            features, logits = stages(self.network, views)
            for adapter, own, theirs in zip(self.adapters, features, wanted, strict=True):
                adapted = F.adaptive_avg_pool2d(adapter(own), (theirs.shape[2], theirs.shape[3]))
                loss = loss + F.smooth_l1_loss(adapted, _standardise(theirs))
        else:
            logits = self.network(views)
        if self.teacher_has_head:
            soft = F.kl_div(
                F.log_softmax(logits / TEMPERATURE, 1),
                F.softmax(teacher_logits / TEMPERATURE, 1),
                reduction="batchmean",
            )
            loss = loss + soft * TEMPERATURE**2
        if not cropped:
            loss = loss + 0.5 * F.cross_entropy(logits, labels)
        return loss

    def logits(self, pixels: torch.Tensor) -> torch.Tensor:
        """Logits ``(N, 2)`` of uint8 patches ``(N, 3, H, W)`` as they are, without chance."""
        logits: torch.Tensor = self.network(self.plain(pixels))
        return logits

    def plain(self, pixels: torch.Tensor) -> torch.Tensor:
        """Patches ``(N, 3, H, W)`` of 0 to 255 as the network takes them, without chance."""
        return self._normalised(resize_patches(pixels.float() / 255, self.settings.input_size_px))

    def _normalised(self, images: torch.Tensor) -> torch.Tensor:
        return ((images - self.mean) / self.std).contiguous(memory_format=torch.channels_last)


def make_rule(student: Student, *, steps: int) -> tuple[torch.optim.Optimizer, Any]:
    """AdamW and its one-cycle schedule over so many steps; biases and normalisations are not decayed."""
    settings = student.settings
    groups = _decayed_by_block(student) if settings.layer_decay < 1 else _decayed(student)
    optimiser = torch.optim.AdamW(groups, lr=settings.learning_rate)
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        optimiser,
        [settings.learning_rate * group.get("lr_scale", 1.0) for group in groups],
        total_steps=steps,
        pct_start=0.15,
    )
    return optimiser, schedule


def _decayed(student: Student) -> list[dict[str, Any]]:
    weights = [p for p in student.parameters() if p.requires_grad and p.ndim > 1]
    plain = [p for p in student.parameters() if p.requires_grad and p.ndim <= 1]
    return [
        {"params": weights, "weight_decay": student.settings.weight_decay},
        {"params": plain, "weight_decay": 0.0},
    ]


def _decayed_by_block(student: Student) -> list[dict[str, Any]]:
    """timm's groups: each block with its own share of the rate (arXiv 2106.08254)."""
    from timm.optim import param_groups_layer_decay  # type: ignore[attr-defined]

    return param_groups_layer_decay(
        student.network,
        weight_decay=student.settings.weight_decay,
        layer_decay=student.settings.layer_decay,
        no_weight_decay_list=("pos_embed", "cls_token"),
    )


def _standardise(features: torch.Tensor) -> torch.Tensor:
    """Each channel of ``(N, C, h, w)`` to mean 0 and deviation 1 over batch and places."""
    mean = features.mean((0, 2, 3), keepdim=True)
    deviation = features.std((0, 2, 3), keepdim=True)
    return ((features - mean) / (deviation + 1e-3)).clamp(-6, 6)
