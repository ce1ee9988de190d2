"""A run in words."""

from collections.abc import Sequence
from dataclasses import dataclass

from snapgui.engine.visibility.naturalness import Look
from snapgui.runs.naturalness import LOOK_WORDS
from snapgui.runs.records import RunResult
from snapgui.words import CENTRE_FOUND, as_set, counted, listed, per_cent


@dataclass(frozen=True)
class Chip:
    """A finding in two or three words; ``holds`` where it speaks for the attack."""

    words: str
    holds: bool


@dataclass(frozen=True)
class Card:
    """The verdict on one altered picture, the same wherever it is shown.

    Attributes:
        before, after: the model's answers, such as ``metastasis 99.1 %``.
        sentence: at what cost, and whether it holds for the saved file.
    """

    before: str
    after: str
    chips: tuple[Chip, ...]
    sentence: str


def verdict_card(result: RunResult, look: Look | None) -> Card:
    """The verdict on a run; ``look`` is how natural its picture is, None where that is not known."""
    already = max(result.p_before) == result.p_before[result.target]
    fooled = result.flipped and not already
    if wrong_before(result):
        # A model that is wrong is not fooled by what changes its answer, perhaps to the right one.
        chips = [
            Chip("Model wrong before", False),
            Chip("Answer changed" if fooled else "Answer not changed", fooled),
        ]
    else:
        chips = [Chip("Model fooled" if fooled else "Model not fooled", fooled)]
    if result.controls:
        held = already or max(result.controls.values()) <= 0.5
        chips.append(Chip("Controls hold" if held else "A control fools it too", held))
    if look is not None:
        chips.append(Chip(LOOK_WORDS[look], look in ("natural", "unchanged")))
    sentence = f"{_cost(result)}; {_outcome(result)}."
    return Card(
        answer(result, result.p_before),
        answer(result, result.p_after),
        tuple(chips),
        sentence,
    )


def wrong_before(result: RunResult) -> bool:
    """Whether the true class is known and the model named another one before the attack."""
    true = result.request.true_class
    return true is not None and max(result.p_before) > result.p_before[true]


def verdict(result: RunResult) -> str:
    """One sentence: what the model said before and after, at what cost, and whether it holds for the saved
    file.
    """
    change = f"{answer(result, result.p_before)} -> {answer(result, result.p_after)}"
    return f"{change} in {_cost(result)}; {_outcome(result)}."


def _cost(result: RunResult) -> str:
    return (
        f"{counted(result.best_step, 'step')}, {per_cent(result.area_fraction)} of the pixels, "
        f"{CENTRE_FOUND[result.centre]}"
    )


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
    if result.flipped and wrong_before(result):
        right = ", which is right" if result.target == result.request.true_class else ""
        return f"the model was wrong before, and calls the saved PNG {target}{right}{stopped}"
    if result.success:
        return f"still fools the model after saving as PNG{stopped}"
    if result.flipped:
        return (
            f"the saved PNG is called {target}, below the {as_set(result.request.attack.confidence)} "
            f"asked{stopped}"
        )
    return f"the model was not fooled: {target} reached {per_cent(result.p_after[result.target])}{stopped}"
