"""The reader's page, step by step; its components are tried in Chromium, see tests/e2e/test_reader.py."""

import os
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

from snapgui import shipped
from snapgui.engine.sham import Source
from snapgui.study.design.freeze import DESIGN_FILE, freeze
from snapgui.study.design.settings import StudySettings
from snapgui.study.design.study import make_study
from snapgui.study.pictures.stimuli import make_stimuli
from snapgui.study.reading.serving import CODE_VARIABLE, READER_APP, STUDY_VARIABLE
from snapgui.study.records import (
    CHOICES,
    SHAM,
    SNAP,
    UNTOUCHED,
    ReaderSession,
    Response,
    StoreError,
    StudyError,
    Trial,
)
from snapgui.study.store.folders import study_folder, study_name
from snapgui.study.store.store import StudyStore, open_store
from snapgui.ui.reader import trial as reader_trial


@dataclass
class Kept:
    """A study in the workspace and its store."""

    store: StudyStore
    name: str

    def sitting(self) -> ReaderSession:
        return self.store.sessions(self.name)[-1][0]


def make_kept(tmp_path, *, seed: int = 5, sessions: int = 1) -> Kept:
    rng = np.random.default_rng(seed)
    mask = np.zeros((24, 24), bool)
    mask[4:9, 4:9] = True
    sources = []
    for i in range(4):
        pixels = rng.integers(0, 256, (24, 24, 3)).astype(np.uint8)
        sources.append(Source(f"s{i}", pixels, np.where(mask[..., None], 255 - pixels, pixels), mask, i % 2))
    stimuli, files = make_stimuli(sources[:3], (UNTOUCHED, SNAP, SHAM), seed=seed)
    more = make_stimuli(sources[3:], (UNTOUCHED, SNAP), seed=seed, use="practice")
    settings = StudySettings(
        "Which tissue?",
        seed=seed,
        repeats=0,
        break_every=2,
        sessions=sessions,
        consent="All of it **voluntary**.",
        instructions="Look well.",
    )
    digest = freeze(make_study(stimuli + more[0], settings), files | more[1], tmp_path / f"frozen{seed}")
    study_folder(study_name(digest)).parent.mkdir(parents=True, exist_ok=True)
    (tmp_path / f"frozen{seed}").rename(study_folder(study_name(digest)))
    store = open_store()
    return Kept(store, store.create_study(study_folder(study_name(digest))))


@pytest.fixture
def kept(tmp_path, monkeypatch, own_workspace) -> Kept:
    monkeypatch.delenv("SNAP_DATABASE_URL", raising=False)
    monkeypatch.delenv(CODE_VARIABLE, raising=False)
    monkeypatch.delenv(STUDY_VARIABLE, raising=False)
    return make_kept(tmp_path)


def open_page(study: str, sitting: str = "") -> AppTest:
    app = AppTest.from_file(str(READER_APP), default_timeout=30)
    app.query_params["study"] = study
    if sitting:
        app.query_params["sitting"] = sitting
    return app.run()


def press(app: AppTest, label: str) -> AppTest:
    return next(button for button in app.button if button.label == label).click().run()


def has_component(app: AppTest) -> bool:
    return len(app.get("bidi_component")) == 1


def give(kept: Kept, sitting: ReaderSession, trial: Trial) -> None:
    kept.store.record(sitting.id, Response(trial.index, CHOICES[trial.question][0], 1, reaction_ms=500.0))


def test_a_reader_goes_from_the_welcome_to_the_thanks(kept, text_of) -> None:
    app = open_page(kept.name)
    assert (
        "Which tissue?" in text_of(app)
        and "4 pictures" in text_of(app)
        and kept.store.readers(kept.name) == []
    )
    press(app, "Begin as a new reader")
    sitting = kept.sitting()
    assert (
        sitting.reader.pseudonym in text_of(app)
        and "\\*\\*voluntary\\*\\*" in text_of(app)
        and app.query_params["sitting"] in (sitting.id, [sitting.id])
    )
    press(app, "I agree and continue")
    assert "Your screen" in text_of(app) and has_component(app)
    kept.store.note(sitting.id, "display", {"measured": False})
    assert "Look well." in text_of(app.run()) and "**6** (surely yes)" in text_of(app)
    press(app, "Continue")
    assert has_component(app) and "Which tissue?" not in text_of(app)
    seen = []
    for trial in sitting.trials:
        if "A break" in text_of(app):
            seen.append(trial.index)
            assert not has_component(app)
            press(app, "Continue")
        assert has_component(app)
        give(kept, sitting, trial)
        app.run()
    assert seen == [3] and "every answer is kept" in text_of(app) and not has_component(app)
    assert [kind for kind, _ in kept.store.events(sitting.id)] == [
        "consent",
        "display",
        "instructions",
        "break",
    ]


