"""SNAP beside ordinary damage on the Naturalness page: words, figure, examples, and damaged files in a
sentence.
"""

import json
from pathlib import Path
from types import SimpleNamespace

import pandas as pd
import pytest

from snapgui.corruptions.measure import SCALES
from snapgui.corruptions.store import FILE, Comparison, read_audited, read_shipped, write_comparison
from snapgui.corruptions.summary import summarise
from snapgui.engine.corruptions.catalogue import CORRUPTIONS
from snapgui.errors import DataError
from snapgui.ui.corruptions import view
from snapgui.ui.corruptions.chart import corruption_chart


@pytest.fixture(scope="module")
def measured() -> Comparison:
    """Twenty pictures of each class: each grade costs one more, SNAP all metastases at its full strength."""
    rows = []

    def add(condition: str, level: float, flipped: int, de00: float) -> None:
        for k in range(40):
            label = k % 2
            if condition == "SNAP" and not label:
                continue
            rows.append(
                {
                    "condition": condition,
                    "level": level,
                    "name": f"picture{k}",
                    "label": label,
                    "predicted": label if k // 2 >= flipped else 1 - label,
                    "p_label": 0.5,
                    "de00": de00,
                    "ssim": 1 - de00 / 20,
                }
            )

    add("untouched", 0, 0, 0)
    for scale in SCALES:
        add("SNAP", scale, round(20 * scale), scale)
    for kind, own in CORRUPTIONS.items():
        for grade in range(1, len(own.strengths) + 1):
            add(kind, grade, grade, 2.0 * grade)
    numbers = summarise(pd.DataFrame(rows), ["SNAP"])
    return Comparison("20 metastases and 20 normal patches.", numbers, {"SNAP": "natural"})


def test_the_figure_has_every_kind_and_snap_with_intervals(measured: Comparison) -> None:
    figure = corruption_chart(measured, measure="de00", outcome="lost", opened="fold")
    names = [trace.name for trace in figure.data]
    assert names == [*(kind.words for kind in CORRUPTIONS.values()), "SNAP, natural"]
    blur, snap = figure.data[1], figure.data[-1]
    assert blur.customdata[2] == ["gaussian_blur", 3] or list(blur.customdata[2]) == ["gaussian_blur", 3]
    assert blur.x[2] == pytest.approx(6) and blur.y[2] == pytest.approx(15)
    assert all(value > 0 for value in blur.error_y.array) and snap.y[-1] == 100 and len(snap.x) == len(SCALES)
    assert figure.layout.xaxis.type == "log"
    by_structure = corruption_chart(measured, measure="ssim", outcome="turned")
    assert len(by_structure.data) == len(CORRUPTIONS) and by_structure.data[0].x[0] == pytest.approx(0.1)
    looks = {(trace.marker.color, trace.marker.symbol, trace.line.dash) for trace in figure.data}
    assert len(looks) == len(figure.data)


def test_damage_is_chosen_and_shown_and_what_is_missing_is_one_sentence(
    app, page, text_of, measured: Comparison, monkeypatch
) -> None:
    monkeypatch.setattr(view, "read_shipped", lambda: measured)
    opened = app.run().switch_page(page("naturalness")).run()
    opened.segmented_control(key="naturalness_beside").select("Ordinary damage").run()
    assert not opened.exception
    words = text_of(opened)
    assert "costs 20 of 20" in words and "Gaussian blur that is no less visible" in words
    assert "1 of 20" in words and "Gaussian blur by its grades" in words and "synthetic demo patch" in words
    opened.selectbox(key="corruptions_point").select(("fold", 2)).run()
    assert "fold by its grades" in text_of(opened)
    opened.segmented_control(key="corruptions_outcome").select("Normal patches").run()
    assert "No picture of SNAP is there of recognised normal patches" in text_of(opened)

    def missing() -> Comparison:
        raise DataError("There is no file. Fetch it.")

    monkeypatch.setattr(view, "read_shipped", missing)
    opened.run()
    assert [error.value for error in opened.error] == ["There is no file. Fetch it."]


def test_numbers_are_read_as_they_were_written_and_damage_is_one_sentence(
    measured: Comparison, tmp_path: Path
) -> None:
    write_comparison(tmp_path, measured, {"fingerprint": "f"})
    audit = SimpleNamespace(folder=tmp_path, about={"fingerprint": "f"})
    assert read_audited(audit) == read_shipped(tmp_path) == measured
    with pytest.raises(DataError, match="of another audit"):
        read_audited(SimpleNamespace(folder=tmp_path, about={"fingerprint": "g"}))
    about = json.loads((tmp_path / FILE).read_text(encoding="utf-8"))
    del about["numbers"]["corruptions"][3]["lost"]["ssim"]
    for text, sentence in ((json.dumps(about), "cannot be read"), ("{", "cannot be read")):
        (tmp_path / FILE).write_text(text, encoding="utf-8")
        with pytest.raises(DataError, match=sentence):
            read_shipped(tmp_path)
    with pytest.raises(DataError, match="There is no"):
        read_shipped(tmp_path / "nowhere")
