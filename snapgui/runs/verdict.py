"""A run in words."""

from collections.abc import Sequence

from snapgui.runs.records import RunResult
from snapgui.words import CENTRE_FOUND, as_set, counted, listed, per_cent


def verdict(result: RunResult) -> str:
    """One sentence: what the model said before and after, at what cost, and whether it holds for the saved
    file.
    """
    change = f"{answer(result, result.p_before)} -> {answer(result, result.p_after)}"
    cost = (
        f"{counted(result.best_step, 'step')}, {per_cent(result.area_fraction)} of the pixels, "
        f"{CENTRE_FOUND[result.centre]}"
    )
    return f"{change} in {cost}; {_outcome(result)}."


def answer(result: RunResult, p: Sequence[float]) -> str:
    """The class that a model gives, with its probability, such as ``normal 95.4 %``."""
    top = max(range(len(p)), key=p.__getitem__)
    return f"{result.classes[top]} {per_cent(p[top])}"


def control_words(result: RunResult) -> str:
    """The same cells filled without optimisation, in words; empty where no control was made."""
    fills = listed([f"{per_cent(p)} with {name}" for name, p in result.controls.items()])
    return (
        f"Controls, the same cells not optimised: {result.classes[result.target]} {fills}." if fills else ""
    )


def _outcome(result: RunResult) -> str:
    target = result.classes[result.target]
    stopped = " (stopped early)" if result.stopped else ""
    if max(result.p_before) == result.p_before[result.target]:
        return f"the model already said {target}, so there was nothing to fool"
    if result.success:
        return f"still fools the model after saving as PNG{stopped}"
    if result.flipped:
        return (
            f"the saved PNG is called {target}, below the {as_set(result.request.attack.confidence)} "
            f"asked{stopped}"
        )
    return f"the model was not fooled: {target} reached {per_cent(result.p_after[result.target])}{stopped}"
