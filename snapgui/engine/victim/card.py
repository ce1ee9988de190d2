"""What a victim is: the JSON card beside its weights, or what is assumed where there is none."""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from snapgui.errors import DAMAGED, ModelError

IMAGENET_MEAN = (0.485, 0.456, 0.406)
IMAGENET_STD = (0.229, 0.224, 0.225)
SIZES_PX = (32, 1024)
# Of pictures in [0, 1], with room for a deviation that scales them to 255; not of pictures in 0 to 255.
MEANS, DEVIATIONS = (-10.0, 10.0), (0.001, 10.0)
# How the two classes are called; the first match of a name's beginning counts.
_NORMAL = re.compile(
    r"(normal|norm|benign|negative|neg|healthy|non|not|no|without|0)(?![a-z])"
    r"|non?[-_ ]?(tumo|cancer|metasta|malign)"
    r"|(tumou?r|cancer|metasta[a-z]*|malign[a-z]*)[-_ ]?(free|neg|absent|no(?![a-z]))"
)
_METASTASIS = re.compile(r"metasta|tumou?r|cancer|malign|carcinoma|pos(itive)?(?![a-z])|^1$")


@dataclass(frozen=True)
class ModelCard:
    """What a victim is; read from the JSON file beside its weights, or assumed where there is none.

    Attributes:
        name: for people.
        architecture: torchvision's or timm's name, see `networks.make_network`; empty where nobody said.
        classes: names in the order of the outputs.
        input_size_px: side to which images are resized before the network.
        mean, std: per-channel normalisation.
        sha256: of the weights file.
        details: the whole card as written.
        options: what the network's maker takes besides the number of classes, see `networks.make_network`.
        assumed: what nobody said and was taken for granted, in sentences.
    """

    name: str
    architecture: str
    classes: tuple[str, ...] = ("normal", "metastasis")
    input_size_px: int = 224
    mean: tuple[float, ...] = IMAGENET_MEAN
    std: tuple[float, ...] = IMAGENET_STD
    sha256: str = ""
    details: dict[str, Any] | None = None
    options: Mapping[str, Any] = field(default_factory=dict)
    assumed: tuple[str, ...] = ()


def card_path(weights: Path) -> Path:
    """Where the card of these weights lies."""
    return Path(weights).with_suffix(".json")


def card_beside(path: Path) -> ModelCard:
    """The card beside the weights, or one made of what such networks usually are, without an architecture.

    Raises:
        ModelError: there is a card, and it cannot be right.
    """
    card_file = card_path(path)
    if not card_file.is_file():
        return ModelCard(path.stem, "", assumed=_assumed({}, path.name))
    try:
        values = json.loads(card_file.read_text(encoding="utf-8-sig"))
        card = ModelCard(
            name=str(values.get("name") or path.stem),
            architecture=str(values["architecture"]),
            classes=tuple(values.get("classes", ModelCard.classes)),
            input_size_px=values["input_size_px"],
            mean=tuple(values.get("mean", IMAGENET_MEAN)),
            std=tuple(values.get("std", IMAGENET_STD)),
            sha256=str(values.get("sha256") or "").strip().lower(),
            details=values,
            options=values.get("options", {}),
            assumed=_assumed(values, path.name),
        )
    except DAMAGED as error:
        raise ModelError(
            f"{card_file.name} is not a model card ({str(error)[:80]}); it needs architecture and "
            "input_size_px."
        ) from error
    if wrong := _what_is_wrong(card):
        raise ModelError(f"{card_file.name} is not a model card that can be right: {wrong}. Correct it.")
    return card


def _assumed(values: dict[str, Any], name: str) -> tuple[str, ...]:
    taken = {
        "input_size_px": f"an input of {ModelCard.input_size_px} px",
        "mean": "ImageNet's mean",
        "std": "ImageNet's deviation",
        "classes": f"outputs in the order {' and '.join(ModelCard.classes)}",
    }
    missing = [words for key, words in taken.items() if key not in values]
    if not missing:
        return ()
    card = "has a card that does not say all" if values else "has no model card beside it"
    return (
        f"{name} {card}; assumed: {', '.join(missing)}. A JSON file of the same name may say otherwise "
        f"({', '.join(key for key in taken if key not in values)}).",
    )


def _what_is_wrong(card: ModelCard) -> str:
    size, (low, high) = card.input_size_px, SIZES_PX
    if isinstance(size, bool) or not isinstance(size, int) or not low <= size <= high:
        return f"input_size_px is {size!r:.40}, where a whole number from {low} to {high} is needed"
    for key, values, (least, most) in (("mean", card.mean, MEANS), ("std", card.std, DEVIATIONS)):
        numbers = [v for v in values if isinstance(v, int | float) and not isinstance(v, bool)]
        if len(values) != 3 or len(numbers) != 3 or not all(least <= v <= most for v in numbers):
            return (
                f"{key} is {list(values)!r:.60}, where three finite numbers from {least:g} to {most:g} are "
                "needed, for pictures in [0, 1]"
            )
    if not isinstance(card.options, dict) or not all(map(_is_plain, card.options.values())):
        return f"options are {card.options!r:.60}, where words and numbers by name are needed"
    names = card.details["classes"] if card.details and "classes" in card.details else list(card.classes)
    if (
        not isinstance(names, list)
        or len(names) < 2
        or not all(isinstance(n, str) and n.strip() for n in names)
        or len({n.strip().lower() for n in names}) < len(names)
    ):
        return f"classes are {names!r:.80}, where a list of two or more different names is needed"
    return ""


def _is_plain(value: object) -> bool:
    if isinstance(value, list):
        return all(_is_plain(item) and not isinstance(item, list) for item in value)
    return value is None or isinstance(value, bool | int | float | str)


def order_of_classes(classes: Sequence[str]) -> tuple[int, ...] | None:
    """The outputs in the order normal, metastasis, as their names tell; None where they do not.

    Labels of data sets are 0 (normal) and 1 (metastasis), whatever the order of a model's outputs.
    """
    if len(classes) != 2:
        return None
    first, second = map(class_of, classes)
    # One that is known tells the other; a number tells nothing beside anything but the other number.
    if first == second or (None in (first, second) and any(name.strip().isdigit() for name in classes)):
        return None
    return (0, 1) if first == 0 or second == 1 else (1, 0)


def class_of(name: str) -> int | None:
    """0 for a name of the normal class, 1 for one of metastasis, None for any other."""
    name = name.strip().lower()
    return 0 if _NORMAL.match(name) else 1 if _METASTASIS.search(name) else None
