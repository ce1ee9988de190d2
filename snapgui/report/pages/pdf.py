"""A report as PDF: the same words, tables and pictures as the HTML page, on A4; the same input gives the same
bytes.
"""

import io
from pathlib import Path
from typing import Any
from xml.sax.saxutils import escape

from snapgui.engine.images import decode_pixels, encode_png
from snapgui.engine.visibility.measures import enlarge
from snapgui.report.pages.document import Document, Picture, Section, Table, tied
from snapgui.runs.verdict import Card

# DejaVu comes with matplotlib: letters beyond Latin-1 are drawn, whatever fonts the computer has.
FONTS = {"Snap": "DejaVuSans.ttf", "Snap-Bold": "DejaVuSans-Bold.ttf"}
POINTS_PER_PX = 0.75
GAP = 8.0
# Four pictures that stand side by side on the HTML page do so on A4, too.
EXACT_SHARE = 0.68
MARGIN = 42.5
FRAME_PADDING = 6.0  # reportlab's own, on each side
# A viewer blends what it enlarges: exact pictures go in with each pixel repeated, at 200 dots an inch or
# more.
LEAST_DPI = 200
# The app's accent, and that of the HTML page.
ACCENT = "#2b5f8a"
# So many rows stay on one page.
SHORT_TABLE = 14
# Points that a heading wants below it: the beginning of what it is about.
NEEDED = 110


def pdf_pages(document: Document) -> bytes:
    """The report as PDF."""
    from reportlab.lib.pagesizes import A4
    from reportlab.platypus import Paragraph, SimpleDocTemplate, Spacer

    styles = _styles()
    stream = io.BytesIO()
    width = A4[0] - 2 * MARGIN - 2 * FRAME_PADDING
    pages = SimpleDocTemplate(
        stream,
        pagesize=A4,
        leftMargin=MARGIN,
        rightMargin=MARGIN,
        topMargin=MARGIN,
        bottomMargin=MARGIN + 12,
        invariant=1,
        title=document.title,
        author="SNAP Studio",
        subject=document.notice,
        creator=document.text.get("Software", "SNAP Studio"),
        keywords=[
            f"{key}: {value}" for key, value in document.text.items() if key not in ("Software", "Comment")
        ],
    )
    story: list[Any] = [
        Paragraph(_text(document.notice), styles["notice"]),
        Paragraph(_text(document.title), styles["title"]),
        *(_card(document.card, styles, width) if document.card else ()),
        *([Paragraph(_text(document.verdict), styles["verdict"])] if document.verdict else ()),
        *(Paragraph(_text(line), styles["body"]) for line in document.beside),
    ]
    for section in document.sections:
        story += _section(section, styles, width)
    story += [Spacer(1, 14), Paragraph(_text(document.notice), styles["notice"])]

    def foot(canvas: Any, _: Any) -> None:
        canvas.setFont("Snap", 7)
        canvas.drawString(MARGIN + FRAME_PADDING, MARGIN - 8, _short(f"{document.title}. {document.notice}"))
        canvas.drawRightString(A4[0] - MARGIN - FRAME_PADDING, MARGIN - 8, f"page {canvas.getPageNumber()}")

    pages.build(story, onFirstPage=foot, onLaterPages=foot)
    return stream.getvalue()


def _styles() -> dict[str, Any]:
    import matplotlib
    from reportlab.lib.styles import ParagraphStyle
    from reportlab.pdfbase import pdfmetrics
    from reportlab.pdfbase.ttfonts import TTFont

    for name, file in FONTS.items():
        if name not in pdfmetrics.getRegisteredFontNames():
            pdfmetrics.registerFont(
                TTFont(name, str(Path(matplotlib.get_data_path()) / "fonts" / "ttf" / file))
            )

    def style(name: str, size: float, bold: bool = False, **more: Any) -> ParagraphStyle:
        return ParagraphStyle(
            name,
            fontName="Snap-Bold" if bold else "Snap",
            fontSize=size,
            leading=size * 1.35,
            splitLongWords=1,
            **more,
        )

    return {
        "title": style("title", 15, bold=True, spaceBefore=4, spaceAfter=6),
        "answers": style("answers", 17, bold=True),
        "chip": style("chip", 8, alignment=1),
        "chip on": style("chip on", 8, alignment=1, textColor="white"),
        "verdict": style("verdict", 10.5, bold=True, spaceAfter=5),
        "heading": style("heading", 12, bold=True, spaceBefore=14, spaceAfter=5),
        "table title": style("table title", 8.5, bold=True, spaceBefore=6, spaceAfter=2),
        "body": style("body", 9, spaceAfter=4),
        "note": style("note", 7.5, spaceBefore=2, spaceAfter=6),
        "caption": style("caption", 7),
        "cell": style("cell", 7.5),
        "head": style("head", 7.5, bold=True),
        "notice": style(
            "notice",
            8,
            bold=True,
            borderColor="black",
            borderWidth=0.6,
            borderPadding=3,
            leftIndent=3,
            rightIndent=3,
            spaceAfter=8,
        ),
    }


