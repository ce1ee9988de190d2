"""All that decides a training run."""

import dataclasses
from dataclasses import dataclass
from pathlib import Path

from snapgui.engine.victim.networks import VIT
from snapgui.errors import SettingsError

PATCH_PX = 14


@dataclass(frozen=True)
class TrainSettings:
    """Settings of one fine-tuning; checked when made.

    Attributes:
        architecture: one of `training.networks.ARCHITECTURES`.
        init: ``random``, ``imagenet``, or a checkpoint file.
        teacher: checkpoint of a DenseNet-121 (backbone or fine-tuned) to learn features and, if it has a
            classifier, logits from; a student other than ``resnet50`` learns the logits alone.
        input_size_px: side to which patches are resized.
        epochs: passes over the training split.
        crop_epochs: of these, the first ones see random windows of four sevenths of the side, at a third of
            the cost; they learn from the teacher alone, since a window need not hold what the label speaks
            of.
        batch_size: patches a step and device.
        learning_rate: peak of the one-cycle schedule.
        weight_decay: of AdamW.
        blocks: of a transformer, how many; the first ones of the start are taken.
        drop_path: share of a transformer's blocks that a training step leaves out.
        layer_decay: each block of a transformer learns at this share of the rate of the one above it.
        stain: strength of the stain augmentation, see `augment.random_views`.
        snap_steps: steps of the attack on part of each batch, see `training.in_the_loop`; 0 makes none.
        snap_share: share of a batch that is attacked.
        seed: of weights, order and augmentation.
    """

    architecture: str = "resnet50"
    init: str = "imagenet"
    teacher: str | None = None
    input_size_px: int = 224
    epochs: int = 30
    crop_epochs: int = 0
    batch_size: int = 64
    learning_rate: float = 1e-3
    weight_decay: float = 0.02
    blocks: int = 12
    drop_path: float = 0.0
    layer_decay: float = 1.0
    stain: float = 0.12
    snap_steps: int = 0
    snap_share: float = 0.5
    seed: int = 0

    def __post_init__(self) -> None:
        for name, low, high in (
            ("input_size_px", 32, 512),
            ("epochs", 1, 10_000),
            ("batch_size", 2, 65_536),
            ("learning_rate", 1e-7, 1.0),
            ("weight_decay", 0.0, 1.0),
            ("blocks", 1, 12),
            ("drop_path", 0.0, 0.9),
            ("layer_decay", 0.1, 1.0),
            ("stain", 0.0, 0.5),
            ("snap_steps", 0, 100),
            ("snap_share", 0.0, 1.0),
            ("crop_epochs", 0, 10_000),
        ):
            value = getattr(self, name)
            if not low <= value <= high:
                raise SettingsError(f"{name} is {value}; it must lie between {low} and {high}.")
        if self.crop_epochs and not self.teacher:
            raise SettingsError(
                "crop_epochs need a teacher: without one, a window has no truth to learn from."
            )
        if self.crop_epochs and self.architecture != "resnet50":
            raise SettingsError(
                f"crop_epochs need a teacher's features, which a {self.architecture} does not learn; set "
                "them to 0."
            )
        if self.layer_decay < 1 and self.architecture != VIT:
            raise SettingsError(f"layer_decay needs blocks, as a {VIT} has; set it to 1.")
        if self.architecture == VIT and self.input_size_px % PATCH_PX:
            raise SettingsError(
                f"input_size_px is {self.input_size_px}; a {VIT} takes sides that are multiples of "
                f"{PATCH_PX} px, such as 112."
            )
        for name in ("init", "teacher"):
            value = getattr(self, name)
            if value not in (None, "random", "imagenet") and not Path(value).is_file():
                raise SettingsError(f"{name} names {value}, which is not a file.")

    def to_json(self) -> dict[str, object]:
        """The settings as plain values; files by their names alone."""
        values = dataclasses.asdict(self)
        for name in ("init", "teacher"):
            values[name] = values[name] and Path(values[name]).name
        return values
