"""Long work is a generator of its steps; here it is followed to its end."""

from collections.abc import Callable, Generator
from typing import Any, TypeVar

Step = TypeVar("Step")
Result = TypeVar("Result")


def drain(steps: Generator[Step, None, Result], report: Callable[[Step], Any] = lambda step: None) -> Result:
    """Take every step of a generator, report each, and give what the generator returns."""
    while True:
        try:
            step = next(steps)
        except StopIteration as end:
            result: Result = end.value
            return result
        report(step)
