import io
import json
import re
import shutil
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from snapgui import cli
from snapgui.audit.read import read_finished
from snapgui.audit.words import condition_names, median_words
from snapgui.engine.images import decode_pixels, encode_png
from snapgui.engine.visibility.naturalness import look_of
from snapgui.errors import DataError
from snapgui.report.audit.document import audit_document
from snapgui.report.audit.gallery import audit_sheet
from snapgui.report.audit.methods import audit_methods
from snapgui.report.bundle.manifest import NOTICE
from snapgui.report.pages.contact_sheet import Sheet, Tile, runs_sheet, sheet_png, sheet_svg
from snapgui.report.pages.document import Document, Picture, Section, Table, tied
from snapgui.report.pages.html import html_page
from snapgui.report.pages.pdf import pdf_pages
from snapgui.report.run.document import run_document
from snapgui.report.run.figure import caption
from snapgui.report.study.document import PARTS, study_document
from snapgui.runs.naturalness import naturalness_of
from snapgui.runs.records import RunResult
from snapgui.runs.verdict import verdict_card
from snapgui.statistics import share
from snapgui.study.design.settings import StudySettings
from snapgui.words import per_cent, with_count
from tests.study.simulated import analyse_simulated

HOSTILE = "<script>alert(1)</script><img src=x onerror=alert(1)>\"'&{{ 7 * 7 }}{% raw %}</td>&lt;b&gt;"
MOST_BYTES = 5_000_000


class Page(HTMLParser):
    """Tags, their attributes and all text of a page."""

    def __init__(self, data: bytes) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.attributes: list[tuple[str, str]] = []
        self.words = ""
        self.feed(data.decode())

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += [(name, value or "") for name, value in attrs]

    def handle_data(self, data: str) -> None:
        self.words += data


def check_offline(data: bytes) -> Page:
    """Nothing on the page is fetched or run, and it is small."""
    page = Page(data)
    assert len(data) < MOST_BYTES and NOTICE in page.words
    assert not {"script", "link", "iframe", "object", "embed", "base", "form", "a", "svg"} & set(page.tags)
    assert all(
        value.startswith("data:image/png;base64,")
        for name, value in page.attributes
        if name in ("src", "href", "srcset", "poster")
    )
    assert (
        not any(name.startswith("on") for name, _ in page.attributes)
        and "url(" not in data.decode()
        and "@import" not in data.decode()
    )
    assert (
        not re.search(rb"https?://", data)
        and ("content", "default-src 'none'; img-src data:; style-src 'unsafe-inline'") in page.attributes
    )
    return page


def check_pdf(document: Document) -> bytes:
    data = pdf_pages(document)
    assert data.startswith(b"%PDF-") and data.rstrip().endswith(b"%%EOF") and data == pdf_pages(document), (
        "same input, same bytes"
    )
    assert b"/JavaScript" not in data and b"/URI" not in data
    return data


def test_a_runs_page_says_all_that_a_claim_needs(run_result: RunResult) -> None:
    document = run_document(run_result)
    data = html_page(document)
    page = check_offline(data)
    assert data == html_page(run_document(run_result))
    for words in (
        "Controls, the same cells not optimised",
        "8.01\u00a0% of the pixels",
        "no cell lies in the central 32 px",
        "have no interval",
        "CIEDE2000 in the mask, the detector picks out",
        run_result.model_sha256,
        run_result.image_sha256,
        run_result.run_id,
        run_result.started[:10],
        per_cent(run_result.p_after[0], 2).replace(" ", "\u00a0"),
        "patch $1.png",
    ):
        assert words in page.words, words
    assert page.tags.count("img") == 5
    card = document.card
    assert card == verdict_card(run_result, look_of(naturalness_of(run_result)))
    for words in (f"{card.before} → {card.after}", *(chip.words for chip in card.chips), card.sentence):
        assert tied(words) in page.words, words
    check_pdf(document)


