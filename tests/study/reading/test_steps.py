"""A reader's way through a session, worked out from the store, and what a browser gets to know."""

import base64
import itertools
import json
import math
import tomllib
from dataclasses import replace

import numpy as np
import pytest

from snapgui import shipped
from snapgui.study.design.freeze import freeze
from snapgui.study.design.study import make_study
from snapgui.study.reading import trial as reader_words
from snapgui.study.reading.access import FREE_TRIES, Gate, make_code, network_address, waiting_s
from snapgui.study.reading.serving import (
    CODE_VARIABLE,
    NETWORK_WARNING,
    READER_APP,
    SURROUND,
    check_offered,
    plan_serving,
    serving_words,
)
from snapgui.study.reading.steps import (
    begin_session,
    find_progress,
    find_step,
    is_break_due,
    largest_picture_px,
    read_answer,
    read_display,
    read_screen,
    with_dash,
)
from snapgui.study.reading.trial import feedback_message, outline_path, read_pictures, trial_message
from snapgui.study.records import (
    CHOICES,
    KINDS,
    SHAM,
    SNAP,
    UNTOUCHED,
    Reader,
    ReaderSession,
    Response,
    StudyError,
    Trial,
)
from snapgui.study.store.folders import study_folder, study_name

ALL_SEEN = [("consent", {}), ("display", {}), ("instructions", {"part": 1})]


def trials_of(pictures, settings, kind: str):
    stimuli, _ = pictures()
    if kind == "C":
        stimuli = (
            [stimulus for stimulus in stimuli if stimulus.use != "practice"]
            + pictures(0, (UNTOUCHED,))[0][:1]
            + [
                replace(one, source="another", id=one.id[::-1])
                for one in stimuli
                if one.use == "practice" and one.source == "practice1"
            ]
        )
        stimuli = list({stimulus.id: stimulus for stimulus in stimuli}.values())
    return make_study(stimuli, replace(settings, kind=kind))


def test_the_steps_come_in_order_and_none_twice(pictures, settings) -> None:
    trials = trials_of(pictures, settings, "A").lists[0][0]
    events: list = []
    for step, event in zip(("consent", "display", "instructions", "trial"), [*ALL_SEEN, None], strict=True):
        assert find_step(trials, trials[0], events, break_every=5) == step
        events.append(event)
    events.pop()
    steps = []
    for following in (*trials, None):
        step = find_step(trials, following, events, break_every=5)
        steps.append(step)
        if step == "break":
            events.append(("break", {"before": following.index}))
            assert find_step(trials, following, events, break_every=5) == "trial"
    practice = sum(trial.role == "practice" for trial in trials)
    assert steps[-1] == "thanks"
    assert [i - practice for i, step in enumerate(steps) if step == "break"] == [5, 10] and len(
        trials
    ) - practice == 13
    assert find_step(trials, trials[3], [*events, ("withdrawn", {})], break_every=5) == "withdrawn"


def test_the_second_part_is_told_when_it_begins_and_serves_as_the_break(pictures, settings) -> None:
    trials = trials_of(pictures, settings, "C").lists[0][0]
    first = next(trial for trial in trials if trial.question == "altered")
    assert 0 < first.index < len(trials) - 1
    for trial in trials:
        step = find_step(trials, trial, ALL_SEEN, break_every=10_000)
        assert (step == "second_part") == (trial.index >= first.index)
        assert (
            find_step(trials, trial, [*ALL_SEEN, ("instructions", {"part": 2})], break_every=10_000)
            == "trial"
        )
    assert not is_break_due(trials, first.index, every=1)


def test_progress_counts_practice_by_itself(pictures, settings) -> None:
    trials = trials_of(pictures, settings, "A").lists[0][0]
    found = [find_progress(trials, trial.index) for trial in trials]
    assert [(one.done, one.total) for one in found if one.practice] == [(0, 2), (1, 2)]
    assert [one.done for one in found if not one.practice] == list(range(13)) and found[-1].total == 13


