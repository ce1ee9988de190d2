"""Text from files never becomes Markdown or HTML: one helper, used wherever a page is given a text."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from markdown_it import MarkdownIt

from snapgui.shipped import PACKAGE
from snapgui.ui.parts.text import WORD_JOINER, chart_text, plain, plain_list, plain_rows

UI = PACKAGE / "ui"
# What Streamlit reads as Markdown: first arguments, and these by name.
DRAWS = {
    *("markdown", "write", "caption", "header", "subheader", "title", "info", "warning", "error", "success"),
    *("toast", "metric", "badge", "html", "table", "expander", "popover", "button", "checkbox", "toggle"),
    *("download_button", "form_submit_button", "spinner", "status", "radio", "text_input", "selectbox"),
    *("number_input", "slider", "text_area", "file_uploader", "multiselect", "segmented_control", "pills"),
    *("dialog", "select_slider", "page_link", "link_button", "tabs", "chat_message", "feedback"),
}
NAMED = {"help", "caption", "text", "label"}
# Whose choices are Markdown as well.
CHOICES = {"segmented_control", "pills", "radio", "select_slider"}
SAFE = {
    *("plain", "plain_list", "plain_rows", "per_cent", "as_set", "counted", "duration", "with_interval"),
    *("with_count", "len", "sum", "int", "scale_words", "lower", "upper", "range"),
    # With emphasis of their own; what they name of others' is plain.
    *("_mask_words", "key_words", "chip_words", "card_words", "_thanks"),
    *("picture_words", "escape", "differences_table"),
}


def unsafe(node: ast.expr) -> Iterator[ast.expr]:
    """The parts of an expression that may hold a text from a file."""
    if isinstance(node, ast.Constant):
        return
    if isinstance(node, ast.JoinedStr):
        for part in node.values:
            if isinstance(part, ast.FormattedValue) and part.format_spec is None:
                yield from unsafe(part.value)
    elif isinstance(node, ast.BinOp):
        yield from unsafe(node.left)
        yield from unsafe(node.right)
    elif isinstance(node, ast.IfExp):
        yield from unsafe(node.body)
        yield from unsafe(node.orelse)
    elif isinstance(node, ast.BoolOp):
        for value in node.values:
            yield from unsafe(value)
    elif isinstance(node, ast.Subscript):
        yield from unsafe(node.value)
    elif isinstance(node, ast.Call):
        name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
        if name not in SAFE:
            yield node
    elif not (isinstance(node, ast.Name) and node.id.isupper()) and not (
        isinstance(node, ast.Attribute) and node.attr.isupper()
    ):
        yield node


def widget(node: ast.Call) -> tuple[str, list[ast.expr]]:
    """What a call draws, and its arguments; `control` is given the widget first."""
    if isinstance(node.func, ast.Name) and node.func.id in ("control", "own_control"):
        return getattr(node.args[0], "attr", ""), node.args[1:]
    return (node.func.attr, node.args) if isinstance(node.func, ast.Attribute) else ("", [])


def drawn(code: str) -> Iterator[tuple[int, str]]:
    for node in ast.walk(ast.parse(code)):
        if not isinstance(node, ast.Call):
            continue
        name, arguments = widget(node)
        given = arguments[:1] if name in DRAWS else []
        if name in DRAWS | {"progress", "image", "text_column", "camera_input"}:
            given += [keyword.value for keyword in node.keywords if keyword.arg in NAMED]
        if name in CHOICES:
            given += [*choices(node, arguments[1])]
        for value in given:
            for part in unsafe(value):
                yield node.lineno, ast.unparse(part)


def choices(node: ast.Call, options: ast.expr) -> Iterator[ast.expr]:
    """What a choice is called: by a function, or as it is."""
    ours = isinstance(options, ast.Tuple) or not list(unsafe(options))
    words = next((keyword.value for keyword in node.keywords if keyword.arg == "format_func"), None)
    if isinstance(words, ast.Attribute) and words.attr == "__getitem__":
        yield words.value
    elif isinstance(words, ast.Lambda):
        own = {argument.arg for argument in words.args.args} if ours else set()
        yield from (one for one in unsafe(words.body) if getattr(one, "id", "") not in own)
    elif words is not None and not ours:
        yield words


@pytest.mark.parametrize(
    "code",
    [
        "st.dialog(f'Pictures of {data}')",
        "st.segmented_control('Say', range(2), format_func=classes.__getitem__)",
        "control(st.segmented_control, 'Say', range(2), format_func=lambda one: classes[one])",
        "control(st.slider, name, 0, 1)",
    ],
)
def test_a_title_and_a_choice_are_markdown_too(code: str) -> None:
    assert list(drawn(code)) and not list(
        drawn(code.replace("classes", "CLASSES").replace("data", "DATA").replace("name", "NAME"))
    )


@pytest.mark.parametrize("path", sorted(UI.rglob("*.py")), ids=lambda path: str(path.relative_to(UI)))
def test_a_page_gives_streamlit_its_own_words_or_plain_text(path: Path) -> None:
    found = [f"{path.name} line {line}: {part}" for line, part in drawn(path.read_text(encoding="utf-8"))]
    # Chips of the card, whose words are escaped where they are put together.
    found = [one for one in found if not (path.name == "card.py" and one.endswith(": chips"))]
    assert not found, f"put it in plain(), see snapgui/ui/parts/text.py: {found}"


HOSTILE = (
    "![x](http://127.0.0.1:9/x.png)",
    "<img src=http://127.0.0.1:9/x.png>",
    "[link](https://example.org)",
    "see https://example.org, www.example.org or a@example.org",
    "# Title\n- point\n1. first\n> quote\n---\n    code",
    "**bold** _thin_ `code` ~~no~~ $x^2$ :red[red] :material/home: a|b &lt;",
    "[ref]: http://127.0.0.1:9/x.png",
    "Setext\n===",
)


def live(text: str) -> list[str]:
    """What Streamlit would make of a text: kinds of Markdown's pieces that are more than text."""
    tokens = MarkdownIt("commonmark", {"linkify": False}).enable(["table", "strikethrough"]).parse(text)
    every = [*tokens, *(child for token in tokens for child in token.children or ())]
    allowed = {"paragraph_open", "paragraph_close", "inline", "text", "hardbreak", "softbreak"}
    return [token.type for token in every if token.type not in allowed]


@pytest.mark.parametrize("text", HOSTILE)
def test_plain_text_is_nothing_but_text(text: str) -> None:
    assert live(text) or "example.org" in text or "[ref]" in text
    assert not live(plain(text)) and not live(f"before {plain(text)} after")
    shown = "".join(
        "\n" if child.type == "hardbreak" else child.content
        for token in MarkdownIt("commonmark").parse(plain(text))
        for child in token.children or ()
    )
    lines = [line.strip() for line in text.splitlines()]
    assert shown.replace(WORD_JOINER, "") == "\n".join(lines)
    # Streamlit looks for these in finished text.
    assert not re.search(r"(?i)https?:|www\.|[\w.]@|:[\w+-]+[:/\[]", shown)


def test_names_stay_as_they_are() -> None:
    for name in ("metastasis_0", "patch 3.png", "C-1 (2).tif", "audit-12ab", "5 % of 12: yes", "−0.5"):
        assert plain(name) == name
    assert plain(" of 3") == " of 3" and plain_list(["a", "*b*"]) == "- a\n- \\*b\\*"
    assert plain_rows({"<b>": ["*"]}) == {"\\<b\\>": ["\\*"]}
    assert chart_text("<a href='x'>") == "&lt;a href='x'&gt;"
