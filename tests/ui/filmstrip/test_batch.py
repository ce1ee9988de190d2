"""Ticked pictures are run one after the other, each saved; one that cannot be run takes no other with it."""

from snapgui.engine.settings import AttackSettings, CellSettings
from snapgui.errors import ImageError
from snapgui.runs.store import list_runs
from snapgui.ui.filmstrip.batch import batch_work, outcome_words
from snapgui.ui.jobs import Handle
from snapgui.ui.state import Choice


def test_each_is_run_and_saved_and_the_rest_goes_on(tiny_victim, stained_patch, own_workspace) -> None:
    reports = []

    def read(name: str) -> Choice:
        if name == "gone":
            raise ImageError("it cannot be read.")
        side = 120 if name == "large" else 96
        return Choice(
            stained_patch(1, 188)[:side] if side == 96 else stained_patch(1, 188).repeat(2, 0), name, 1
        )

    handle = Handle("job", lambda progress, record=None: reports.append(progress), lambda: False)
    names = ["one", "gone", "large", "two"]
    work = batch_work(tiny_victim, names, read, CellSettings(count=6, area=0.2), AttackSettings(steps=30))
    outcome = work(handle)
    assert outcome.done == 2 and {run.image_name for run in list_runs()} == {"one", "two"}
    assert outcome.fooled == sum(run.flipped for run in list_runs())
    assert [(now.place, now.pictures) for now in reports] == [(1, 4), (2, 4), (3, 4), (4, 4)]
    words = outcome_words(outcome)
    assert (
        words.startswith("2 pictures run")
        and "gone: it cannot be read." in words
        and "large: it is 96 x" in words
    )


def test_stop_ends_after_the_picture_at_work(tiny_victim, stained_patch, own_workspace) -> None:
    handle = Handle("job", lambda progress, record=None: None, lambda: True)
    work = batch_work(tiny_victim, ["one"], lambda name: None, CellSettings(), AttackSettings())
    assert work(handle).done == 0 and list_runs() == []