def _card(card: Card, styles: dict[str, Any], width: float) -> list[Any]:
    """The verdict card: the answers, a pill for each finding, one sentence."""
    from reportlab.pdfbase.pdfmetrics import stringWidth
    from reportlab.platypus import Paragraph, Spacer
    from reportlab.platypus import Table as Grid

    edge = 10.0
    chips: list[Any] = []
    widths: list[float] = []
    pills: list[tuple[Any, ...]] = []
    for chip in card.chips:
        at = (len(chips), 0)
        chips += [Paragraph(_text(chip.words), styles["chip on" if chip.holds else "chip"]), ""]
        widths += [stringWidth(chip.words, "Snap", 8) + 20, 5.0]
        pills.append(("BOX", at, at, 0.6, ACCENT if chip.holds else "#777777"))
        if chip.holds:
            pills.append(("BACKGROUND", at, at, ACCENT))
    rest = max(width - 2 * edge - sum(widths), 1.0)
    plain = [("LEFTPADDING", (0, 0), (-1, -1), 0), ("RIGHTPADDING", (0, 0), (-1, -1), 0)]
    tight = [("TOPPADDING", (0, 0), (-1, -1), 2), ("BOTTOMPADDING", (0, 0), (-1, -1), 3)]
    row = Grid([[*chips, ""]], colWidths=[*widths, rest], hAlign="LEFT", style=[*plain, *tight, *pills])
    parts = [
        Paragraph(_text(f"{card.before} → {card.after}"), styles["answers"]),
        Spacer(1, 5),
        row,
        Spacer(1, 5),
        Paragraph(_text(card.sentence), styles["body"]),
    ]
    frame = Grid(
        [[parts]],
        colWidths=[width],
        hAlign="LEFT",
        style=[
            ("BOX", (0, 0), (-1, -1), 0.6, "#999999"),
            ("LEFTPADDING", (0, 0), (-1, -1), edge),
            ("RIGHTPADDING", (0, 0), (-1, -1), edge),
            ("TOPPADDING", (0, 0), (-1, -1), 6),
            ("BOTTOMPADDING", (0, 0), (-1, -1), 6),
        ],
    )
    return [frame, Spacer(1, 8)]


def _section(section: Section, styles: dict[str, Any], width: float) -> list[Any]:
    from reportlab.platypus import CondPageBreak, KeepTogether, Paragraph

    # Blocks, each with whether it stays on one page; KeepTogether must not hold another one.
    blocks = [
        (True, _picture_row(line, styles, width)) for line in _rows_of_pictures(section.pictures, width)
    ]
    for table in section.tables:
        title = [Paragraph(_text(table.title), styles["table title"])] if table.title else []
        note = [Paragraph(_text(table.note), styles["note"])] if table.note else []
        blocks.append((len(table.rows) <= SHORT_TABLE, [*title, _table(table, styles, width), *note]))
    # A heading never stands alone at the foot of a page.
    head = [
        Paragraph(_text(section.title), styles["heading"]),
        *(Paragraph(_text(line), styles["body"]) for line in section.sentences),
    ]
    blocks[:1] = [(blocks[0][0], [*head, *blocks[0][1]])] if blocks else [(False, head)]
    return [
        part
        for together, parts in blocks
        for part in ([KeepTogether(parts)] if together else [CondPageBreak(NEEDED), *parts])
    ]


def _rows_of_pictures(pictures: tuple[Picture, ...], width: float) -> list[list[Picture]]:
    rows: list[list[Picture]] = []
    for picture in pictures:
        used = sum(_width(picture, width) + GAP for picture in rows[-1]) if rows else width
        if rows and used + _width(picture, width) <= width + 0.5:
            rows[-1].append(picture)
        else:
            rows.append([picture])
    return rows


