"""Times that can be compared: alternating runs, medians with their spread, and the machine they were taken
on.
"""

import importlib.metadata
import platform
import statistics
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch

import snapgui


@dataclass(frozen=True)
class Spread:
    """A median, with the lowest and the highest value beside it."""

    median: float
    low: float
    high: float

    def text(self, form: str = ".2f") -> str:
        """As in a table: median (lowest to highest)."""
        return f"{self.median:{form}} ({self.low:{form}} to {self.high:{form}})"


def spread(values: Sequence[float]) -> Spread:
    """The spread of some values, at least one."""
    return Spread(statistics.median(values), min(values), max(values))


def ratios(upper: Sequence[float], lower: Sequence[float]) -> Spread:
    """The spread of the ratios of values that were taken one after the other."""
    return spread([a / b for a, b in zip(upper, lower, strict=True)])


def synchronise(device: torch.device) -> None:
    """Wait until the device has done what it was asked."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)


def time_once(run: Callable[[], object], device: torch.device) -> float:
    """Seconds of one run."""
    synchronise(device)
    start = time.perf_counter()
    run()
    synchronise(device)
    return time.perf_counter() - start


def alternate(
    runs: Mapping[str, Callable[[], float]],
    *,
    repeats: int,
    on_time: Callable[[str, float], None] | None = None,
) -> dict[str, list[float]]:
    """Seconds of each run, ``repeats`` times in turn, after one of each that does not count.

    A run gives its own seconds. Every second round goes backwards, so that none always follows the same
    other.
    """
    for run in runs.values():
        run()
    times: dict[str, list[float]] = {name: [] for name in runs}
    for repeat in range(repeats):
        for name in list(runs)[:: 1 if repeat % 2 == 0 else -1]:
            times[name].append(runs[name]())
            if on_time:
                on_time(name, times[name][-1])
    return times


def device_name(device: torch.device) -> str:
    """What the numbers were taken on, in words."""
    if device.type == "cuda":
        return torch.cuda.get_device_name(device)
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
        name = next((line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")), "")
    except OSError:
        name = ""
    return name or platform.processor() or platform.machine()


def versions(*packages: str) -> dict[str, str]:
    """Versions of Python, this project and the packages that are installed."""
    found = {"python": platform.python_version(), "snap-studio": snapgui.__version__}
    for package in packages:
        try:
            found[package] = importlib.metadata.version(package)
        except importlib.metadata.PackageNotFoundError:
            found[package] = "not installed"
    return found