def test_another_window_goes_on_at_the_same_trial(kept, text_of) -> None:
    app = press(press(open_page(kept.name), "Begin as a new reader"), "I agree and continue")
    sitting = kept.sitting()
    kept.store.note(sitting.id, "display", {})
    press(app.run(), "Continue")
    give(kept, sitting, sitting.trials[0])
    again = open_page(kept.name, sitting.id)
    assert has_component(again) and ("reloaded", {"trial": 1}) in kept.store.events(sitting.id)
    again.run()
    assert [kind for kind, _ in kept.store.events(sitting.id)].count("reloaded") == 1
    other = open_page(kept.name)
    other.text_input(key="reader_letters").set_value(sitting.reader.pseudonym.lower().replace("-", " "))
    press(other, "Continue")
    assert other.query_params["sitting"] in (sitting.id, [sitting.id]) and has_component(other)
    assert len(kept.store.readers(kept.name)) == 1


def test_wrong_letters_are_told(kept, text_of) -> None:
    app = open_page(kept.name)
    app.text_input(key="reader_letters").set_value("AAAA-AAAA")
    press(app, "Continue")
    assert "There is no reader" in text_of(app) and "sitting" not in app.query_params
    assert [button.label for button in app.button if button.label.startswith("Begin")]


def test_a_reader_may_withdraw_at_any_time(kept, text_of) -> None:
    app = press(press(open_page(kept.name), "Begin as a new reader"), "Withdraw my answers")
    assert "You have withdrawn" in text_of(app) and kept.store.events(kept.sitting().id) == [
        ("withdrawn", {})
    ]
    assert "You have withdrawn" in text_of(open_page(kept.name, kept.sitting().id))


def test_nothing_but_the_named_study_is_shown(kept, text_of, tmp_path, monkeypatch) -> None:
    other = make_kept(tmp_path, seed=6)
    sitting = kept.store.begin(kept.store.enrol(kept.name).pseudonym)
    for study, session, words in (
        ("study-000000000000", "", "There is no study"),
        ("../../etc", "", "There is no study"),
        ("", "", "There is no study"),
        (other.name, sitting.id, "belongs to another study"),
        (kept.name, "0" * 32, "no such session"),
    ):
        app = open_page(study, session)
        assert words in text_of(app) and not app.button and not has_component(app)
    monkeypatch.setenv(STUDY_VARIABLE, kept.name)
    assert "Another study is offered here" in text_of(open_page(other.name))
    assert "Which tissue?" in text_of(open_page(""))


def test_a_changed_picture_stops_the_session_with_a_sentence(kept, text_of) -> None:
    app = press(press(open_page(kept.name), "Begin as a new reader"), "I agree and continue")
    sitting = kept.sitting()
    kept.store.note(sitting.id, "display", {})
    kept.store.note(sitting.id, "instructions", {"part": 1})
    picture = kept.store.study(kept.name).by_id()[sitting.trials[0].stimuli[0]].picture
    (study_folder(kept.name) / "stimuli" / picture).write_bytes(b"other")
    assert "was changed after the design was frozen" in text_of(app.run()) and not has_component(app)
    assert (study_folder(kept.name) / DESIGN_FILE).is_file()


def test_the_network_needs_the_code_but_a_session_needs_it_once(kept, text_of, monkeypatch) -> None:
    monkeypatch.setenv(CODE_VARIABLE, f"ABCD-{kept.name[-4:].upper()}")
    app = open_page(kept.name)
    assert "Access code" in text_of(app) and "Which tissue?" not in text_of(app)
    # Before the code, nothing is told of what is here or not.
    for address in (("study-000000000000", ""), (kept.name, "0" * 32)):
        assert text_of(open_page(*address)) == text_of(app)
    for typed, words in (
        ("ABCD", "not the access code"),
        ("x", "not the access code"),
        ("y", "not the access code"),
        ("z", "Wait"),
    ):
        app.text_input(key="reader_code").set_value(typed)
        press(app, "Continue")
        assert words in text_of(app) and "Which tissue?" not in text_of(app)
    assert "sitting" not in app.query_params and "Wait" in text_of(app)
    monkeypatch.setenv(CODE_VARIABLE, f"EFGH-{kept.name[-4:].upper()}")
    app = open_page(kept.name)
    app.text_input(key="reader_code").set_value(f"efgh{kept.name[-4:]}")
    press(app, "Continue")
    assert "Which tissue?" in text_of(app)
    press(app, "Begin as a new reader")
    assert "Write down these letters" in text_of(open_page(kept.name, kept.sitting().id))


