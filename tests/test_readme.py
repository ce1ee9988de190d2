"""The README says what is so: its figures are the card's, its commands exist, its pictures are there."""

import json
import re
import shlex
from pathlib import Path

import pytest

from snapgui import shipped
from snapgui.cli import build_parser

README = (shipped.ROOT / "README.md").read_text(encoding="utf-8")


def test_the_table_of_figures_is_the_cards() -> None:
    card = json.loads(shipped.MODEL.with_suffix(".json").read_text(encoding="utf-8"))
    for split, row in card["figures"].items():
        low, high = row["accuracy_interval"]
        line = (
            f"| `{split}` | {row['count']:,} | {row['accuracy']:.1%} ({low:.1%} to {high:.1%}) | "
            f"{row['auc']:.3f} | {row['sensitivity']:.1%} | {row['specificity']:.1%} |"
        )
        assert line in README, f"the README lacks this line: {line}"
    assert f"{card['input_size_px']} px" in README


def test_what_the_detector_picks_out_is_its_cards() -> None:
    card = json.loads(shipped.DETECTOR.with_name("card.json").read_text(encoding="utf-8"))
    assert f"`val_random` are {_with_interval(card['false_alarms'])};" in README
    for name in ("natural", "sham", "few", "paper", "strong"):
        told = card["detection"]["conditions"][name]
        both = (_with_interval(told[part]) for part in ("altered", "same_places_before"))
        looks = (str(told["looks"].get(look, 0)) for look in ("natural", "visible"))
        assert f"| {' | '.join((*both, *looks))} |" in README, name


def _with_interval(told: dict) -> str:
    low, high = told["interval"]
    return f"{told['share'] * 100:.1f} % ({low * 100:.1f} to {high * 100:.1f})"


@pytest.mark.parametrize("line", re.findall(r"^python -m snapgui ((?:.*\\\n)*.*)", README, flags=re.M))
def test_commands_parse(line: str) -> None:
    words = shlex.split(
        re.sub(r"\[[^]]*\]", "", line.replace("\\\n", " "))
        .replace("PATH...", "PATH")
        .replace("hcd|pcam", "hcd")
    )
    assert build_parser().parse_args(words).command == words[0]


def test_pictures_are_there() -> None:
    pictures = re.findall(r"!\[[^]]+\]\(([^)]+)\)", README)
    assert len(pictures) >= 3
    for name in pictures:
        assert Path(shipped.ROOT / name).is_file(), name
