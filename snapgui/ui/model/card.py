"""A model card as tables for people, and the controls that load another checkpoint."""

import math
from pathlib import Path
from typing import Any

import streamlit as st

from snapgui.engine.victim.victim import ModelCard
from snapgui.errors import ModelError
from snapgui.ui.parts.folders import typed_path
from snapgui.ui.parts.text import plain, plain_rows
from snapgui.ui.resources import load_victim
from snapgui.ui.state import SnapState
from snapgui.words import NONE, per_cent

SPLIT_WORDS = {
    "train": "Training patches",
    "val_random": "Unseen patches, drawn at random",
    "val_slides": "Unseen patches, other slides",
    "val": "Validation",
    "test": "Test",
}
RESULTS_HELP = (
    "Accuracy with its 95 % Wilson interval. AUC: area under the ROC curve. Sensitivity: share of "
    "metastases found. Specificity: share of normal patches called normal."
)


def show_card(card: ModelCard) -> None:
    """Draw results first, then what the model is."""
    st.subheader(plain(card.name), anchor=False)
    rows = result_rows(card)
    if rows:
        st.markdown("**How good it is**", help=RESULTS_HELP)
        st.table(plain_rows(rows), hide_index=True)
    else:
        st.info(
            "This checkpoint has no card with results, so nothing is known of its accuracy. "
            "Predict a labelled folder below to find out."
        )
    st.markdown("**What it is**")
    st.table(plain_rows(fact_rows(card)), hide_index=True, hide_header=True)
    st.caption("SHA-256 of the weights, by which anyone can tell that it is this very model:")
    st.code(card.sha256, language=None, wrap_lines=True)


def result_rows(card: ModelCard) -> dict[str, list[str]]:
    """The card's results as columns of words, a row for each split; empty where the card has none."""
    results = (card.details or {}).get("figures")
    if not isinstance(results, dict):
        return {}
    rows = {name: row for name, row in results.items() if isinstance(row, dict)}
    columns: dict[str, list[str]] = {"Split": [SPLIT_WORDS.get(name, name) for name in rows]} if rows else {}
    readers = {
        "Patches": _count,
        "Accuracy (95 % interval)": _accuracy,
        "AUC": _auc,
        "Sensitivity": lambda row: _share(row, "sensitivity"),
        "Specificity": lambda row: _share(row, "specificity"),
    }
    given = {title: [read(row) for row in rows.values()] for title, read in readers.items()}
    return columns | {title: words for title, words in given.items() if set(words) - {NONE}}


def _count(row: dict[str, Any]) -> str:
    count = row.get("count")
    return f"{count:,}" if isinstance(count, int) else NONE


def _share(row: dict[str, Any], name: str) -> str:
    value = row.get(name)
    return per_cent(value) if isinstance(value, int | float) and math.isfinite(value) else NONE


def _accuracy(row: dict[str, Any]) -> str:
    interval = row.get("accuracy_interval")
    between = (
        f" ({interval[0] * 100:.1f} to {interval[1] * 100:.1f})"
        if isinstance(interval, list | tuple) and len(interval) == 2
        else ""
    )
    return _share(row, "accuracy") + between


def _auc(row: dict[str, Any]) -> str:
    value = row.get("auc")
    return f"{value:.3f}" if isinstance(value, int | float) and math.isfinite(value) else NONE


def fact_rows(card: ModelCard) -> dict[str, list[str]]:
    """What a card says besides its results, as two columns."""
    facts = {
        "Architecture": card.architecture,
        "Classes": ", ".join(card.classes),
        "Input": f"patches are resized to {card.input_size_px} x {card.input_size_px} px inside the model",
    }
    details = card.details or {}
    training = details.get("training")
    if isinstance(training, dict):
        facts["Trained on"] = _training_words(training)
        details = details | {key: training[key] for key in ("command", "device", "note") if key in training}
    for key, title in (
        ("data", "Data"),
        ("device", "Trained with"),
        ("command", "Command"),
        ("note", "Note"),
    ):
        if details.get(key):
            facts[title] = str(details[key])
    if card.details is None:
        facts["Card"] = "none beside the file; architecture recognised from its tensors"
    if card.assumed:
        facts["Assumed"] = " ".join(card.assumed)
    return {"Fact": list(facts), "Value": list(facts.values())}


def _training_words(training: dict[str, Any]) -> str:
    patches, positive, epochs = (training.get(key) for key in ("patches", "positive", "epochs"))
    parts = [
        f"{patches:,} patches" if isinstance(patches, int) else "",
        f"{positive:,} with metastasis" if isinstance(positive, int) else "",
        f"{epochs} epochs" if epochs else "",
        f"seed {training['seed']}" if "seed" in training else "",
    ]
    return ", ".join(part for part in parts if part)


def load_controls(state: SnapState) -> None:
    """Load another checkpoint by its path, or go back to the shipped one."""
    st.subheader("Another checkpoint", anchor=False)
    typed = st.text_input(
        "Path of a checkpoint on this computer",
        key="model_path",
        persist_state="session",
        placeholder="/path/to/model.safetensors",
        help="safetensors, or a PyTorch state dict (.pth). A model card, JSON of the same name beside "
        "it, is read too.",
    )
    path = typed_path(typed)
    with st.container(horizontal=True):
        pressed = st.button("Load", disabled=not path)
        back = st.button("Back to the shipped model", disabled=state.model_path is None)
    if back:
        state.model_path = None
        st.rerun()
    if pressed:
        _load(state, Path(path))
    st.caption(
        "ResNet50, DenseNet-121, MobileNetV2 and DINOv2's ViT-S/14 with one or two outputs are known by "
        "their tensors, under whatever names; any other network of torchvision or timm by the name in a "
        "model card. The file is only read as numbers; no code in it is run, unless a card says that it is "
        "TorchScript."
    )


def _load(state: SnapState, path: Path) -> None:
    try:
        load_victim(path)
    except ModelError as error:
        st.error(f"{plain(error)} The model loaded before stays.")
    else:
        state.model_path = path
        st.rerun()
