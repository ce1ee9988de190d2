import hashlib
import json
from collections import Counter
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import settings as rounds
from hypothesis import strategies as st

from snapgui.errors import SettingsError
from snapgui.study.design.freeze import DESIGN_FILE, design_text, freeze, read_design, verify
from snapgui.study.design.settings import ExclusionRule, StudySettings, reasons_to_exclude
from snapgui.study.design.study import ShamCounts, Study, make_study
from snapgui.study.records import (
    OBVIOUS,
    SHAM,
    SNAP,
    UNTOUCHED,
    Reader,
    Response,
    Stimulus,
    StudyError,
    Trial,
    check_response,
    right_choice,
)


def plain_stimuli(count: int, arms=(UNTOUCHED, SNAP, SHAM)) -> list[Stimulus]:
    def own(prefix: str, number: int, use, arms) -> list[Stimulus]:
        return [
            Stimulus(f"{prefix}{i}{arm.name}", f"{prefix}{i}", arm, i % 2, use)
            for i in range(number)
            for arm in arms
        ]

    return [
        *own("m", count, "main", arms),
        *own("p", 2, "practice", arms),
        *own("q", 1, "practice", (UNTOUCHED,)),
        *own("c", 3, "catch", (UNTOUCHED, OBVIOUS)),
    ]


def make(kind: str, count: int, seed: int, **more) -> Study:
    stimuli = plain_stimuli(count)
    if kind == "B":
        stimuli = [stimulus for stimulus in stimuli if not stimulus.source.startswith("q")]
    return make_study(stimuli, StudySettings("t", seed, kind, repeats=2, repeat_gap=3, **more))


def test_a_design_of_before_reads_and_keeps_its_text() -> None:
    """Without primary outcome and counts of shams, as designs were before these were written down."""
    study = make("A", 8, 3)
    assert study.primary is not None and (study.primary.arm, study.primary.measure) == ("SNAP", "auc")
    text = design_text(replace(study, primary=None))
    assert set(json.loads(text)["study"]) == {"settings", "stimuli", "lists"}
    read, _ = read_design(text)
    assert read.primary is None and read.shams is None and design_text(read) == text
    counted = replace(study, shams=ShamCounts(8, 3, 1, {"1": 5, "4": 2}, 16))
    assert read_design(design_text(counted))[0] == counted
    assert make("B", 8, 3).primary.measure == "right"
    alone = make_study(plain_stimuli(8, (UNTOUCHED, SHAM)), StudySettings("t", 3, repeats=0))
    assert alone.primary.arm == "sham"


@rounds(max_examples=25, deadline=None)
@given(st.sampled_from("ABCD"), st.integers(6, 20), st.integers(0, 2**53 - 1), st.integers(1, 2))
def test_every_list_keeps_its_promises(kind: str, count: int, seed: int, sessions: int) -> None:
    study = make(kind, count, seed, sessions=sessions)
    stimuli = study.by_id()
    assert study == make(kind, count, seed, sessions=sessions), "same seed, same study"
    met: dict[str, Counter] = {}
    for session_lists in study.lists:
        arms_of_source: dict[str, set] = {}
        for trials in session_lists:
            assert [trial.index for trial in trials] == list(range(len(trials)))
            first: dict[str, Trial] = {}
            for trial in trials:
                sources = {stimuli[name].source for name in trial.stimuli}
                assert len(sources) == 1
                (source,) = sources
                if source in first:
                    assert trial.repeat_of is not None and trials[trial.repeat_of].stimuli == trial.stimuli
                    assert trial.repeat_of < trial.index
                    if trial.role == "repeat":
                        assert (
                            trial.index - trial.repeat_of >= 3
                            and trials[trial.repeat_of].question == trial.question
                        )
                else:
                    assert trial.repeat_of is None
                first.setdefault(source, trial)
            main = [t for t in trials if t.role == "main" and t.repeat_of is None]
            assert sorted(stimuli[t.stimuli[0]].source for t in main) == sorted(f"m{i}" for i in range(count))
            conditions = Counter(
                (stimuli[t.stimuli[-1]].arm.name, t.stimuli[0][-4:] if kind == "B" else "", t.exposure_ms)
                for t in main
            )
            assert max(conditions.values()) - min(conditions.values()) <= 1 or len(conditions) > count
            for trial in main:
                name = stimuli[trial.stimuli[0]].source
                shown = (trial.stimuli, trial.exposure_ms)
                met.setdefault(name, Counter())[shown] += 1
                altered = [n for n in trial.stimuli if stimuli[n].arm.altered]
                arms_of_source.setdefault(name, set()).add(tuple(altered))
            practice = [t for t in trials if t.feedback]
            assert practice and (kind == "C" or [t.index for t in practice] == list(range(len(practice))))
            assert len([t for t in trials if t.role == "catch"]) == 3
            assert len([t for t in trials if t.role == "repeat"]) == (4 if kind == "C" else 2)
        assert all(len(arms) == sessions for arms in arms_of_source.values()), "another arm in each session"
    for counts in met.values():
        assert len(set(counts.values())) == 1, (
            "over the lists, every source equally often under every condition"
        )
        assert len(counts) == {"A": 3, "B": 4, "C": 3, "D": 6}[kind]


