"""The models that are at hand, side by side: results, ROC and reliability curves together, and which is in
use.
"""

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import plotly.graph_objects as go
import streamlit as st

from snapgui.engine.victim.card import ModelCard, card_beside
from snapgui.errors import ModelError
from snapgui.ui.model.card import SPLIT_WORDS, result_rows
from snapgui.ui.parts.charts import CLASS_COLOURS, FAINT, show_chart, style_figure
from snapgui.ui.parts.text import chart_text, plain, plain_rows
from snapgui.ui.resources import known_models, shipped_model
from snapgui.ui.state import SnapState
from snapgui.words import NONE, per_cent

# The honest split first.
SPLITS = ("val_slides", "test", "val", "val_random", "train")
DASHES = ("solid", "dash", "dot", "dashdot")


def choose_model(state: SnapState) -> None:
    """Draw the choice of the model in use among those at hand."""
    models = known_models()
    names = list(models)
    chosen = state.model_path or shipped_model()
    used = next((name for name, path in models.items() if path == chosen), None)
    st.subheader("Model in use", anchor=False)
    st.selectbox(
        "One of those that ship or were fetched",
        names,
        index=names.index(used) if used else None,
        key="zoo_used",
        placeholder="a checkpoint of your own, see below",
        on_change=_use,
        args=(state,),
    )


def show_zoo() -> None:
    """Draw the models that are at hand; nothing where there is but one."""
    cards = read_cards(known_models())
    if len(cards) < 2:
        return
    st.subheader("Models side by side", anchor=False)
    splits = [name for name in SPLITS if any(name in _figures(card) for card in cards.values())]
    if not splits:
        return
    split = st.segmented_control(
        "Measured on",
        splits,
        default=splits[0],
        required=True,
        key="zoo_split",
        format_func=lambda name: plain(SPLIT_WORDS.get(name, name)),
    )
    st.table(plain_rows(zoo_rows(cards, split)), hide_index=True)
    left, right = st.columns(2)
    with left:
        st.markdown("**ROC**", help="Metastases found against normal patches called metastasis.")
        show_chart(roc_together(cards, split), key="zoo_roc")
    with right:
        st.markdown(
            "**Reliability**",
            help="Share of metastases among the patches to which a model gives about this probability; on "
            "the diagonal its probabilities can be believed. Bins with fewer than 5 patches are left out.",
        )
        show_chart(reliability_together(cards, split), key="zoo_reliability")


def _use(state: SnapState) -> None:
    path = known_models().get(st.session_state["zoo_used"])
    if path is not None:
        state.model_path = None if path == shipped_model() else path


def read_cards(models: dict[str, Path]) -> dict[str, ModelCard]:
    """The cards of checkpoints; one that has none, or a damaged one, is left out."""
    cards = {}
    for name, path in models.items():
        try:
            card = card_beside(path)
        except ModelError:
            continue
        if card.details is not None:
            cards[name] = card
    return cards


def zoo_rows(cards: dict[str, ModelCard], split: str) -> dict[str, list[str]]:
    """The cards' results on one split as columns of words, a row a model."""
    rows: dict[str, list[str]] = {
        "Model": list(cards),
        "Network": [card.architecture for card in cards.values()],
    }
    found: dict[str, list[str]] = {}
    for position, card in enumerate(cards.values()):
        own = _figures(card).get(split)
        alone = ModelCard(card.name, card.architecture, details={"figures": {split: own}} if own else {})
        for title, words in result_rows(alone).items():
            if title != "Split":
                found.setdefault(title, [NONE] * len(cards))[position] = words[0]
    rows |= found
    return rows | {
        "Calibration error": [_number(card, split, "calibration_error", per_cent) for card in cards.values()],
        "Time per patch": [_time(card, split) for card in cards.values()],
    }


def _time(card: ModelCard, split: str) -> str:
    words = _number(card, split, "seconds_per_patch", lambda seconds: f"{seconds * 1000:.0f} ms")
    where = (card.details or {}).get("measured_on")
    return f"{words} ({where})" if where and words != NONE else words


def _number(card: ModelCard, split: str, key: str, words: Any) -> str:
    value = _figures(card).get(split, {}).get(key)
    return words(value) if isinstance(value, int | float) and math.isfinite(value) else NONE


def _figures(card: ModelCard) -> dict[str, Any]:
    results = (card.details or {}).get("figures")
    if not isinstance(results, dict):
        return {}
    return {name: row for name, row in results.items() if isinstance(row, dict)}


def roc_together(cards: dict[str, ModelCard], split: str) -> go.Figure:
    """The ROC curves of all cards that have one."""
    figure = _diagonal()
    for number, (name, card) in enumerate(cards.items()):
        points = _pairs(_figures(card).get(split, {}).get("roc"), 2)
        _line(figure, number, name, [x * 100 for x, _ in points], [y * 100 for _, y in points])
    return _framed(figure, "normal patches called metastasis, per cent", "metastases found, per cent")


def reliability_together(cards: dict[str, ModelCard], split: str) -> go.Figure:
    """The reliability curves of all cards that have one."""
    figure = _diagonal()
    for number, (name, card) in enumerate(cards.items()):
        points = [
            point for point in _pairs(_figures(card).get(split, {}).get("reliability"), 3) if point[2] >= 5
        ]
        _line(figure, number, name, [p[0] * 100 for p in points], [p[1] * 100 for p in points])
    return _framed(figure, "probability given to metastasis, per cent", "metastases among these, per cent")


def _pairs(values: object, length: int) -> list[Sequence[float]]:
    if not isinstance(values, list):
        return []
    return [
        point
        for point in values
        if isinstance(point, list)
        and len(point) == length
        and all(isinstance(v, int | float) and math.isfinite(v) for v in point)
    ]


def _diagonal() -> go.Figure:
    figure = go.Figure()
    figure.add_scatter(
        x=[0, 100],
        y=[0, 100],
        mode="lines",
        line={"color": FAINT, "dash": "dot", "width": 1},
        hoverinfo="skip",
        showlegend=False,
    )
    return figure


def _line(figure: go.Figure, number: int, name: str, x: list[float], y: list[float]) -> None:
    figure.add_scatter(
        x=x,
        y=y,
        mode="lines",
        name=chart_text(name),
        line={
            "color": CLASS_COLOURS[number % len(CLASS_COLOURS)],
            "dash": DASHES[number // len(CLASS_COLOURS) % len(DASHES)],
            "width": 2,
        },
        hovertemplate="%{fullData.name}: %{y:.1f} % at %{x:.1f} %<extra></extra>",
    )


def _framed(figure: go.Figure, x_title: str, y_title: str) -> go.Figure:
    style_figure(figure, height=320, x_title=x_title, y_title=y_title)
    figure.update_xaxes(range=[-2, 102])
    figure.update_yaxes(range=[-2, 102])
    figure.update_layout(
        showlegend=True,
        legend={"x": 0.98, "y": 0.04, "xanchor": "right", "yanchor": "bottom", "bgcolor": "rgba(0,0,0,0)"},
    )
    return figure