def test_the_app_shows_a_reader_nothing_else(kept, text_of) -> None:
    app = AppTest.from_file(str(shipped.PACKAGE / "ui" / "pages" / "navigation.py"), default_timeout=30)
    app.query_params["study"] = kept.name
    app.run()
    assert (
        "Which tissue?" in text_of(app)
        and "Workbench" not in text_of(app)
        and [b.label for b in app.button] == ["Begin as a new reader", "Continue"]
    )


def test_answers_are_kept_once_whatever_the_browser_sends(kept, monkeypatch) -> None:
    state: dict = {}
    monkeypatch.setattr(reader_trial.st, "session_state", state)
    sitting = kept.store.begin(kept.store.enrol(kept.name).pseudonym)
    answer = {
        "trial": 0,
        "choice": "yes",
        "rating": 5,
        "x": 3.0,
        "y": 4.0,
        "reaction_ms": 700.5,
        "screen": {"zoom": 4, "frame_ms": 16.7},
    }
    for _ in range(3):
        reader_trial.keep_answer(kept.store, sitting, answer)
    assert "reader_refused" not in state and state["reader_feedback"]["trial"] == 0
    for wrong in (answer | {"rating": 6}, answer | {"trial": 2}, answer | {"trial": 1, "rating": 2}, "x"):
        reader_trial.keep_answer(kept.store, sitting, wrong)
    assert state["reader_refused"] == 4
    ((_, answers),) = kept.store.sessions(kept.name)
    assert [one.response for one in answers] == [Response(0, "yes", 5, 3.0, 4.0, 700.5)]
    assert kept.store.events(sitting.id) == [("shown", {"trial": 0, "zoom": 4, "frame_ms": 16.7})]
    with pytest.raises(StudyError):
        kept.store.record(sitting.id, Response(0, "no", 1))


def test_a_store_that_keeps_nothing_is_told_and_the_session_goes_on(kept, text_of, monkeypatch) -> None:
    app = press(open_page(kept.name), "Begin as a new reader")
    session = kept.sitting()

    def full(*values) -> None:
        raise StoreError("The disk is full. Make room.")

    with monkeypatch.context() as patched:
        patched.setattr(StudyStore, "note", full)
        press(app, "I agree and continue")
        assert "The disk is full. Make room." in text_of(app) and "Write down these letters" in text_of(app)
        state: dict = {}
        patched.setattr(reader_trial.st, "session_state", state)
        patched.setattr(StudyStore, "record", full)
        answer = {"trial": 0, "choice": "yes", "rating": 5, "reaction_ms": 700.5}
        reader_trial.keep_answer(kept.store, session, answer)
        assert state == {"reader_trouble": "The disk is full. Make room.", "reader_refused": 1}
    press(app, "I agree and continue")
    assert "Your screen" in text_of(app) and "The disk is full" not in text_of(app)
    assert kept.store.events(session.id) == [("consent", {})]


PARENT = """
import sys, time
from snapgui.ui.studies.servers import ReaderServers
servers = ReaderServers()
offer = servers.start(sys.argv[1], lan=False)
end = time.monotonic() + 60
while not offer.answers() and time.monotonic() < end:
    assert offer.running, offer.log.read_text()
    time.sleep(0.1)
print(offer.answers(), servers.start(sys.argv[1], lan=False) is offer, offer.process.pid, flush=True)
time.sleep(600)
"""


def is_there(process: int) -> bool:
    status = Path(f"/proc/{process}/stat")
    return status.exists() and status.read_text(encoding="utf-8").rsplit(")", 1)[1].split()[0] != "Z"


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="looks at processes in /proc")
def test_an_offered_study_ends_with_an_app_that_is_killed(kept) -> None:
    parent = subprocess.Popen(
        [sys.executable, "-c", PARENT, kept.name],
        cwd=shipped.ROOT,
        stdout=subprocess.PIPE,
        text=True,
        env=dict(os.environ),
    )
    assert parent.stdout is not None
    answers, same, child = parent.stdout.readline().split()
    assert (answers, same) == ("True", "True") and is_there(int(child))
    parent.kill()
    parent.communicate()
    end = time.monotonic() + 30
    while is_there(int(child)) and time.monotonic() < end:
        time.sleep(0.05)
    assert not is_there(int(child))
