"""Download buttons; what they give is made only when it is asked for. And words to copy."""

from collections.abc import Callable

import streamlit as st

from snapgui.report.pages.document import Document
from snapgui.report.pages.html import html_page
from snapgui.report.pages.pdf import pdf_pages
from snapgui.ui.parts.text import plain

HTML_HELP = "One page with all pictures and numbers; opens in any browser without a network, and prints well."


def file_button(label: str, data: Callable[[], bytes], name: str, kind: str, key: str, words: str) -> None:
    """One download; ``data`` is called when the button is pressed."""
    st.download_button(plain(label), data, name, kind, key=key, on_click="ignore", help=plain(words))


def document_buttons(document: Callable[[], Document], name: str, key: str) -> None:
    """A report as HTML and as PDF."""
    file_button(
        "Report (HTML)",
        lambda: html_page(document()),
        f"{name}-report.html",
        "text/html",
        f"{key}-html",
        HTML_HELP,
    )
    file_button(
        "Report (PDF)",
        lambda: pdf_pages(document()),
        f"{name}-report.pdf",
        "application/pdf",
        f"{key}-pdf",
        "The same as pages for print.",
    )


def show_methods(words: str) -> None:
    """A Methods paragraph with its copy button."""
    st.markdown("**Methods**, a paragraph to copy into a paper:")
    st.code(words, language=None, wrap_lines=True)
