"""Forged bundles of a study whose hashes, design and analysis fit: each is found, or what it altered is
named.
"""

import io
import json
import zipfile
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from sqlalchemy import text

from snapgui.report.study.bundle import study_bundle
from snapgui.study.analysis.analyse import analyse, analysis_text
from snapgui.study.design.freeze import canonical_json, design_text, freeze, read_design, sha256
from snapgui.study.design.settings import StudySettings
from snapgui.study.design.study import Study, made_again, make_study
from snapgui.study.records import (
    KINDS,
    OBVIOUS,
    SHAM,
    SNAP,
    UNTOUCHED,
    Arm,
    Stimulus,
    StudyError,
    stimulus_id,
)
from snapgui.study.store.columns import COLUMNS
from snapgui.study.store.export import export_files, to_csv
from snapgui.study.store.folders import study_name
from snapgui.study.store.store import StudyStore, open_store

SEED = 5
SETTINGS = StudySettings("Which tissue?", seed=SEED, repeats=1, repeat_gap=2)


def pictures(arms: tuple[Arm, ...] = (UNTOUCHED, SNAP, SHAM), count: int = 6) -> list[Stimulus]:
    wanted = [("main", f"m{i}", arms) for i in range(count)]
    wanted += [("practice", f"p{i}", (UNTOUCHED, OBVIOUS, *arms[1:])) for i in range(3)]
    wanted += [("catch", f"c{i}", (UNTOUCHED, OBVIOUS)) for i in range(2)]
    return [
        Stimulus(stimulus_id(SEED, use, source, arm.name), source, arm, int(source[-1]) % 2, use)  # type: ignore[arg-type]
        for use, source, own in wanted
        for arm in dict.fromkeys(own)
    ]


def bundle(study: Study, **more: bytes) -> bytes:
    text = design_text(study)
    files = {
        "trials.csv": to_csv(list(COLUMNS), []).encode(),
        "design.json": text.encode(),
        "analysis.json": analysis_text(analyse([], study)).encode(),
    }
    return study_bundle(files | more, study_name(read_design(text)[1]))


@pytest.fixture(scope="module")
def study() -> Study:
    return make_study(pictures(), SETTINGS)


@pytest.mark.parametrize("kind", KINDS)
def test_a_design_is_made_again_from_what_is_frozen(kind) -> None:
    for arms in ((UNTOUCHED, SNAP, SHAM), (SHAM, UNTOUCHED, SNAP)):
        for sessions in (1, 2):
            made = make_study(pictures(arms), replace(SETTINGS, kind=kind, sessions=sessions))
            frozen = read_design(design_text(made))[0]
            again = made_again(frozen)
            assert again.primary == frozen.primary
            for one, other in zip(_trials(again), _trials(frozen), strict=True):
                assert one == other or one.role == other.role == "practice"


def _trials(study: Study) -> list[Any]:
    return [trial for sessions in study.lists for trials in sessions for trial in trials]


def _moved(study: Study) -> Study:
    """Another order of the main trials of a list."""
    first = list(study.lists[0][0])
    places = [place for place, trial in enumerate(first) if trial.role == "main"][:2]
    one, other = (first[place] for place in places)
    first[places[0]] = replace(one, stimuli=other.stimuli)
    first[places[1]] = replace(other, stimuli=one.stimuli)
    return replace(study, lists=((tuple(first),), *study.lists[1:]))


def _primary(study: Study, **changes: Any) -> Study:
    assert study.primary is not None
    return replace(study, primary=replace(study.primary, **changes))