@rounds(max_examples=10, deadline=None)
@given(st.integers(6, 30), st.integers(0, 2**53 - 1))
def test_mirrored_lists_show_each_picture_as_often_early_as_late(count: int, seed: int) -> None:
    study = make("A", count, seed)
    half = len(study.lists) // 2
    for k in range(half):
        one, other = ([t.stimuli for t in study.lists[j][0] if t.role == "main"] for j in (k, k + half))
        assert one == other[::-1]
    assert sorted(t.stimuli for k in range(half) for t in study.lists[k][0] if t.role == "main") == sorted(
        (s.id,) for s in study.stimuli if s.use == "main"
    )


def test_diagnosis_is_not_primed() -> None:
    study = make("C", 8, 5)
    stimuli = study.by_id()
    for (trials,) in study.lists:
        questions = [t.question for t in trials]
        turn = questions.index("altered")
        assert "diagnosis" not in questions[turn:] and trials[turn].role == "practice"
        assert all(
            not stimuli[t.stimuli[0]].arm.altered
            for t in trials[:turn]
            if t.role != "main" and t.role != "repeat"
        )
        assert not any(t.role == "catch" for t in trials[:turn])
        assert sorted(t.stimuli for t in trials[:turn] if t.role == "main") == sorted(
            t.stimuli for t in trials[turn:] if t.role == "main"
        )


def test_what_cannot_be_a_study() -> None:
    stimuli, asked = plain_stimuli(8), StudySettings("t", 1, repeats=0)
    for wrong, settings, words in (
        (stimuli[1:], asked, "m0 has no picture for untouched"),
        ([*stimuli, stimuli[0]], asked, "twice"),
        ([*stimuli, replace(stimuli[0], use="catch", arm=OBVIOUS)], asked, "several uses"),
        (plain_stimuli(8, (SNAP, SHAM)), replace(asked, kind="B"), "no untouched picture"),
        (plain_stimuli(8, (UNTOUCHED,)), asked, "nothing to ask"),
        (stimuli, replace(asked, repeats=20), "at most 0"),
        (stimuli, replace(asked, sessions=4), "4 sessions"),
        ([], asked, "nothing to ask"),
    ):
        with pytest.raises(StudyError, match=words):
            make_study(wrong, settings)
    for values in (
        {"kind": "E"},
        {"seed": -1},
        {"exposures_ms": ()},
        {"exposures_ms": (5,)},
        {"margin": 0.4},
        {"sessions": 0},
    ):
        with pytest.raises(SettingsError):
            StudySettings(**{"title": "t", "seed": 1, **values})
    with pytest.raises(SettingsError, match="min_catch_share"):
        ExclusionRule(min_catch_share=2)


def test_records_survive_json() -> None:
    study = make("B", 6, 3)
    assert Study.from_json(json.loads(json.dumps(study.to_json()))) == study
    answer = Response(3, "yes", 5, 1, 2.5, 812.25, comment="µ?")
    assert Response.from_json(json.loads(json.dumps(answer.to_json()))) == answer and isinstance(
        answer.click_x_px, float
    )
    reader = Reader("ABCD-EFGH", "study-1", 2)
    assert Reader.from_json(reader.to_json()) == reader


