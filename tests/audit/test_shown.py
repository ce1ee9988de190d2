"""What is shown of an audit's pictures: sorted, chosen, grouped; on tiles made by hand."""

import math

import pandas as pd
import pytest

from snapgui.audit.shown.cohorts import by_class, by_nuclei, by_slide, by_sureness
from snapgui.audit.shown.tiles import SORTS, Tile, naturalness_of_tile, pick_tiles, slide_of, slides_of


def tile(position: int, **changes) -> Tile:
    values = {
        "id": f"p{position}",
        "slide": "",
        "label": 1,
        "picture": f"{position:07d}.png",
        "fooled": position % 2 == 0,
        "p_before": 0.9,
        "p_after": 0.1 * position,
        "visibility": 5.0 - position,
        "others": frozenset(),
        "row": {},
    }
    return Tile(position=position, **(values | changes))


@pytest.mark.parametrize(
    ("name", "slide"),
    [
        ("patch_patient_004_node_4_x_3328_y_21792", "patient_004_node_4"),
        ("val/metastasis/tumor_012_x_10_y_20.png", "tumor_012"),
        ("slide7_x10_y20", "slide7"),
        ("TCGA-A2-A0T2-01Z-00-DX1_512", "TCGA-A2-A0T2-01Z-00-DX1"),
        ("00851abe39ce8d69d669fae55304626b2ab3b633", ""),
        ("metastasis_01", ""),
        ("normal_0123", ""),
    ],
)
def test_the_slide_that_a_name_tells(name, slide):
    assert slide_of(name) == slide


def test_slides_are_offered_only_where_they_group_patches():
    assert slides_of([tile(0, slide="a"), tile(1, slide="b"), tile(2, slide="a")]) == ["a", "b"]
    assert slides_of([tile(0, slide="a"), tile(1, slide="b")]) == []
    assert slides_of([tile(0, slide="a"), tile(1, slide="a")]) == [] == slides_of([tile(0), tile(1)])


def test_every_order_and_what_cannot_be_compared_comes_last():
    tiles = [tile(0), tile(1, p_before=0.99), tile(2, visibility=math.nan), tile(3, p_before=0.6)]

    def order(sort: str) -> list[int]:
        return [found.position for found in pick_tiles(tiles, sort=sort)]

    assert order("Most surely fooled first") == [0, 1, 2, 3]
    assert order("Hardest to fool first") == [3, 2, 1, 0]
    assert order("Least visible first") == [3, 1, 0, 2]
    assert order("Most visible first") == [0, 1, 3, 2]
    assert order("Model surest before, first") == [1, 0, 2, 3]
    assert order("Model least sure before, first") == [3, 0, 2, 1]
    assert len(SORTS) == 6


def test_filters_hold_together():
    tiles = [
        tile(0, slide="a", others=frozenset({"one square"})),
        tile(1, slide="a", label=0),
        tile(2, slide="b", others=frozenset({"median colour", "one square"})),
    ]

    def picked(**asked) -> list[int]:
        return [found.position for found in pick_tiles(tiles, sort="Most surely fooled first", **asked)]

    assert picked(outcome="fooled") == [0, 2] and picked(outcome="not fooled") == [1]
    assert picked(label=0) == [1] and picked(slide="a", label=1) == [0]
    assert picked(also="one square", slide="b") == [2]
    assert picked(never=("median colour", "sham")) == [0, 1]
    assert picked(outcome="fooled", never=("median colour",)) == [0]


def test_cohorts_count_everybody_once_and_keep_equals_together():
    tiles = [tile(i, p_before=p) for i, p in enumerate((0.5, 0.6, 0.7, 0.7, 0.7, 0.9999))]
    thirds = by_sureness(tiles)
    assert [cohort.name for cohort in thirds] == ["50.0 % to 60.0 %", "70.0 %", "> 99.9 %"]
    assert [(cohort.fooled["count"], cohort.fooled["of"]) for cohort in thirds] == [(1, 2), (2, 3), (0, 1)]
    assert by_sureness([]) == [] and [cohort.fooled["of"] for cohort in by_sureness(tiles[:1])] == [1]
    few = by_nuclei(tiles, {0: 4, 1: 30, 2: 200})
    assert [cohort.name for cohort in few] == ["4", "30", "200"]
    assert [cohort.fooled["count"] for cohort in few] == [1, 0, 1]


def test_cohorts_of_classes_and_slides():
    tiles = [tile(0, slide="a"), tile(1, slide="b", label=0), tile(2, slide="b"), tile(3)]
    assert [
        (c.name, c.fooled["count"], c.fooled["of"]) for c in by_class(tiles, ("normal", "metastasis"))
    ] == [
        ("normal", 0, 1),
        ("metastasis", 2, 3),
    ]
    assert [(c.name, c.fooled["of"]) for c in by_slide(tiles)] == [("a", 1), ("b", 2), ("no slide named", 1)]
    assert by_class(tiles[2:], ("normal", "metastasis")) == [] == by_slide(tiles[3:])


def test_an_audit_of_before_naturalness_was_measured_tells_none():
    assert naturalness_of_tile(tile(0)) is None
    row = dict.fromkeys(("cells", "picked_out", "picked_out_before", "beyond_stains", "own_beyond_stains"))
    assert naturalness_of_tile(tile(0, row=row)) is None
    measured = pd.Series({"cells": 4.0, "picked_out": 1.0, "picked_out_before": 0.0}).to_dict()
    found = naturalness_of_tile(
        tile(0, row=measured | {"beyond_stains": math.nan, "own_beyond_stains": 0.01})
    )
    assert found is not None and found.cells == 4 and found.beyond_stains is None
