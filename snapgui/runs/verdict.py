"""A run in words."""

from snapgui.runs.records import RunResult


def verdict(result: RunResult) -> str:
    """One sentence: what the model said before and after, at what cost, and whether it holds for the saved
    file.
    """
    before = max(range(len(result.classes)), key=result.p_before.__getitem__)
    after = max(range(len(result.classes)), key=result.p_after.__getitem__)
    change = (
        f"{result.classes[before]} {result.p_before[before]:.2f} -> {result.classes[after]} "
        f"{result.p_after[after]:.2f}"
    )
    cost = f"{_steps(result.best_step)}, {result.area_fraction:.1%} of the pixels, centre {result.centre}"
    return f"{change} in {cost}; {_outcome(result, before)}."


def control_words(result: RunResult) -> str:
    """The same cells filled without optimisation, in words; empty where no control was made."""
    fills = " and ".join(f"{p:.2f} with {name}" for name, p in result.controls.items())
    return (
        f"Controls, the same cells not optimised: {result.classes[result.target]} {fills}." if fills else ""
    )


def _steps(count: int) -> str:
    return "1 step" if count == 1 else f"{count} steps"


def _outcome(result: RunResult, before: int) -> str:
    target = result.classes[result.target]
    stopped = " (stopped early)" if result.stopped else ""
    if before == result.target:
        return f"the model already said {target}, so there was nothing to fool"
    if result.success:
        return f"still fools the model after saving as PNG{stopped}"
    if result.flipped:
        return (
            f"the saved PNG is called {target}, below the {result.request.attack.confidence:.0%} "
            f"confidence asked{stopped}"
        )
    return f"the model was not fooled: {target} reached {result.p_after[result.target]:.2f}{stopped}"