def test_a_retouched_run_is_told_without_the_colours_that_it_does_not_use(
    retouched, run_result: RunResult
) -> None:
    assert "the detector picks out" in " ".join(caption(retouched))
    told = "retouched nuclei, stains changed by at most 60 %, as little as fools the model"
    lines = " ".join(caption(retouched))
    assert told in lines and "gamut" not in lines and "start " not in lines
    assert "colours: full range of the image, start: median colour of the image" in " ".join(
        caption(run_result)
    )
    for result, used, unused in (
        (retouched, {"texture", "bound", "grid px", "least change"}, {"gamut", "start"}),
        (run_result, {"texture", "gamut", "start"}, {"bound", "grid px"}),
    ):
        (table,) = (one for one in run_document(result).sections[-1].tables if one.title == "Attack")
        names = {row[0] for row in table.rows}
        assert used <= names and not unused & names
    check_pdf(run_document(retouched))


def test_a_hostile_name_is_shown_as_text(run_result: RunResult) -> None:
    request = replace(run_result.request, image_name=HOSTILE)
    result = replace(run_result, request=request, model_name=HOSTILE, findings=(HOSTILE,))
    page = check_offline(html_page(run_document(result)))
    # In the sentence on the image, in the tables, in the notes and, image and model, in the Methods.
    assert page.words.count(HOSTILE) == 6
    plain = check_offline(html_page(run_document(run_result)))
    assert page.tags.count("img") == plain.tags.count("img")
    check_pdf(run_document(result))


def test_pictures_on_the_page_are_the_pixels(run_result: RunResult) -> None:
    document = run_document(run_result)
    before, after = (decode_pixels(picture.png) for picture in document.sections[0].pictures[:2])
    assert (before == run_result.request.pixels).all() and (after == run_result.adversarial).all()
    assert all(picture.width_px % 96 == 0 for picture in document.sections[0].pictures if picture.exact)
    assert html_page(document).decode().count('class="exact"') == 4


def test_an_audits_page_gives_every_share_its_interval(audit_folder: Path) -> None:
    audit = read_finished(audit_folder)
    document = audit_document(audit)
    page = check_offline(html_page(document))
    words = page.words.replace("\u00a0", " ")
    assert b"secret-place" not in html_page(document)
    names = condition_names(audit.settings)
    for one in audit.summary["conditions"]:
        low, high = one["flipped"]["interval"]
        draws = " draws on 8 images" if one["condition"] == "random colours" else ""
        assert (
            f"{one['flipped']['count']} of {one['flipped']['of']}{draws}: "
            f"{per_cent(one['flipped']['share'])} ({low * 100:.1f} to {high * 100:.1f})"
        ).replace("\u00a0", " ") in words
        assert names[one["condition"]] in words
    for text in (
        "Cells were allowed in the central 32 px",
        "; with cells kept out of the centre, SNAP fooled the model on ",
        "median colour (control)",
        "Areas 1 % to 20 %",
        "How natural SNAP's pictures are (medians over the images): colour differs by ",
        "The SNAP paper, on its training patches: accuracy 96.3 % before, 69.0 % after",
        audit.about["model_sha256"],
        "Worst failures",
        audit_methods(audit).replace("\u00a0", " "),
    ):
        assert text in words, text
    assert page.tags.count("img") == 3 + 2 * 8, "three charts, eight images before and after"
    check_pdf(document)


def test_without_the_data_set_the_cells_are_outlined_instead(audit_folder: Path) -> None:
    audit = read_finished(audit_folder)
    gone = replace(audit, about=audit.about | {"data_path": str(audit_folder / "nowhere")})
    captions = [picture.caption for section in audit_document(gone).sections for picture in section.pictures]
    assert "After, cells outlined" in captions and not any("before" in caption for caption in captions)


def test_a_sheet_enlarges_each_picture_by_a_whole_number(run_result: RunResult, audit_folder: Path) -> None:
    sheet = runs_sheet([run_result] * 7)
    data = sheet_png(sheet)
    assert data == sheet_png(sheet) and sheet_svg(sheet) == sheet_svg(sheet)
    with Image.open(io.BytesIO(data)) as picture:
        picture.load()
        assert picture.text["Model SHA-256"] == run_result.model_sha256
    pixels = decode_pixels(data)
    enlarged = np.repeat(np.repeat(run_result.adversarial, 3, axis=0), 3, axis=1)
    places = [
        (y, x)
        for y in range(0, pixels.shape[0] - 288, 1)
        for x in (60 + 288 + 6,)
        if (pixels[y : y + 288, x : x + 288] == enlarged).all()
    ]
    assert len(places) == 3, "one for each row of three"
    assert len(audit_sheet(read_finished(audit_folder)).tiles) == 7
    with pytest.raises(DataError, match="no picture"):
        sheet_png(Sheet("none", (), (), {}))
    assert decode_pixels(
        sheet_png(Sheet(HOSTILE, ("$x$",), (Tile((run_result.adversarial,), ("$\\frac{", "y" * 300)),), {}))
    ).size


