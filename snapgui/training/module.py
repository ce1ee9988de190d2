"""The Lightning module that trains a student."""

from typing import Any

import lightning
import torch
import torch.nn.functional as F

from snapgui.training.in_the_loop import attack_batch
from snapgui.training.settings import TrainSettings
from snapgui.training.student import Student, make_rule


class FineTuning(lightning.LightningModule):
    """Lightning's steps around a `Student`."""

    def __init__(self, settings: TrainSettings) -> None:
        super().__init__()
        self.settings = settings
        self.student = Student(settings)
        self.chance = torch.Generator()

    def on_train_epoch_start(self) -> None:
        # Seeded by epoch and rank, so that a resumed run sees the views that an unbroken one would have seen.
        self.chance.manual_seed(self.settings.seed + 1_000_003 * self.current_epoch + 7919 * self.global_rank)
        self.student.bring_teacher(self.device)

    def training_step(self, batch: list[torch.Tensor], _: int) -> torch.Tensor:
        pixels, labels, *cells = batch
        cropped = self.current_epoch < self.settings.crop_epochs
        views = self.student.views(pixels, cropped=cropped, generator=self.chance)
        if cells and not cropped:
            rows = cells[1]
            views = views.index_copy(0, rows, self._attacked(pixels, labels, *cells))
        loss = self.student.loss(views, labels, cropped=cropped)
        self.log("loss", loss, prog_bar=True)
        return loss

    def _attacked(
        self,
        pixels: torch.Tensor,
        labels: torch.Tensor,
        seed: torch.Tensor,
        rows: torch.Tensor,
        masks: torch.Tensor,
    ) -> torch.Tensor:
        """The attacked part of a batch of `batch_with_cells`, as the network takes it; a batch is in random
        order.
        """
        with torch.enable_grad():
            attacked = attack_batch(
                self.student.network,
                pixels[rows].float() / 255,
                labels[rows],
                masks,
                size_px=self.settings.input_size_px,
                steps=self.settings.snap_steps,
                seed=int(seed),
            )
        return self.student.plain((attacked * 255).round())

    def validation_step(self, batch: tuple[torch.Tensor, torch.Tensor], _: int) -> None:
        pixels, labels = batch
        logits = self.student.logits(pixels)
        accuracy = (logits.argmax(1) == labels).float().mean()
        self.log_dict(
            {"val_accuracy": accuracy, "val_loss": F.cross_entropy(logits, labels)},
            prog_bar=True,
            batch_size=len(labels),
            sync_dist=True,
        )

    def configure_optimizers(self) -> Any:
        optimiser, schedule = make_rule(self.student, steps=int(self.trainer.estimated_stepping_batches))
        return {"optimizer": optimiser, "lr_scheduler": {"scheduler": schedule, "interval": "step"}}