FORGED: dict[str, tuple[Callable[[Study], Study], str]] = {
    "primary margin": (
        lambda s: _primary(s, margin_to=0.7),
        "the primary outcome is not the one that kind and margin ask for",
    ),
    "primary arm": (
        lambda s: _primary(s, arm="sham"),
        "the primary outcome is not the one that kind and margin ask for",
    ),
    "margin": (
        lambda s: replace(s, settings=replace(s.settings, margin=0.7)),
        "the primary outcome is not the one that kind and margin ask for",
    ),
    "seed": (lambda s: replace(s, settings=replace(s.settings, seed=6)), "pictures do not follow from seed"),
    "an arm is altered": (
        lambda s: replace(
            s,
            stimuli=tuple(
                replace(o, arm=replace(o.arm, altered=True)) if o.arm == UNTOUCHED else o for o in s.stimuli
            ),
        ),
        "pictures do not follow from seed",
    ),
    "repeats": (lambda s: replace(s, settings=replace(s.settings, repeats=0)), "the lists of the design"),
    "order": (_moved, "the lists of the design"),
    "both margins": (
        lambda s: _primary(
            replace(s, settings=replace(s.settings, margin=0.7)), margin_from=1 - 0.7, margin_to=0.7
        ),
        "not checked:   when the design was frozen, and so whether margin, primary outcome",
    ),
    "no primary": (lambda s: replace(s, primary=None), "not checked:   the primary outcome"),
}


@pytest.mark.parametrize("forgery", FORGED)
def test_a_design_frozen_anew_is_found_or_named(forgery, study, verify) -> None:
    change, words = FORGED[forgery]
    said = [str(one) for one in verify(bundle(change(study)))]
    assert any(words in line and not line.startswith("holds") for line in said), "\n".join(said)


def test_a_study_as_it_was_exported_holds(study, verify) -> None:
    assert not [str(one) for one in verify(bundle(study)) if one.state in ("fails", "unchecked")]


def test_names_and_files_of_another_kind(study, verify, repack) -> None:
    data = bundle(study)

    def said(**files: bytes | None) -> str:
        changes = {name.replace("_json", ".json"): one for name, one in files.items()}
        return "\n".join(map(str, verify(repack(data, changes))))

    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        manifest, analysis, design = (
            json.loads(archive.read(name)) for name in ("manifest.json", "analysis.json", "design.json")
        )
    renamed = json.dumps(manifest | {"name": "study-0123456789ab"}).encode()
    assert "is called study-0123456789ab, and this design is of study-" in said(manifest_json=renamed)
    more = json.dumps(analysis | {"approved": True}).encode()
    assert "differs in approved" in said(analysis_json=more)
    less = json.dumps({name: value for name, value in analysis.items() if name != "choices"}).encode()
    assert "differs in choices" in said(analysis_json=less)
    # Which of two values of one name is read hangs on the program.
    twice = canonical_json(design).replace('"study":{', '"study":{"primary":null,', 1)
    assert "changed after it was frozen" in said(design_json=(twice + "\n").encode())
    first = json.dumps(analysis).replace("{", '{"verdict": ["Nobody could tell."], ', 1)
    assert "verdict stands there twice" in said(analysis_json=first.encode())
    assert "NaN is no number" in said(analysis_json=json.dumps(analysis | {"format": float("nan")}).encode())


def test_a_design_that_was_changed_after_the_first_answer(study, tmp_path) -> None:
    """In the folder, or in the database with its SHA-256."""
    bare = replace(study, stimuli=tuple(replace(one, files={}) for one in study.stimuli))
    files = {one.picture: b"picture" for one in bare.stimuli}
    named = replace(
        bare, stimuli=tuple(replace(one, files={one.picture: sha256(b"picture")}) for one in bare.stimuli)
    )
    freeze(named, files, tmp_path / "frozen")
    store = open_store(f"sqlite:///{tmp_path / 'studies.db'}")
    name = store.create_study(tmp_path / "frozen")
    later = design_text(_primary(named, arm="sham"))
    assert export_files(store, name, tmp_path / "frozen")
    (tmp_path / "frozen" / "design.json").write_text(later, encoding="utf-8")
    with pytest.raises(StudyError, match="not the design that was frozen and read"):
        export_files(store, name, tmp_path / "frozen")
    with store.engine.begin() as connection:
        for trigger in connection.execute(
            text("SELECT name FROM sqlite_master WHERE type = 'trigger'")
        ).all():
            connection.execute(text(f"DROP TRIGGER {trigger.name}"))
        row = {"design": later, "sha": read_design(later)[1]}
        connection.execute(text("UPDATE study SET design = :design, sha256 = :sha"), row)
    with pytest.raises(StudyError, match="not the one that was frozen"):
        StudyStore(store.engine).study(name)
    store.close()