@pytest.fixture(scope="module")
def study() -> dict:
    return analyse_simulated(StudySettings(HOSTILE, seed=5, repeats=2, repeat_gap=3))


def test_a_studys_report_tells_the_tables_of_its_analysis(study) -> None:
    picture = encode_png(np.full((20, 400, 3), 128, np.uint8))
    document = study_document(study, name="study-1", pictures=[("A figure", picture)])
    page = check_offline(html_page(document))
    words = page.words.replace("\u00a0", " ")
    hits, area = study["detection"]["arms"]["SNAP"]["hit_rate"], study["detection"]["arms"]["SNAP"]["auc"]
    for text in (
        f"{hits['count']} of {hits['of']}: {per_cent(hits['share'])} (",
        f"{area['estimate']:.2f} ({area['interval'][0]:.2f} to {area['interval'][1]:.2f})",
        f"at least {area['lower']:.2f}, at most {area['upper']:.2f}",
        "READ-0, READ-3",
        "mean change inside the mask, levels of 255",
        "A session is left out if fewer than 75 % of the obvious pictures were found",
        study["methods"]["area"],
        study["study"]["sha256"],
        HOSTILE,
        *study["verdict"],
    ):
        assert text in words, text
    assert document.verdict == study["verdict"][1] and page.tags.count("img") == 1
    titles = [section.title for section in document.sections]
    results = ["Question", "Design", "Readers", "Primary result", "Secondary results", "Limits"]
    assert titles[:6] == results and all(title.startswith("Appendix: ") for title in titles[6:])
    assert {"Appendix: sessions", "Appendix: methods", "Appendix: frozen design"} < set(titles)
    check_pdf(document)


def test_a_studys_results_stand_on_two_or_three_pages(study) -> None:
    """Without its appendix; the primary outcome of the design leads, its figure stands with it."""
    picture = encode_png(np.full((500, 1100, 3), 255, np.uint8))
    document = study_document(study, pictures=[("Arms", picture), ("Others", picture)])
    assert document.verdict.startswith("Primary outcome, named before the first trial: ")
    pages = re.findall(rb"/Type /Page\b", pdf_pages(replace(document, sections=document.sections[:6])))
    assert len(pages) in (2, 3)
    by_title = {section.title: section for section in document.sections}
    assert [shown.caption for shown in by_title["Primary result"].pictures] == ["Arms"]
    assert [shown.caption for shown in by_title["Appendix: further figures"].pictures] == ["Others"]
    (table,) = by_title["Secondary results"].tables
    assert not [row[0] for row in table.rows if row[0].startswith("…")]
    before = study | {"study": {name: said for name, said in study["study"].items() if name != "primary"}}
    words = str([section.sentences for section in study_document(before).sections[:6]])
    assert "The design named no primary outcome" in words and "each result is one of many" in words


def test_no_number_is_parted_from_its_interval() -> None:
    assert tied("−0.62 (−0.91 to +1.89)") == "−0.62 (−0.91\u00a0to\u00a0+1.89)"


@pytest.mark.parametrize("kind", ["A", "B", "C", "D"])
def test_a_studys_report_tells_no_name_of_the_code(kind) -> None:
    found = analyse_simulated(StudySettings("Which?", seed=5, kind=kind, repeats=2, repeat_gap=3))
    sections = study_document(found).sections
    words = "\n".join(str((section.title, section.sentences, section.tables)) for section in sections)
    assert not re.findall(r"\b[a-z0-9]+(?:_[a-z0-9]+)+\b|[{}]|\bNone\b", words)
    assert all(table.rows for section in sections for table in section.tables)


def test_a_study_that_nobody_has_read_yet_has_a_report() -> None:
    document = study_document(analyse_simulated(StudySettings("Which?", seed=5, repeats=0), readers=0))
    assert document.verdict == "No answer counts yet, so there is nothing to say."
    check_pdf(document)