def test_a_frozen_design_stays_as_it_is(small_study, tmp_path) -> None:
    study, files = small_study
    folder = tmp_path / "study"
    digest = freeze(study, files, folder)
    text = (folder / DESIGN_FILE).read_text(encoding="utf-8")
    assert freeze(study, files, folder) == digest and verify(folder) == (study, digest)
    assert text == design_text(study) and read_design(text) == (study, digest)
    with pytest.raises(StudyError, match="holds a frozen design already"):
        freeze(replace(study, settings=replace(study.settings, margin=0.7)), files, folder)
    assert (folder / DESIGN_FILE).read_text(encoding="utf-8") == text
    with pytest.raises(StudyError, match="is missing or another"):
        freeze(study, {}, tmp_path / "other")
    longer = b"\0" * 3000
    odd = replace(study.stimuli[0], files={study.stimuli[0].picture: hashlib.sha256(longer).hexdigest()})
    with pytest.raises(StudyError, match="several sizes"):
        freeze(
            replace(study, stimuli=(odd, *study.stimuli[1:])),
            files | {odd.picture: longer},
            tmp_path / "other",
        )

    (folder / DESIGN_FILE).write_text(text.replace('"margin":0.6', '"margin":0.7'), encoding="utf-8")
    with pytest.raises(StudyError, match="changed after it was frozen"):
        verify(folder)
    (folder / DESIGN_FILE).write_text(text, encoding="utf-8")
    picture = folder / "stimuli" / study.stimuli[0].picture
    data = bytearray(picture.read_bytes())
    data[-30] ^= 1
    picture.write_bytes(bytes(data))
    with pytest.raises(StudyError, match="was changed after"):
        verify(folder)
    picture.unlink()
    with pytest.raises(StudyError, match="is gone"):
        verify(folder)
    with pytest.raises(StudyError, match=r"holds no design\.json"):
        verify(tmp_path / "nowhere")
    for nonsense in ("", "[]", "{}", '{"sha256": "0", "format": 99}'):
        with pytest.raises(StudyError):
            read_design(nonsense)


def test_answers_must_fit_their_trial() -> None:
    yes_no, pair = Trial(0, "A", "altered", ("a",)), Trial(0, "B", "which", ("a", "b"))
    check_response(yes_no, Response(0, "yes", 4))
    check_response(pair, Response(0, "left"))
    for trial, response, words in (
        (yes_no, Response(0, "maybe", 4), "yes"),
        (yes_no, Response(0, "yes"), "needs a rating"),
        (yes_no, Response(0, "yes", 3), "different things"),
        (pair, Response(0, "right", 1), "different things"),
    ):
        with pytest.raises(StudyError, match=words):
            check_response(trial, response)
    for values in (
        {"rating": 7},
        {"rating": True},
        {"reaction_ms": float("nan")},
        {"click_x_px": -1},
        {"comment": "x" * 2001},
        {"comment": "\0"},
    ):
        with pytest.raises(SettingsError):
            Response(0, "yes", **values)
    stimuli = {
        one.id: one
        for one in (Stimulus("a", "s", UNTOUCHED, 1), Stimulus("b", "s", SNAP, 1), Stimulus("n", "n", SNAP))
    }
    assert right_choice(yes_no, stimuli) == "no" and right_choice(pair, stimuli) == "right"
    assert right_choice(Trial(0, "C", "diagnosis", ("b",)), stimuli) == "metastasis"
    assert right_choice(Trial(0, "C", "diagnosis", ("n",)), stimuli) is None


def test_the_exclusion_rule_counts_what_it_says() -> None:
    stimuli = {one.id: one for one in (Stimulus("a", "s", UNTOUCHED), Stimulus("o", "c", OBVIOUS))}
    trials = [
        Trial(0, "A", "altered", ("a",)),
        Trial(1, "A", "altered", ("o",), "catch"),
        Trial(2, "A", "altered", ("a",), "repeat", 0),
    ]
    good = [
        Response(0, "no", 1, reaction_ms=900),
        Response(1, "yes", 6, reaction_ms=900),
        Response(2, "no", 2, reaction_ms=900),
    ]
    rule = ExclusionRule(min_repeat_share=0.5)
    assert reasons_to_exclude(rule, trials, good, stimuli) == []
    bad = [Response(0, "no", 1, reaction_ms=90), Response(1, "no", 1, reaction_ms=90)]
    assert reasons_to_exclude(rule, trials, bad, stimuli) == [
        "obvious pictures found: 0 %, at least 75 % asked",
        "answers faster than 200 ms: 100 %, at most 20 % asked",
        "trials answered: 67 %, at least 100 % asked",
    ]
    assert reasons_to_exclude(rule, trials, [*good[:2], Response(2, "yes", 6)], stimuli) == [
        "repeats answered alike: 0 %, at least 50 % asked"
    ]
