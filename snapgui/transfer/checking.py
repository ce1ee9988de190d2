"""What ``transfer.json`` and the summary of a matrix must say, and of what kind: whoever shows them need not
ask.
"""

from collections.abc import Callable
from typing import Any

from snapgui.kinds import is_count, is_number, is_share, require

Right = Callable[[Any], bool]


def check_about(about: Any) -> None:
    """Whether what describes a matrix holds what is shown of it; raises ValueError, KeyError, TypeError or
    AttributeError where it does not.
    """
    for name in ("fingerprint", "data", "started"):
        require(_text(about[name]), name)
    require(_table(about["models"]) and bool(about["models"]), "models")
    for own in about["models"].values():
        require(all(_text(own[name]) for name in ("sha256", "architecture")), "models")
    require(_table(about["settings"]), "settings")
    require(all(map(_text, about.get("versions", {}).values())), "versions")


def check_numbers(summary: Any) -> None:
    """The same of ``summary.json``."""
    for name in ("models", "sources", "presets"):
        names = summary[name]
        require(isinstance(names, list) and bool(names) and all(map(_text, names)), name)
    _rows(summary, "cells", ("preset", "kind", "source", "target"), flipped=_share, centre_open=_share)
    _rows(summary, "cells", (), area=is_number, mean_de00_mask=is_number)
    of_images: dict[str, Right] = {"difference": is_number, "interval": _interval, "images": is_count}
    _rows(summary, "beyond_controls", ("preset", "source", "target"), **of_images)
    _rows(summary, "architectures", ("preset", "first", "second"), **of_images)
    _rows(summary, "no_room", ("preset", "source"), images=is_count)
    require(is_count(summary["attacked"]), "attacked")
    require(is_count(summary["metastases"]) and summary["metastases"] > 0, "metastases")
    require(all(map(is_count, summary["recognised"].values())), "recognised")
    for own in summary["clean"].values():
        require(_share(own["accuracy"]), "accuracy")
        require(is_number(own["seconds_per_patch"]) and own["seconds_per_patch"] > 0, "seconds_per_patch")
        require(not own.get("false_alarms") or _share(own["false_alarms"]), "false_alarms")


def _rows(summary: dict[str, Any], part: str, texts: tuple[str, ...], **numbers: Right) -> None:
    require(isinstance(summary[part], list), part)
    for row in summary[part]:
        for name in texts:
            require(_text(row[name]), f"{name} of {part}")
        for name, right in numbers.items():
            require(right(row[name]), f"{name} of {part}")


def _text(value: Any) -> bool:
    return isinstance(value, str)


def _table(value: Any) -> bool:
    return isinstance(value, dict)


def _share(value: Any) -> bool:
    """A share of some, not of none."""
    return is_share(value) and is_number(value["share"])


def _interval(value: Any) -> bool:
    low, high = value
    return is_number(low) and is_number(high)