def test_a_table_wider_than_the_page_and_long_words_are_drawn() -> None:
    rows = tuple(tuple("word " * 9 + "x" * 200 for _ in range(9)) for _ in range(3))
    section = Section(
        "t",
        ("s" * 500,),
        (Picture(encode_png(np.zeros((900, 300, 3), np.uint8)), "tall", 300, exact=True),),
        (Table(("c",) * 9, rows),),
    )
    check_pdf(Document("x" * 300, "v" * 300, (), (section,)))


def test_the_median_has_the_interval_of_its_order_statistics() -> None:
    """Second and ninth of ten values, first and sixth of six: the textbook's table of the sign test."""

    def words(values: list[float]) -> str:
        return median_words(pd.Series(values), "{:.1f}").replace("\u00a0", " ")

    assert (
        words([7, 1, 9, 3, 5, 2, 10, 4, 8, 6]) == "5.5 (2.0 to 9.0)"
        and words([1, 2, 3, 4, 5, 60]) == "3.5 (1.0 to 60.0)"
    )
    assert words([1, 2, 3, 4, 5]) == "3.0" and words([]) == words([float("nan")]) == "–"


def test_shares_are_never_rounded_up_to_all_or_down_to_nothing() -> None:
    assert [per_cent(one).replace("\u00a0", " ") for one in (0, 0.0001, 0.5, 0.99999, 1)] == [
        "0.0 %",
        "< 0.1 %",
        "50.0 %",
        "> 99.9 %",
        "100.0 %",
    ]
    assert with_count(share(0, 0)) == "–"


@pytest.mark.parametrize("form", ["html", "pdf", "zip", "png", "svg"])
def test_the_command_writes_every_form_of_a_run(form, run_folder, tmp_path, capsys) -> None:
    out = tmp_path / f"r.{form.upper()}"
    assert cli.main(["report", str(run_folder), "--out", str(out)]) == 0
    start = {"html": b"<!DOC", "pdf": b"%PDF-", "zip": b"PK\3\4", "png": b"\x89PNG", "svg": b"<?xml"}[form]
    assert out.read_bytes().startswith(start) and capsys.readouterr().out.strip() == str(out)


def test_the_command_takes_audits_runs_and_analyses(audit_folder, run_folder, study, tmp_path) -> None:
    for number in range(2):
        shutil.copytree(run_folder, tmp_path / "runs" / f"r{number}")
    (tmp_path / "analysis.json").write_text(json.dumps(study), encoding="utf-8")
    for source, name in (
        (audit_folder, "a.png"),
        (tmp_path / "runs", "s.png"),
        (tmp_path / "analysis.json", "s.html"),
        (tmp_path, "t.html"),
    ):
        assert cli.main(["report", str(source), "--out", str(tmp_path / name)]) == 0
        assert (tmp_path / name).stat().st_size > 1000
    assert not list(tmp_path.glob(".*partial"))


@pytest.mark.parametrize(
    ("source", "out", "sentence"),
    [
        ("run", "r.doc", "choose one of .html"),
        ("nowhere", "r.html", "holds no run"),
        ("runs", "r.pdf", "makes no .pdf"),
        ("bad.json", "r.html", "is no analysis of a study"),
        ("part.json", "r.html", "it lacks study, answers"),
        ("empty.json", "r.html", "is no analysis of a study"),
        ("run", "none/r.html", "cannot be written"),
        ("audit", "r.html", "is no audit that can be read"),
    ],
)
def test_what_cannot_be_reported_is_one_sentence(source, out, sentence, run_folder, tmp_path, capsys) -> None:
    for place in ("run", "runs/r1"):
        shutil.copytree(run_folder, tmp_path / place)
    (tmp_path / "bad.json").write_text("[" * 5000, encoding="utf-8")
    (tmp_path / "part.json").write_text(json.dumps({"verdict": ["a", "b"]}), encoding="utf-8")
    (tmp_path / "empty.json").write_text(json.dumps({part: {} for part in PARTS}), encoding="utf-8")
    (tmp_path / "audit").mkdir()
    (tmp_path / "audit" / "audit.json").write_text("{}", encoding="utf-8")
    assert cli.main(["report", str(tmp_path / source), "--out", str(tmp_path / out)]) == 2
    said = capsys.readouterr().err
    assert sentence in said and said.count("\n") == 1 and not (tmp_path / out).exists()