def test_an_answer_is_read_or_refused(pictures, settings) -> None:
    trials = trials_of(pictures, settings, "A").lists[0][0]
    good = {
        "trial": 3,
        "choice": "yes",
        "rating": 5,
        "x": 1.5,
        "y": 95.0,
        "reaction_ms": 812.25,
        "shown_ms": None,
        "comment": "",
        "screen": {},
    }
    assert read_answer(trials, good) == Response(3, "yes", 5, 1.5, 95.0, 812.25)
    wrong = (
        None,
        [],
        {"trial": 3},
        good | {"trial": True},
        good | {"trial": 10**6},
        good | {"trial": -1},
        good | {"trial": "3"},
        good | {"choice": 1},
        good | {"rating": 7},
        good | {"rating": "5"},
        good | {"x": float("nan")},
        good | {"reaction_ms": "fast"},
        good | {"comment": "x" * 3000},
        good | {"comment": ["x"]},
    )
    for payload in wrong:
        with pytest.raises(StudyError):
            read_answer(trials, payload)


def test_what_a_screen_says_is_numbers_alone() -> None:
    assert read_screen({"trial": 3, "frame_ms": 16.7, "zoom": "<b>", "name": "x", "hidden": False}) == {
        "trial": 3,
        "frame_ms": 16.7,
        "hidden": False,
    }
    assert read_screen("x") == {}


def test_pixels_per_degree_of_a_measured_screen() -> None:
    """A card of 344 CSS px on a screen of ratio 2: 688 px over 85.6 mm, seen from 700 mm."""
    found = read_display(
        {"card_px": 344, "device_pixel_ratio": 2, "distance_mm": 700, "screen_width": 1440, "name": "Dr X"}
    )
    assert found["pixels_per_degree"] == pytest.approx(688 / 85.6 * 700 * math.tan(math.radians(1)), rel=1e-3)
    assert found["measured"] and found["pitch_mm"] == pytest.approx(85.6 / 688) and "name" not in found
    assert read_display({"device_pixel_ratio": 1})["measured"] is False
    for wrong in (
        {"card_px": 0},
        {"card_px": 1e300},
        {"card_px": 344, "distance_mm": -1},
        {"card_px": float("nan")},
        {"card_px": 344, "distance_mm": float("inf")},
    ):
        with pytest.raises(StudyError, match="cannot be"):
            read_display({"device_pixel_ratio": 1, "distance_mm": 600} | wrong)


def test_a_picture_is_as_large_as_twenty_degrees_of_a_measured_screen() -> None:
    """At 600 mm 20 degrees along the middle of the screen are 209.4 mm, on 4 CSS px to a mm."""
    found = read_display({"card_px": 4 * 85.6, "device_pixel_ratio": 2, "distance_mm": 600})
    assert largest_picture_px([("display", found)]) == pytest.approx(4 * 600 * math.radians(20), rel=2e-3)
    assert largest_picture_px([("display", found), ("display", read_display({}))]) is None
    assert largest_picture_px([("consent", {})]) is None


@pytest.mark.parametrize("kind", KINDS)
def test_what_a_browser_gets_is_the_same_whatever_the_arm(pictures, settings, kind) -> None:
    """Pictures taken out, two messages of one place and question differ in nothing; no name of anything is in
    them.
    """
    study = trials_of(pictures, settings, kind)
    _, files = pictures()
    blank = next(iter(files.values()))
    stimuli = study.by_id()
    reader = Reader("ABCD-EFGH", "study-0", 0)
    for trial in study.lists[0][0]:
        session = ReaderSession("5e" * 16, reader, 0, study.lists[0][0])
        texts = set()
        for ids in itertools.product(list(stimuli)[:6], repeat=len(trial.stimuli)):
            for role, repeat_of in (
                (("main", None), ("catch", None), ("repeat", 0))
                if trial.role != "practice"
                else ((trial.role, None),)
            ):
                shown = replace(trial, stimuli=ids, role=role, repeat_of=repeat_of)
                texts.add(json.dumps(trial_message(session, shown, [blank] * len(ids))))
        (text,) = texts
        spoken = json.dumps(
            {name: value for name, value in json.loads(text).items() if name not in ("pictures", "ask")}
        )
        names = {
            word
            for one in stimuli.values()
            for word in (one.id, one.source, one.arm.name, "catch", "repeat", "main")
        }
        assert (
            not [name for name in names if name in spoken]
            and session.id not in text
            and reader.pseudonym not in text
        )
        if trial.question == "diagnosis":
            assert "alter" not in text, "the first part of design C gives nothing away"


