"""One picture of an audit in words: under its tile, and in the viewer."""

import pandas as pd

from snapgui.audit.read import FinishedAudit
from snapgui.audit.shown.tiles import Tile, filling_names, naturalness_of_tile
from snapgui.audit.words import condition_names
from snapgui.engine.visibility.naturalness import look_of
from snapgui.runs.naturalness import LOOK_WORDS, naturalness_words
from snapgui.runs.verdict import Card, Chip
from snapgui.words import CENTRE_FOUND, counted, listed, per_cent


def answer(audit: FinishedAudit, label: int, p_label: float) -> str:
    """The class that the model gives, with its probability, such as ``normal 95.4 %``."""
    classes = audit.about["classes"]
    return (
        f"{classes[label]} {per_cent(p_label)}"
        if p_label >= 0.5
        else f"{classes[1 - label]} {per_cent(1 - p_label)}"
    )


def change(audit: FinishedAudit, tile: Tile) -> str:
    """What the model said before and says now, such as ``metastasis 99.1 % → normal 95.4 %``."""
    return f"{answer(audit, tile.label, tile.p_before)} → {answer(audit, tile.label, tile.p_after)}"


def lines(audit: FinishedAudit, tile: Tile) -> tuple[str, ...]:
    """What stands under a tile: outcome, what the model said before, how visible the change is."""
    return (
        f"{'fooled' if tile.fooled else 'not fooled'}: {answer(audit, tile.label, tile.p_after)}",
        f"before: {answer(audit, tile.label, tile.p_before)}",
        difference(tile),
    )


def difference(tile: Tile) -> str:
    """How much the colour of the cells changed, for instance ``colour difference 5.4``."""
    return f"colour difference {tile.visibility:.1f}"


def tile_card(audit: FinishedAudit, tile: Tile) -> Card:
    """The verdict on a stored picture."""
    row, found = tile.row, naturalness_of_tile(tile)
    names = _measured(audit, tile)
    fillings = [name for name in filling_names(audit) if name in names]
    chips = [Chip("Model fooled" if tile.fooled else "Model not fooled", tile.fooled)]
    if fillings:
        held = not tile.others.intersection(fillings)
        chips.append(Chip("Controls hold" if held else "A control fools it too", held))
    if found is not None:
        look = look_of(found)
        chips.append(Chip(LOOK_WORDS[look], look in ("natural", "unchanged")))
    step = row.get("best_step")
    steps = "" if step is None or pd.isna(step) else f"{counted(int(step), 'step')}, "
    sentence = (
        f"{steps}{per_cent(row['area'])} of the pixels, {CENTRE_FOUND[row['centre']]}, {difference(tile)}; "
        "the stored 8-bit PNG, no new run."
    )
    return Card(
        answer(audit, tile.label, tile.p_before),
        answer(audit, tile.label, tile.p_after),
        tuple(chips),
        sentence,
    )


def about_look(tile: Tile) -> str:
    """How natural the picture is, with the numbers; empty where it was not measured."""
    found = naturalness_of_tile(tile)
    return "" if found is None else naturalness_words(found)


def about_controls(audit: FinishedAudit, tile: Tile) -> str:
    """What the model says of the same cells filled without optimisation, in a sentence; empty without any."""
    rows, names = _measured(audit, tile), condition_names(audit.settings)
    said = [
        f"{answer(audit, tile.label, rows[name])} with {names[name].removesuffix(' (control)')}"
        for name in filling_names(audit)
        if name in rows
    ]
    return f"The same cells, not optimised: {listed(said)}." if said else ""


def _measured(audit: FinishedAudit, tile: Tile) -> dict[str, float]:
    """The probability of the true class under each condition, the mean over its draws."""
    rows = audit.rows
    part = rows[(rows["position"] == tile.position) & (rows["status"] == "measured")]
    return {str(name): float(p) for name, p in part.groupby("condition")["p_label_after"].mean().items()}
