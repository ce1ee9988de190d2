"""What no file of the project may hold: a path of its maker's machine, or text of an unstated encoding."""

import ast
import json
import re
import struct
from collections.abc import Iterator
from pathlib import Path

import pytest
from PIL import Image

from snapgui import shipped

TEXTS = ("*.py", "*.md", "*.txt", "*.toml", "*.json", "*.html", "*.css", "*.js", "*.mako", "*.in")
PLACES = ("snapgui", "benchmarks", "assets", ".streamlit")
MACHINE = re.compile(
    r"""(?<![\w.~])/(?:root|home|Users|work|mnt|media|opt|tmp|private|var|srv)/\w|\b[A-Z]:\\\w"""
)
PYTHON = sorted(
    path
    for place in ("snapgui", "benchmarks", "tests", ".")
    for path in (shipped.ROOT / place).glob("*.py" if place == "." else "**/*.py")
)


def shipped_texts() -> Iterator[Path]:
    """All text files but the tests, whose examples hold paths on purpose."""
    for pattern in TEXTS:
        yield from shipped.ROOT.glob(pattern)
        for place in PLACES:
            yield from (shipped.ROOT / place).rglob(pattern)


def strings_in(values: object) -> Iterator[str]:
    """All strings of a JSON value."""
    if isinstance(values, str):
        yield values
    for part in values.values() if isinstance(values, dict) else values if isinstance(values, list) else ():
        yield from strings_in(part)


def test_the_pattern_knows_a_path_from_an_address() -> None:
    for text in ("--out /root/a", '"/home/me/x"', "C:\\Users", "(/tmp/y)"):
        assert MACHINE.search(text), text
    for text in ("https://x.org/home/a", "~/.snap-studio", "patches/ID.webp", "and/or", "/usr/bin/chromium"):
        assert not MACHINE.search(text), text


def test_no_text_file_names_a_place_of_its_makers_machine() -> None:
    texts = set(shipped_texts())
    assert len(texts) > 200
    for path in texts:
        found = MACHINE.search(path.read_text(encoding="utf-8"))
        assert not found, f"{path.relative_to(shipped.ROOT)}: {found[0]}"


def test_no_picture_and_no_weights_name_such_a_place() -> None:
    pictures = list((shipped.ROOT / "assets").rglob("*.png"))
    assert len(pictures) > 24
    for path in pictures:
        with Image.open(path) as picture:
            words = [word for word in picture.info.values() if isinstance(word, str)]
        assert not any(MACHINE.search(word) for word in words), path.name
    with shipped.MODEL.open("rb") as file:
        (size,) = struct.unpack("<Q", file.read(8))
        assert not MACHINE.search(file.read(size).decode())


def test_commands_in_cards_name_files_and_no_folders() -> None:
    cards = sorted((shipped.ROOT / "assets").rglob("*.json"))
    commands = [
        text
        for card in cards
        for text in strings_in(json.loads(card.read_text(encoding="utf-8")))
        if text.startswith("python ")
    ]
    assert commands and not [
        command for command in commands if "/" in command.removeprefix("python benchmarks/")
    ]


def unstated(code: str) -> list[int]:
    """Lines that read or write text without saying in which encoding."""
    lines = []
    for node in ast.walk(ast.parse(code)):
        if not isinstance(node, ast.Call) or any(word.arg in ("encoding", None) for word in node.keywords):
            continue
        name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
        method = isinstance(node.func, ast.Attribute)
        if method and name in ("read_text", "write_text"):
            if len(node.args) < (1 if name == "read_text" else 2):
                lines.append(node.lineno)
        elif name == "open" and is_text(node, method):
            lines.append(node.lineno)
    return lines


def is_text(call: ast.Call, method: bool) -> bool:
    """Whether a call of ``open`` opens text; a method's first argument is a mode, or a name that Pillow or an
    archive opens in its own way.
    """
    modes = [word.value for word in call.keywords if word.arg == "mode"] + call.args[0 if method else 1 :][:1]
    if not modes:
        return not (method and call.args)
    mode = modes[0].value if isinstance(modes[0], ast.Constant) else None
    return isinstance(mode, str) and set(mode) <= set("rwaxt+")


@pytest.mark.parametrize(
    ("code", "found"),
    [
        ("p.read_text()", [1]),
        ("p.write_text(x)", [1]),
        ("open(p)", [1]),
        ("p.open()", [1]),
        ("p.open('w', newline='')", [1]),
        ("open(p, mode='r')", [1]),
        ("p.read_text(encoding='utf-8'), p.write_text(x, 'utf-8'), open(p, 'rb'), p.open('wb')", []),
        ("Image.open(p), archive.open('name.png'), open(p, **more)", []),
    ],
)
def test_text_without_an_encoding_is_found(code: str, found: list[int]) -> None:
    assert unstated(code) == found


def test_text_is_read_and_written_in_a_stated_encoding() -> None:
    assert len(PYTHON) > 300
    found = {
        str(path.relative_to(shipped.ROOT)): lines
        for path in PYTHON
        if (lines := unstated(path.read_text(encoding="utf-8")))
    }
    assert not found