def test_the_pictures_are_the_frozen_bytes(small_study, frozen_folder) -> None:
    study, files = small_study
    trial = study.lists[0][0][0]
    data = read_pictures(frozen_folder, trial, study.by_id())
    assert data == [files[study.by_id()[trial.stimuli[0]].picture]]
    (uri,) = trial_message(ReaderSession("0" * 32, Reader("A", "s", 0), 0, study.lists[0][0]), trial, data)[
        "pictures"
    ]
    assert base64.b64decode(uri.removeprefix("data:image/png;base64,")) == data[0]


def test_feedback_tells_the_truth_in_practice_alone(small_study) -> None:
    study, _ = small_study
    stimuli = study.by_id()
    mask = np.zeros((24, 24), bool)
    mask[3:5, 4:6] = True
    for arm, choice, right in (
        (SNAP, "yes", True),
        (SNAP, "no", False),
        (UNTOUCHED, "no", True),
        (SHAM, "yes", True),
        (UNTOUCHED, "yes", False),
    ):
        one = next(s for s in study.stimuli if s.arm == arm)
        trial = Trial(0, "A", "altered", (one.id,), "practice")
        told = feedback_message(trial, Response(0, choice, 5 if choice == "yes" else 2), stimuli, [mask])
        assert told is not None and told["words"].startswith("Correct." if right else "No")
        assert bool(told["outlines"][0]) == arm.altered
        for role in ("main", "catch", "repeat"):
            assert (
                feedback_message(replace(trial, role=role), Response(0, choice, 2), stimuli, [mask]) is None
            )
    altered, plain = (next(s for s in study.stimuli if s.arm == arm) for arm in (SNAP, UNTOUCHED))
    told = feedback_message(
        Trial(0, "B", "which", (plain.id, altered.id), "practice"), Response(0, "left"), stimuli, [mask, mask]
    )
    assert (
        told is not None
        and "The right picture" in told["words"]
        and [bool(path) for path in told["outlines"]] == [False, True]
    )
    told = feedback_message(
        Trial(0, "C", "diagnosis", (altered.id,), "practice"), Response(0, "normal", 1), stimuli, [mask]
    )
    assert told is not None and "metastasis" in told["words"] and told["outlines"] == [""]


def test_an_outline_is_the_edge_of_a_mask() -> None:
    mask = np.zeros((4, 5), bool)
    mask[1, 2:4] = True
    assert sorted(outline_path(mask).replace("M", "\n").split()) == sorted(
        ["2", "1h2", "2", "2h2", "2", "1v1", "4", "1v1"]
    )
    assert outline_path(np.zeros((3, 3), bool)) == ""
    assert len(outline_path(np.ones((3, 3), bool)).split("M")) == 5


def test_key_words_name_the_keys_of_each_question() -> None:
    for kind, question in (
        ("A", "altered"),
        ("B", "which"),
        ("C", "diagnosis"),
        ("C", "altered"),
        ("D", "altered"),
    ):
        trial = Trial(0, kind, question, ("x",), exposure_ms=250 if kind == "D" else None)
        words = reader_words.question_words(trial)
        assert words["choices"] == list(CHOICES[question]) and len(words["options"]) == (
            6 if kind in "AC" else 2
        )
        assert ("**6**" in reader_words.key_words(trial)) == (kind in "AC") and (
            "Space" in reader_words.key_words(trial)
        ) == (kind == "D")


def test_letters_are_read_however_they_are_typed(store, frozen_folder, two_session_folder) -> None:
    name, other = store.create_study(frozen_folder), store.create_study(two_session_folder)
    first = begin_session(store, name, None)
    letters = first.reader.pseudonym
    for typed in (letters, letters.lower(), letters.replace("-", " "), f" {letters.replace('-', '')} "):
        assert begin_session(store, name, with_dash(typed)) == first
    for study, typed in ((name, "AAAA-AAAA"), (name, "x"), (other, letters)):
        with pytest.raises(StudyError, match="no reader"):
            begin_session(store, study, with_dash(typed))


def test_the_door_makes_wrong_codes_wait() -> None:
    clock, code = [0.0], make_code()
    gate = Gate(code, clock=lambda: clock[0])
    assert gate.check(code.lower().replace("-", " ")) and make_code() != code
    assert [gate.check(wrong) for wrong in ("", code[:-1], code + "A")] == [False] * 3
    with pytest.raises(StudyError, match="Wait 2 s"):
        gate.check(code)
    clock[0] = 2.0
    assert not gate.check("AAAA-AAAA")
    clock[0] = 5.0
    with pytest.raises(StudyError, match="Too many wrong codes"):
        gate.check(code)
    clock[0] = 6.0
    assert gate.check(code) and not gate.check("x") and gate.check(code), "a right code ends the waiting"
    assert [waiting_s(n) for n in (0, 2, 3, 4, 5, 50)] == [0, 0, 2, 4, 8, 600]


