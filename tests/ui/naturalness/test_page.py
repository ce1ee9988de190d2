"""The Naturalness page: what ships, a point's pictures, an audit's own numbers, and damaged files in one
sentence.
"""

import json

import numpy as np
import pytest

from snapgui.audit.read import SavedAudit
from snapgui.audit.settings import AuditSettings
from snapgui.engine.detector.cases import Case
from snapgui.naturalness.frontier import AXES, Frontier, Point, read_shipped, shipped_examples
from snapgui.shipped import NATURALNESS_FOLDER
from snapgui.ui.naturalness import view
from snapgui.ui.naturalness.chart import frontier_chart, hover_words, label_places


@pytest.fixture
def naturalness_page(app, page):
    return app.run().switch_page(page("naturalness")).run()


def test_what_ships_is_whole_small_and_has_pictures_of_every_point() -> None:
    frontier = read_shipped()
    assert frontier.points[0].name == "natural"
    for point in frontier.points:
        cases, words = shipped_examples(point.name)
        assert cases and "synthetic" in words, "no picture shows a person's tissue"
        for case in cases:
            np.testing.assert_array_equal(case.original[~case.mask], case.altered[~case.mask])
        assert all(axis.read(point.numbers) is not None for axis in AXES.values())
    assert sum(file.stat().st_size for file in NATURALNESS_FOLDER.iterdir()) < 1.5e6


def test_a_point_has_intervals_both_ways_and_says_all_its_numbers_and_a_ring_marks_the_one_opened() -> None:
    frontier = read_shipped()
    for axis in AXES.values():
        figure = frontier_chart(frontier, axis, opened="natural")
        assert len(figure.data) == len(frontier.points) + 1
        trace = figure.data[0]
        reading = axis.read(frontier.points[0].numbers)
        assert trace.customdata[0][0] == "natural" and trace.x[0] == reading.value
        assert trace.error_x.array[0] == pytest.approx(reading.high - reading.value)
        assert trace.error_y.arrayminus[0] >= 0
    words = hover_words(1, frontier.points[0])
    assert "CIEDE2000" in words and "FLIP" in words and "detector, pictures" in words


def test_numbers_of_points_that_lie_upon_each_other_stand_on_different_sides() -> None:
    places = label_places([(1.0, 0.98), (0.999, 1.0), (0.6, 0.98), (1.0, 0.97)], AXES["Detector, cells"])
    assert places[0] == places[2] and len({places[0], places[1], places[3]}) == 3


def test_a_point_is_chosen_and_its_pictures_are_shown(naturalness_page, text_of) -> None:
    assert "Pictures of 1 natural" in text_of(naturalness_page)
    last = read_shipped().points[-1]
    naturalness_page.selectbox(key="naturalness_point").select(last.name).run()
    assert f"{last.words}**" in text_of(naturalness_page)
    assert "synthetic" in text_of(naturalness_page)


def test_an_audit_with_numbers_can_be_chosen_and_what_is_gone_is_one_sentence(
    app, page, text_of, monkeypatch, tmp_path, stained_patch
) -> None:
    numbers = json.loads((NATURALNESS_FOLDER / "naturalness.json").read_text(encoding="utf-8"))
    own = dict(numbers["conditions"]["natural"]["numbers"])
    del own["mean_flip"]
    audit = SavedAudit(tmp_path / "audit-mine", {"fingerprint": "f"}, AuditSettings(), 1, 1, True)
    monkeypatch.setattr(view, "finished_audits", lambda wanted: [audit])
    pixels = stained_patch(1, 190)
    mask = np.zeros((96, 96), bool)
    mask[20:40, 20:40] = True
    case = Case("mine", pixels, np.where(mask[..., None], pixels // 2, pixels), mask, True)
    monkeypatch.setattr(view, "audit_examples", lambda audit, name: [case] if name == "SNAP" else [])
    opened = app.run().switch_page(page("naturalness")).run()
    opened.selectbox(key="naturalness_source").select("audit-mine").run()
    assert "There is no" in text_of(opened) and "snapgui naturalness" in text_of(opened)

    frontier = Frontier("mine", tuple(Point(name, name, name, own, "SNAP") for name in ("SNAP", "median")))
    monkeypatch.setattr(view, "read_audited", lambda audit: frontier)
    opened.run()
    assert "Measured on: mine" in text_of(opened)
    opened.segmented_control(key="naturalness_axis").select("FLIP").run()
    assert "not measured so: 2 conditions" in text_of(opened)
    opened.selectbox(key="naturalness_point").select("median").run()
    assert "No example picture is kept" in text_of(opened)
