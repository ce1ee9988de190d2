"""What a person calls a saved run: a name and tags, in a file of its own beside the run's."""

import json
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from snapgui.runs.store import run_folder
from snapgui.workspace import write_whole

FILE = "label.json"
MOST_CHARACTERS, MOST_TAGS = 120, 20


@dataclass(frozen=True)
class Label:
    """A name, empty where the image's own stands for it, and tags."""

    name: str = ""
    tags: tuple[str, ...] = ()


def clean_label(name: str, tags: Iterable[str]) -> Label:
    """A label as it is kept: on one line, no tag twice in whatever case, nothing longer than a line."""
    kept: dict[str, str] = {}
    for tag in map(_one_line, tags):
        if tag:
            kept.setdefault(tag.casefold(), tag)
    return Label(_one_line(name), tuple(kept.values())[:MOST_TAGS])


def read_label(folder: Path) -> Label:
    """The label in a run's folder; an empty one where there is none or it is damaged, since the run itself is
    whole without it.
    """
    try:
        values = json.loads((folder / FILE).read_text(encoding="utf-8"))
        if not isinstance(values["name"], str) or not isinstance(values["tags"], list):
            return Label()
        return clean_label(values["name"], filter(lambda tag: isinstance(tag, str), values["tags"]))
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        return Label()


def keep_label(run_id: str, label: Label) -> None:
    """Write a run's label; raises DataError where the run is gone or the disk is full."""
    text = json.dumps({"name": label.name, "tags": list(label.tags)}, ensure_ascii=False) + "\n"
    advice = "The name and the tags stay as they were: free space, or see whether the run was deleted."
    write_whole(run_folder(run_id) / FILE, text.encode(), advice=advice)


def _one_line(text: str) -> str:
    return " ".join(text.split())[:MOST_CHARACTERS].strip()