def _width(picture: Picture, limit: float) -> float:
    """Points."""
    return (
        min(picture.width_px * POINTS_PER_PX * EXACT_SHARE, limit)
        if picture.exact
        else min(picture.width_px * POINTS_PER_PX, limit)
    )


def _picture_row(pictures: list[Picture], styles: dict[str, Any], limit: float) -> list[Any]:
    from reportlab.platypus import Image, Paragraph, Spacer
    from reportlab.platypus import Table as Grid

    cells, widths = [], []
    for picture in pictures:
        width = _width(picture, limit)
        pixels = decode_pixels(picture.png)
        height = width * pixels.shape[0] / pixels.shape[1]
        repeat = -(-int(width / 72 * LEAST_DPI) // pixels.shape[1]) if picture.exact else 1
        data = encode_png(enlarge(pixels, repeat)) if repeat > 1 else picture.png
        cells.append(
            [
                Image(io.BytesIO(data), width, height),
                Spacer(1, 2),
                Paragraph(_text(picture.caption), styles["caption"]),
            ]
        )
        widths.append(width + GAP)
    grid = Grid(
        [cells],
        colWidths=widths,
        hAlign="LEFT",
        style=[
            ("LEFTPADDING", (0, 0), (-1, -1), 0),
            ("RIGHTPADDING", (0, 0), (-1, -1), GAP),
            ("TOPPADDING", (0, 0), (-1, -1), 2),
            ("BOTTOMPADDING", (0, 0), (-1, -1), 6),
            ("VALIGN", (0, 0), (-1, -1), "TOP"),
        ],
    )
    return [grid]


def _table(table: Table, styles: dict[str, Any], width: float) -> Any:
    from reportlab.platypus import Paragraph
    from reportlab.platypus import Table as Grid

    cells = [[Paragraph(_text(name), styles["head"]) for name in table.columns]]
    cells += [[Paragraph(_text(cell), styles["cell"]) for cell in row] for row in table.rows]
    return Grid(
        cells,
        colWidths=_column_widths(table, width),
        repeatRows=1,
        hAlign="LEFT",
        style=[
            ("LINEBELOW", (0, 0), (-1, 0), 0.6, "#555555"),
            ("LINEBELOW", (0, 1), (-1, -1), 0.3, "#dddddd"),
            ("VALIGN", (0, 0), (-1, -1), "TOP"),
            ("LEFTPADDING", (0, 0), (-1, -1), 0),
            ("RIGHTPADDING", (0, 0), (-1, -1), 6),
            ("TOPPADDING", (0, 0), (-1, -1), 1.5),
            ("BOTTOMPADDING", (0, 0), (-1, -1), 2),
        ],
    )


def _column_widths(table: Table, width: float) -> list[float]:
    """As wide as the longest cell wants; where that is too much, the widest columns give way first."""
    from reportlab.pdfbase.pdfmetrics import stringWidth

    columns = list(zip(table.columns, *table.rows, strict=True))
    wanted = [
        max(stringWidth(cell, "Snap-Bold" if i == 0 else "Snap", 7.5) for i, cell in enumerate(column)) + 9
        for column in columns
    ]
    least = [
        min(
            want,
            max(
                stringWidth(word, "Snap-Bold", 7.5)
                for cell in column
                for word in (tied(cell).split(" ") or [""])
            )
            + 9,
            width / len(columns),
        )
        for want, column in zip(wanted, columns, strict=True)
    ]
    low, high = 0.0, width
    for _ in range(40):  # the widest that any column may be, so that all fit
        middle = (low + high) / 2
        fits = sum(max(floor, min(want, middle)) for want, floor in zip(wanted, least, strict=True)) <= width
        low, high = (middle, high) if fits else (low, middle)
    return [max(floor, min(want, low)) for want, floor in zip(wanted, least, strict=True)]


def _text(words: str) -> str:
    """Words that reportlab takes as words, whatever marks they hold."""
    return escape(
        "".join(
            character if character.isprintable() or character == "\u00a0" else " "
            for character in tied(words)
        )
    )


def _short(words: str, longest: int = 110) -> str:
    return words if len(words) <= longest else f"{words[: longest - 1]}…"
