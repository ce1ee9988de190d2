"""From runs, an audit or a folder of pairs to a frozen study in the store."""

import csv
import json
from collections import Counter
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from alembic import command
from sqlalchemy import create_engine, make_url, text
from sqlalchemy.exc import IntegrityError

from snapgui.audit.alter import Subjects, alter
from snapgui.audit.plan import METHOD, donor_textures, select_patches
from snapgui.audit.rows import new_row, to_parquet
from snapgui.audit.settings import AuditSettings, conditions_of
from snapgui.data.datasets import PatchSet
from snapgui.engine.images import decode_pixels, encode_png
from snapgui.errors import SettingsError
from snapgui.progress import drain
from snapgui.runs.records import RunRequest
from snapgui.runs.run import run_snap
from snapgui.runs.store import save_run
from snapgui.study.analysis.analyse import analyse
from snapgui.study.analysis.details import design_table
from snapgui.study.design.freeze import verify
from snapgui.study.design.recipe import (
    Recipe,
    arms_for,
    counted_trials,
    draft_study,
    suggest_recipe,
    suggest_repeats,
)
from snapgui.study.design.settings import StudySettings
from snapgui.study.design.study import ShamCounts
from snapgui.study.pictures.build import BuildOutcome, build_study
from snapgui.study.pictures.material import check_source, material_from_audit, material_from_runs
from snapgui.study.pictures.pairs import material_from_pairs
from snapgui.study.records import Response, StudyError
from snapgui.study.store.database import alembic_config
from snapgui.study.store.deletion import count_answers, delete_study
from snapgui.study.store.folders import has_folder, studies_folder, study_folder
from snapgui.study.store.store import StudyStore, open_store

SETTINGS = StudySettings("Which tissue?", seed=11, repeats=1, repeat_gap=2)


def finished(building) -> BuildOutcome | None:
    return drain(building)


@pytest.fixture
def own_store(tmp_path) -> StudyStore:
    opened = open_store(f"sqlite:///{tmp_path / 'studies.db'}")
    yield opened
    opened.close()


@pytest.fixture
def pairs(tmp_path, draw_source) -> Path:
    """Twelve pairs with masks, a further way to alter them, and labels for all but the last."""
    folder = tmp_path / "pairs"
    for place in ("untouched", "altered", "mask", "blurred"):
        (folder / place).mkdir(parents=True)
    lines = ["name,label"]
    for i in range(12):
        source = draw_source(f"p{i:02d}")
        blurred = np.where(source.mask[..., None], 128, source.pixels).astype(np.uint8)
        for place, pixels in (
            ("untouched", source.pixels),
            ("altered", source.snap),
            ("mask", source.mask.astype(np.uint8) * 255),
            ("blurred", blurred),
        ):
            (folder / place / f"p{i:02d}.png").write_bytes(encode_png(pixels))
        lines += [f"p{i:02d},{i % 2}"] if i < 11 else []
    (folder / "labels.csv").write_text("\n".join(lines), encoding="utf-8")
    return folder


def test_a_folder_of_pairs_is_material(pairs, draw_source) -> None:
    material = material_from_pairs(pairs)
    assert material.names == tuple(f"p{i:02d}" for i in range(12)) and material.truths == (0, 1) * 5 + (
        0,
        None,
    )
    assert (
        material.conditions == ("blurred", "median colour", "random colours") and material.model_sha256 == ""
    )
    source = check_source(material.read(3, ("SNAP", "blurred", "median colour")))
    drawn = draw_source("p03")
    assert (source.snap == drawn.snap).all() and (source.mask == drawn.mask).all() and source.truth == 1
    assert (source.others["blurred"][source.mask] == 128).all() and set(source.others) == {
        "blurred",
        "median colour",
    }
    assert len(np.unique(source.others["median colour"][source.mask], axis=0)) == 1, (
        "one colour fills all cells"
    )
    for file in (pairs / "mask").iterdir():
        file.unlink()
    (pairs / "mask").rmdir()
    material = material_from_pairs(pairs)
    assert (
        material.read(3, ()).mask == (drawn.snap != drawn.pixels).any(axis=2)
    ).all() and "no folder “mask”" in material.remarks[0]


