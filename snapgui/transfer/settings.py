"""What a transfer matrix is asked."""

from dataclasses import dataclass
from typing import Any, Self

from snapgui.engine.presets import PRESET_NAMES, PRESETS, PresetName
from snapgui.engine.settings import Settings
from snapgui.errors import SettingsError

# Sources that are several models at once.
MEAN, WORST = "all, mean", "all, worst case"


@dataclass(frozen=True)
class TransferSettings(Settings):
    """How transfer is measured; checked when made.

    Attributes:
        split: of the data set; None takes all patches.
        limit: metastases that are attacked, at most; of those that every model recognises.
        presets: a matrix for each of them.
        together: patches are also made on all models at once, by mean and by worst case.
        universal: metastases of the split ``train`` on which one patch for all images is made, on each model
            and for each preset; 0 makes none.
        epochs: passes of that training.
        clean: untouched patches of the split, of both classes, on which each model's accuracy and time are
            measured; 0 measures none.
        queries: of an attacker who sees nothing but scores, on each model; 0 makes no such attack.
        shard_size: images that are done and written together.
        batch_size: images in a model at once.
        threads: CPU threads.
        seed: of which metastases, and of all chance.
    """

    split: str | None = None
    limit: int = 200
    presets: tuple[PresetName, ...] = ("natural", "paper")
    together: bool = True
    universal: int = 0
    epochs: int = 10
    clean: int = 0
    queries: int = 0
    shard_size: int = 20
    batch_size: int = 20
    threads: int = 1
    seed: int = 0

    def __post_init__(self) -> None:
        self._check_range("limit", 1, 10**9)
        self._check_range("universal", 0, 10**6)
        self._check_range("epochs", 1, 10_000)
        self._check_range("clean", 0, 10**6)
        self._check_range("queries", 0, 10**6)
        self._check_range("shard_size", 1, 65536)
        self._check_range("batch_size", 1, 4096)
        self._check_range("threads", 1, 1024)
        unknown = sorted(set(self.presets) - set(PRESETS))
        if unknown or not self.presets:
            raise SettingsError(
                f"The presets are {', '.join(unknown) or 'none'}; choose from {', '.join(PRESET_NAMES)}."
            )

    @classmethod
    def from_json(cls, values: dict[str, Any]) -> Self:
        return super().from_json(values | {"presets": tuple(values["presets"])})