def test_who_mistypes_locks_out_only_their_own_address() -> None:
    clock, code = [0.0], make_code()
    gate = Gate(code, clock=lambda: clock[0])
    for _ in range(FREE_TRIES):
        assert not gate.check("AAAA-AAAA", "192.168.0.7")
    with pytest.raises(StudyError, match="Too many wrong codes"):
        gate.check(code, "192.168.0.7")
    assert gate.check(code, "192.168.0.8") and gate.check(code, None)
    # All addresses of one IPv6 network are one computer's.
    for place in range(FREE_TRIES):
        assert not gate.check("AAAA-AAAA", f"2001:db8::{place + 1}")
    with pytest.raises(StudyError, match="Too many wrong codes"):
        gate.check(code, "2001:db8::ff")
    assert gate.check(code, "2001:db8:0:1::1")
    clock[0] += 10
    assert gate.check(code, "192.168.0.7")


def test_the_door_remembers_a_bounded_number_of_addresses(monkeypatch) -> None:
    monkeypatch.setattr("snapgui.study.reading.access.MOST_ADDRESSES", 3)
    clock = [0.0]
    gate = Gate(make_code(), clock=lambda: clock[0])
    for _ in range(FREE_TRIES):
        gate.check("A", "10.0.0.1")
    for number in range(2, 9):
        gate.check("A", f"10.0.0.{number}")
    with pytest.raises(StudyError, match="Too many wrong codes"):
        gate.check("A", "10.0.0.1")


def test_readers_see_the_light_greys_whatever_their_system() -> None:
    light = tomllib.loads((shipped.ROOT / ".streamlit" / "config.toml").read_text(encoding="utf-8"))["theme"]
    assert {"primaryColor": light["primaryColor"]} | light["light"] == SURROUND
    options = plan_serving("x", lan=False, port=8601, environment={}).options
    for theme in ("light", "dark"):
        found = {name: options[options.index(f"--theme.{theme}.{name}") + 1] for name in SURROUND}
        assert found == SURROUND


def test_serving_stays_on_this_computer_unless_asked() -> None:
    home = plan_serving("study-0123456789ab", lan=False, port=8601, environment={CODE_VARIABLE: "X"})
    assert home.address == "http://127.0.0.1:8601/?study=study-0123456789ab" and home.code == ""
    assert home.options[
        home.options.index("--server.address") + 1
    ] == "127.0.0.1" and NETWORK_WARNING not in serving_words(home)
    net = plan_serving("study-0123456789ab", lan=True, port=8601, environment={})
    assert net.options[net.options.index("--server.address") + 1] == "0.0.0.0" and len(net.code) == 9
    assert (
        net.code in serving_words(net)
        and NETWORK_WARNING in serving_words(net)
        and network_address() in net.address
    )
    assert net.code not in " ".join(net.options), "a command line can be read by others"
    assert plan_serving("x", lan=True, port=1, environment={CODE_VARIABLE: "AAAA-BBBB"}).code == "AAAA-BBBB"
    with pytest.raises(StudyError, match="from 1 to 65535"):
        plan_serving("x", lan=False, port=0, environment={})
    assert READER_APP.is_file() and not (READER_APP.parent / "pages").exists(), (
        "Streamlit would offer every page of such a folder"
    )


def test_only_what_is_there_is_served(monkeypatch, own_workspace, small_study, tmp_path) -> None:
    from snapgui.study.store.store import open_store

    monkeypatch.delenv("SNAP_DATABASE_URL", raising=False)
    digest = freeze(*small_study, tmp_path / "frozen")
    with pytest.raises(StudyError, match="no study"):
        check_offered(study_name(digest))
    store = open_store()
    name = store.create_study(tmp_path / "frozen")
    store.close()
    with pytest.raises(StudyError, match="pictures of study-.* are not in this workspace"):
        check_offered(name)
    study_folder(name).parent.mkdir(parents=True)
    (tmp_path / "frozen").rename(study_folder(name))
    check_offered(name)