def test_labels_with_suffixes_are_read_and_labels_of_other_pictures_told(pairs) -> None:
    (pairs / "labels.csv").write_text("name,label\np00.png,1\np01.PNG,0\n", encoding="utf-8")
    assert material_from_pairs(pairs).truths[:3] == (1, 0, None)
    (pairs / "labels.csv").write_text("name,label\nq00,1\n", encoding="utf-8")
    material = material_from_pairs(pairs)
    assert set(material.truths) == {None} and "names none of the pictures" in material.remarks[0]


def break_pairs(folder: Path, kind: str) -> None:
    if kind == "nothing":
        (folder / "labels.csv").unlink()
        for place in folder.iterdir():
            place.rename(folder.parent / f"gone-{place.name}")
    elif kind == "one lacking":
        (folder / "altered" / "p04.png").unlink()
    elif kind == "label":
        (folder / "labels.csv").write_text("name,label\np03,tumour\n", encoding="utf-8")
    elif kind == "columns":
        (folder / "labels.csv").write_text("file;class\np03;1\n", encoding="utf-8")
    else:
        (folder / "blurred").rename(folder / "sham")


@pytest.mark.parametrize(
    ("kind", "words"),
    [
        ("nothing", "no pictures in a folder “untouched”"),
        ("one lacking", "p04 is in untouched but not in altered"),
        ("label", "gives p03 the label “tumour”"),
        ("columns", "columns name and label"),
        ("reserved", "“sham” bears a name that the tool uses"),
    ],
)
def test_pairs_that_do_not_fit_are_told(pairs, kind: str, words: str) -> None:
    break_pairs(pairs, kind)
    with pytest.raises(StudyError, match=words):
        material_from_pairs(pairs)


@pytest.mark.parametrize(
    ("kind", "arms", "trials"),
    [
        ("A", ("untouched", "SNAP", "sham"), 2 + 8 + 1 + 2),
        ("B", ("untouched", "SNAP", "blurred"), 2 + 8 + 1 + 2),
        ("C", ("untouched", "SNAP"), 1 + 8 + 1 + 1 + 8 + 1 + 2),
        ("D", ("untouched", "SNAP"), 2 + 8 + 1 + 2),
    ],
)
def test_pairs_become_a_frozen_study(pairs, own_store, kind, arms, trials: int) -> None:
    outcome = finished(
        build_study(
            material_from_pairs(pairs), Recipe(arms, 20, 2, 2), replace(SETTINGS, kind=kind), own_store
        )
    )
    assert (outcome.sources, outcome.asked, outcome.left_out) == (8, 8, ())
    study, digest = verify(study_folder(outcome.name))
    assert (
        digest == outcome.sha256
        and study == own_store.study(outcome.name)
        and own_store.studies() == [(outcome.name, "Which tissue?")]
    )
    uses = Counter(use for use, _ in {(stimulus.use, stimulus.source) for stimulus in study.stimuli})
    assert uses == {"main": 8, "practice": 2, "catch": 2}
    assert {stimulus.arm.name for stimulus in study.stimuli if stimulus.use == "main"} == set(arms)
    assert {stimulus.arm.name for stimulus in study.stimuli if stimulus.use == "catch"} == {
        "untouched",
        "obvious",
    }
    assert {len(session) for sessions in study.lists for session in sessions} == {trials}
    drafted = draft_study([0] * 12, Recipe(arms, 20, 2, 2), replace(SETTINGS, kind=kind))
    assert [len(one[0]) for one in drafted.lists] == [len(one[0]) for one in study.lists], (
        "what was announced is what was frozen"
    )


