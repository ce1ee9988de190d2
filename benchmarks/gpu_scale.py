"""What the parts of benchmarks/gpu.py share: how large everything is, and their result files."""

import argparse
import json
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from snapgui.workspace import write_whole


@dataclass(frozen=True)
class Scale:
    """How large everything is: on a GPU, or in small on a CPU."""

    speed_sizes_px: tuple[int, ...]
    speed_images: int
    speed_steps: int
    repeats: int
    input_size_px: int
    batch_size: int
    learning_rate: float
    teacher_epochs: int
    most_epochs: int
    timed_steps: int


FULL = Scale((112, 224), 128, 10, 5, 224, 128, 1e-3, 3, 60, 10)
SMOKE = Scale((32,), 2, 2, 2, 32, 16, 1e-3, 1, 2, 1)


def add_gpu_options(parser: argparse.ArgumentParser, *, patches: bool) -> None:
    """Add the options that the parts share; those of the training where ``patches``."""
    if patches:
        parser.add_argument(
            "--patches", type=Path, nargs="+", required=True, help="files of benchmarks/compact.py"
        )
        parser.add_argument(
            "--teacher", type=Path, required=True, help="DenseNet-121, with a classifier or not"
        )
    parser.add_argument("--out", type=Path, required=True, help="folder of the result files")
    parser.add_argument("--smoke", action="store_true", help="in small, on a CPU: does it run?")


def shared_words(args: argparse.Namespace, *, patches: bool) -> Sequence[str]:
    """The options of `add_gpu_options` as words of a command."""
    words = ["--out", str(args.out), *(["--smoke"] if args.smoke else [])]
    return (
        [*words, "--patches", *map(str, args.patches), "--teacher", str(args.teacher)] if patches else words
    )


def write_result(out: Path, name: str, values: dict[str, Any]) -> None:
    """Write ``name``.json in one move."""
    text = json.dumps(values, indent=1) + "\n"
    write_whole(out / f"{name}.json", text.encode(), advice="Name another folder with --out.")
