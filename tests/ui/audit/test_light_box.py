"""Parts of the light-box that need no page: ticks held, the rim of a mask, the queue in words, the table."""

import numpy as np

from snapgui.audit.shown.cohorts import Cohort
from snapgui.statistics import share
from snapgui.ui.audit.ask import queue_words
from snapgui.ui.audit.cohorts import cohort_table
from snapgui.ui.audit.light_box.held import Held
from snapgui.ui.audit.light_box.pair import rim_path
from snapgui.ui.jobs import Snapshot


def test_ticks_of_an_earlier_drawing_are_not_taken():
    held = Held()
    held.begin("all", forgotten=True)
    first = held.occasion
    held.hear({"occasion": first, "ids": ["3", "5"]})
    held.begin("all", forgotten=False)
    assert held.occasion == first and held.sent == [] and held.ticked == ["3", "5"]
    held.turn("3")  # in the viewer, while the tiles still tell what they told
    held.hear({"occasion": first, "ids": ["3", "5"]})
    held.begin("all", forgotten=False)
    assert held.occasion != first and held.sent == held.ticked == ["5"]
    held.begin("fooled", forgotten=False)
    assert held.sent == ["5"], "another choice keeps what was ticked"
    held.hear(None)
    held.hear({"occasion": held.occasion, "ids": []})
    assert held.ticked == []


def test_the_rim_runs_around_every_masked_pixel():
    mask = np.zeros((3, 4), dtype=bool)
    mask[1, 1] = mask[1, 2] = True
    sides = {f"M{part}" for part in rim_path(mask).split("M")[1:]}
    assert sides == {"M1 1v1", "M3 1v1", "M1 1h1", "M2 1h1", "M1 2h1", "M2 2h1"}
    assert len(rim_path(np.ones((2, 2), dtype=bool)).split("M")) == 9, "the border of the picture too"


def test_the_queue_is_told():
    jobs = [Snapshot(str(i), kind, "set", "queued") for i, kind in enumerate(("attack", "audit", "folder"))]
    assert queue_words(jobs[:1]) == "Run of set is running. The audit begins when it has ended."
    assert queue_words(jobs) == (
        "Run of set is running, Audit of set and Prediction of set wait. "
        "The audit begins when all have ended."
    )


def test_what_groups_are_by_is_said_once():
    groups = {"Slide": [], "Sure": [Cohort("a", share(1, 2)), Cohort("b", share(0, 3))]}
    table = cohort_table(groups)
    assert table["By"] == ["Sure", ""] and table["Fooled"] == ["1 of 2", "0 of 3"]
    assert table["Share (95 % interval)"] == ["50.0 % (9.5 to 90.5)", "0.0 % (0.0 to 56.1)"]