def test_practice_goes_from_plain_to_subtle_and_gives_nothing_away_in_a_diagnosis() -> None:
    recipe = Recipe(("untouched", "SNAP", "sham"), 8, 4, 0)
    assert [arm.name for arm in arms_for("practice", recipe, "A", 0)] == [
        "untouched",
        "obvious",
        "SNAP",
        "sham",
    ]
    assert [[arm.name for arm in arms_for("practice", recipe, "C", i)] for i in range(2)] == [
        ["untouched"],
        ["untouched", "obvious", "SNAP", "sham"],
    ]
    study = draft_study([1] * 12, recipe, SETTINGS)
    by_id = study.by_id()
    for sessions in study.lists:
        practice = [by_id[trial.stimuli[0]].arm.name for trial in sessions[0] if trial.role == "practice"]
        assert sorted(practice) == ["SNAP", "obvious", "sham", "untouched"]
    assert counted_trials(study) == (8 // 3, 8 // 3) and counted_trials(study, "sham") == (8 // 3, 8 // 3)
    pairs_study = draft_study([1] * 12, recipe, replace(SETTINGS, kind="B"))
    assert counted_trials(pairs_study) == (4, 0)
    short = draft_study(
        [1] * 12,
        Recipe(("untouched", "SNAP"), 12, 0, 0),
        replace(SETTINGS, kind="D", exposures_ms=(100, 250, 1000)),
    )
    assert counted_trials(short) == (2, 2)


def test_the_same_seed_gives_the_same_study_and_another_draws_anew(pairs, own_store) -> None:
    material = material_from_pairs(pairs)
    names = [
        finished(
            build_study(
                material, Recipe(sources=5, practice=1, catch=1), replace(SETTINGS, seed=seed), own_store
            )
        ).name
        for seed in (3, 3, 4)
    ]
    assert names[0] == names[1] != names[2]
    drawn = [{one.source for one in own_store.study(name).stimuli} for name in names[1:]]
    assert all(len(sources) == 7 for sources in drawn) and drawn[0] != drawn[1]


def test_unfit_pictures_are_left_out_with_a_sentence(pairs, own_store) -> None:
    write = {
        "p00": ("altered", np.zeros((24, 24, 3), np.uint8)),
        "p01": ("altered", np.zeros((30, 30, 3), np.uint8)),
        "p02": ("untouched", None),
        "p03": ("untouched", decode_pixels((pairs / "untouched" / "p04.png").read_bytes())),
    }
    for name, (place, pixels) in write.items():
        (pairs / place / f"{name}.png").write_bytes(b"no picture" if pixels is None else encode_png(pixels))
    for place in ("altered", "mask", "blurred"):
        (pairs / place / "p03.png").write_bytes((pairs / place / "p04.png").read_bytes())
    (pairs / "blurred" / "p05.png").write_bytes((pairs / "untouched" / "p05.png").read_bytes())
    outcome = finished(
        build_study(
            material_from_pairs(pairs),
            Recipe(("untouched", "SNAP", "blurred"), 20, 0, 0),
            SETTINGS,
            own_store,
        )
    )
    said = " ".join(sorted(outcome.left_out))
    assert (
        outcome.sources == 7
        and len(outcome.left_out) == 5
        and all(reason.startswith("p0") for reason in outcome.left_out)
    )
    for words in (
        "p00 as SNAP differs",
        "pixels outside its mask",
        "p01 is 30 x 30 px in altered and 24 x 24 px in untouched",
        "p02",
        "same image as",
        "p05 as blurred is the same",
    ):
        assert words in said
    for file in (pairs / "altered").iterdir():
        file.write_bytes(b"no picture")
    with pytest.raises(StudyError, match="No picture is left.*12 of 12 were left out"):
        finished(build_study(material_from_pairs(pairs), Recipe(practice=0, catch=0), SETTINGS, own_store))


class Sees:
    """A victim that is fooled by any change of the pictures whose first pixel is brighter than a level."""

    class Card:
        name, sha256 = "sees", "ab" * 32

    card = Card()

    def predict(self, images: torch.Tensor) -> torch.Tensor:
        changed = (images != images[:1]).flatten(1).any(dim=1).double() * float(images[0, 0, 0, 0] > 0.5)
        return torch.stack([1 - changed, changed], dim=1)


def test_images_whose_every_sham_fools_are_left_out(pairs, own_store) -> None:
    material = material_from_pairs(pairs)
    bright = {name for i, name in enumerate(material.names) if material.read(i, ()).pixels[0, 0, 0] > 127}
    outcome = finished(
        build_study(material, Recipe(sources=20, practice=0, catch=0), SETTINGS, own_store, victim=Sees())
    )  # type: ignore[arg-type]
    study = own_store.study(outcome.name)
    assert (
        bright
        and {reason.split(":")[0] for reason in outcome.left_out} == bright
        and all("every sham fools" in reason for reason in outcome.left_out)
    )
    assert {stimulus.source for stimulus in study.stimuli} == set(material.names) - bright
    kept = 12 - len(bright)
    assert study.shams == ShamCounts(12, len(bright), len(bright), {"1": kept}, 64)
    assert verify(study_folder(outcome.name))[0].shams == study.shams, "frozen with the design"
    analysis = analyse([], study)
    told = dict(zip(*design_table(analysis).values(), strict=True))["Shams"]
    assert f"of 12 sources the first sham of {len(bright)} fooled the model" in told
    assert f"0 of the {kept} that serve took more than one" in told and "were left out" in told
    assert all(stimulus.details["fooled"] is False for stimulus in study.stimuli if stimulus.arm.altered)
    kept = finished(
        build_study(
            material,
            Recipe(sources=20, practice=1, catch=2),
            replace(SETTINGS, seed=12),
            own_store,
            victim=Sees(),
        )
    )  # type: ignore[arg-type]
    catch = {one.source for one in own_store.study(kept.name).stimuli if one.use == "catch"}
    assert (
        catch <= bright
        and len(catch) == 2
        and kept.sources == 12 - 1 - len(bright)
        and len(kept.left_out) == len(bright) - 2
    )
    with pytest.raises(StudyError, match="against another model"):
        finished(
            build_study(
                replace(material, model_sha256="cd" * 32), Recipe(), SETTINGS, own_store, victim=Sees()
            )
        )  # type: ignore[arg-type]


def test_a_stopped_study_leaves_nothing(pairs, own_store) -> None:
    asked = iter([False, False, True])
    steps = list(
        build_study(material_from_pairs(pairs), Recipe(), SETTINGS, own_store, stop=lambda: next(asked))
    )
    assert [step.done for step in steps] == [0, 1] and steps[0].wanted == 12
    assert own_store.studies() == [] and not studies_folder().exists()


def test_what_is_asked_must_fit() -> None:
    for count, words in ((8, "8 pictures, and 8 are asked"), (1, "There is 1 picture")):
        with pytest.raises(StudyError, match=words):
            draft_study([None] * count, Recipe(), SETTINGS)
    for arms in (("SNAP",), ("untouched",), ("untouched", "SNAP", "SNAP"), ("untouched", "obvious")):
        with pytest.raises(SettingsError, match="The arms are"):
            Recipe(arms)
    for count in (1, 2, 5, 9, 15, 16, 40, 71, 300):
        recipe = suggest_recipe(count)
        sources = min(recipe.sources, count - recipe.practice - recipe.catch)
        repeats, gap = suggest_repeats(sources)
        study = draft_study([1] * count, recipe, replace(SETTINGS, repeats=repeats, repeat_gap=gap))
        assert sources >= 1 and len(study.lists[0][0]) >= sources


def test_runs_become_material_one_for_each_image(linear_victim, tissue, tmp_path, monkeypatch) -> None:
    # Drawing the figure takes longer than all the rest of a run.
    victim = linear_victim(scale=0.01)
    mask = np.zeros((96, 96), dtype=bool)
    mask[20:30, 20:32] = mask[60:70, 40:50] = True
    settings = AuditSettings().attack
    attack = replace(settings, steps=2, target=int(victim.predict(torch.zeros(1, 3, 96, 96)).argmin()))
    folders = []
    for i, pixels in enumerate((tissue, tissue, tissue[::-1].copy())):
        result = drain(run_snap(victim, RunRequest(pixels, mask, attack, true_class=1)))
        folders.append(save_run(result, tmp_path / f"run{i}"))
    material = material_from_runs(folders)
    assert (
        material.names == ("run0", "run2")
        and material.truths == (1, 1)
        and "1 further run shows an image" in material.remarks[0]
    )
    assert material.model_sha256 == victim.card.sha256
    source = check_source(material.read(0, ("median colour", "random colours")))
    assert (source.mask == mask).all() and set(source.others) == {"median colour", "random colours"}
    about = json.loads((folders[2] / "result.json").read_text(encoding="utf-8"))
    (folders[2] / "result.json").write_text(
        json.dumps(about | {"model_sha256": "1" * 64, "model_name": "other"}), encoding="utf-8"
    )
    with pytest.raises(StudyError, match="attacked 2 models"):
        material_from_runs(folders)
    for bad in ([], [tmp_path], [folders[0].parent / "none"]):
        with pytest.raises(StudyError, match=r"No run was given|not the folder of a saved run"):
            material_from_runs(bad)


@pytest.fixture
def audit(tmp_path, tissue) -> tuple[Path, PatchSet, AuditSettings]:
    """Files of a finished audit of four drawn patches, of which three fooled the model."""
    data, folder = tmp_path / "data", tmp_path / "audit-000000000000"
    (data / "patches").mkdir(parents=True)
    (folder / "pictures").mkdir(parents=True)
    for i in range(6):
        (data / "patches" / f"a{i}.png").write_bytes(encode_png(np.roll(tissue, 5 * i, axis=1)))
    (data / "train_labels.csv").write_text(
        "id,label\n" + "\n".join(f"a{i},{int(i < 4)}" for i in range(6)), encoding="utf-8"
    )
    settings = AuditSettings()
    patches, _ = select_patches(data, settings)
    mask = np.zeros((96, 96), dtype=bool)
    mask[20:30, 20:32] = mask[60:70, 40:50] = True
    rows = []
    for i in range(4):
        snap = np.where(mask[..., None], 90 + i, patches.pixels(i)).astype(np.uint8)
        rows.append(new_row(patches, i, "SNAP", status="measured", flipped=i > 0, picture=f"{i:07d}.png"))
        rows.append(new_row(patches, i, "median colour", status="measured", flipped=False))
        (folder / "pictures" / f"{i:07d}.png").write_bytes(encode_png(snap))
        (folder / "pictures" / f"{i:07d}-mask.png").write_bytes(encode_png(mask.astype(np.uint8) * 255))
    (folder / "rows.parquet").write_bytes(to_parquet(rows))
    (folder / "audit.json").write_text(
        json.dumps(
            {
                "settings": settings.to_json(),
                "method": METHOD,
                "data": "data",
                "data_path": str(data),
                "model_path": str(tmp_path / "gone"),
                "model_sha256": "ab" * 32,
            }
        ),
        encoding="utf-8",
    )
    return folder, patches, settings


def test_an_audit_becomes_material_with_its_own_fillings(audit, linear_victim) -> None:
    folder, patches, settings = audit
    material = material_from_audit(folder)
    assert (
        material.names == ("a1", "a2", "a3")
        and material.truths == (1, 1, 1)
        and material.model is None
        and material.model_sha256 == "ab" * 32
    )
    assert (
        material.conditions == ("median colour", "random colours", "real nuclei")
        and "SNAP alone" in material.remarks[0]
    )
    assert len(material_from_audit(folder, fooled_only=False).names) == 4
    source = check_source(material.read(1, material.conditions))
    _, donors = select_patches(folder.parent / "data", settings)
    subjects = Subjects([2], ["a2"], np.array([1]), [patches.pixels(2)], np.array([[0.1, 0.9]]))
    for condition in conditions_of(settings):
        if condition.name in material.conditions:
            audited = alter(
                linear_victim(), subjects, [source.mask], condition, donor_textures(donors), batch_size=1
            )
            assert (audited.pixels[0] == source.others[condition.name]).all(), "not what the audit measured"


def test_audits_that_do_not_fit_are_told(audit, tmp_path) -> None:
    folder, _, _ = audit
    data = tmp_path / "data"
    with pytest.raises(StudyError, match="not the folder of an audit"):
        material_from_audit(data)
    other = tmp_path / "other"
    data.rename(other)
    with pytest.raises(StudyError, match="not at .* any more"):
        material_from_audit(folder)
    assert len(material_from_audit(folder, other).names) == 3
    (other / "train_labels.csv").write_text("id,label\na0,1\na1,1\na5,0\n", encoding="utf-8")
    with pytest.raises(StudyError, match="a2 is not in other"):
        material_from_audit(folder, other)
    (folder / "audit.json").write_text("{}", encoding="utf-8")
    with pytest.raises(StudyError, match="damaged or of another version"):
        material_from_audit(folder, other)


def test_a_study_is_counted_and_deleted_whole(store, frozen_folder, two_session_folder) -> None:
    name, other = store.create_study(frozen_folder), store.create_study(two_session_folder)
    assert [count_answers(store, one).responses for one in (name, other)] == [0, 0]
    sessions = [store.begin(store.enrol(one).pseudonym) for one in (name, name, other)]
    for trial in sessions[0].trials:
        store.record(sessions[0].id, Response(trial.index, "no", 1))
    store.record(sessions[1].id, Response(0, "no", 1))
    store.record(sessions[2].id, Response(0, "no", 1))
    store.note(sessions[1].id, "withdrawn")
    counts = count_answers(store, name)
    assert (counts.readers, counts.sessions, counts.sessions_done, counts.responses, counts.withdrawn) == (
        2,
        2,
        1,
        len(sessions[0].trials) + 1,
        1,
    )
    assert delete_study(store, name) == counts.responses
    assert [one for one, _ in store.studies()] == [other] and count_answers(store, other).responses == 1
    for deed in (
        lambda: delete_study(store, name),
        lambda: store.enrol(name),
        lambda: count_answers(store, name),
        lambda: store.begin(sessions[0].reader.pseudonym),
    ):
        with pytest.raises(StudyError):
            deed()
    with pytest.raises(StudyError, match=f"was deleted on .*with {counts.responses} answers"):
        store.create_study(frozen_folder)


def test_names_of_folders_stay_in_the_workspace(own_workspace) -> None:
    assert study_folder(
        "study-0123456789ab"
    ) == own_workspace / "studies" / "study-0123456789ab" and not has_folder("study-0123456789ab")
    for name in ("../x", "study-..", "study-0123456789AB", ""):
        with pytest.raises(StudyError, match="not the name of a study"):
            study_folder(name)


def test_a_study_that_is_not_taken_in_leaves_no_folder(pairs, own_store, monkeypatch) -> None:
    def refuse(folder: Path) -> str:
        raise StudyError("no")

    monkeypatch.setattr(own_store, "create_study", refuse)
    with pytest.raises(StudyError, match="no"):
        finished(
            build_study(
                material_from_pairs(pairs), Recipe(sources=4, practice=1, catch=1), SETTINGS, own_store
            )
        )
    assert list(studies_folder().iterdir()) == []


def test_labels_may_be_empty(pairs) -> None:
    with (pairs / "labels.csv").open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows([["name", "label"], ["p00", "1"], ["p01", ""]])
    assert material_from_pairs(pairs).truths[:3] == (1, None, None)


def test_a_store_of_the_first_version_keeps_its_rows_and_learns_to_delete(database) -> None:
    url = make_url(database)
    engine = create_engine(url)
    with engine.begin() as connection:
        command.upgrade(alembic_config(connection), "0001")
        connection.execute(text("INSERT INTO study VALUES ('study-1', 'ab', 'Old', '{}', '2030')"))
    engine.dispose()
    store = open_store(database)
    assert store.studies() == [("study-1", "Old")]
    with pytest.raises(IntegrityError, match="never changed or removed"), store.engine.begin() as connection:
        connection.execute(text("DELETE FROM study"))
    assert delete_study(store, "study-1") == 0 and store.studies() == []
    for deed in ("UPDATE deletion SET readers = 5", "DELETE FROM deletion"):
        with (
            pytest.raises(IntegrityError, match="never changed or removed"),
            store.engine.begin() as connection,
        ):
            connection.execute(text(deed))
    store.close()
