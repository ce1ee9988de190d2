"""The Methods paragraphs: everything that a reviewer asks for, in plain words, from what was saved."""

import json
import re
import zipfile
from dataclasses import replace
from pathlib import Path

import pytest

from snapgui import __version__, shipped
from snapgui.audit.read import read_finished
from snapgui.engine.presets import PRESETS
from snapgui.engine.settings import CellSettings
from snapgui.report.audit.methods import audit_methods
from snapgui.report.run.document import run_document
from snapgui.report.study.document import study_document
from snapgui.report.study.methods import analysis_methods, study_methods
from snapgui.runs.methods import model_words, run_methods
from snapgui.runs.records import RunResult
from snapgui.study.design.freeze import read_design
from snapgui.study.design.settings import StudySettings
from tests.study.simulated import analyse_simulated

SNAP = "Sporadic and Naturalistic Adversarial Patches (Student Abstract), AAAI 2024"


def check_paragraph(words: str) -> str:
    """One paragraph of whole sentences, without names of the code, holes or doubled marks."""
    raw = re.sub(r"\S+\.(png|tif)|\w+_hcd", "NAME", words)
    assert "\n" not in words and words.endswith(".") and SNAP in words
    assert not re.findall(r"\b[a-z0-9]+(?:_[a-z0-9]+)+\b|[{}]|\bNone\b|\bnan\b|  |\.\.|,\.|; ;| ,", raw), raw
    return words


def test_a_run(run_result: RunResult) -> None:
    words = check_paragraph(run_methods(run_result, input_px=96))
    for said in (
        f"the classifier tiny (input 96 x 96 px, SHA-256 of the weights {run_result.model_sha256})",
        f"(patch $1.png, 96 x 96 px at 0.97 µm/px, labelled metastasis; SHA-256 of its pixels "
        f"{run_result.image_sha256})",
        "6 cells of nuclear shape, together 8 % of the pixels, lay at random places on tissue",
        "no cell was allowed in the central 32 px",
        "the mask covered 8.0 % of the pixels in ",
        "any colour within the image's own range of each colour channel",
        "for at most 25 steps (seed 0)",
        "aimed at the class normal; it ended at the goal, a probability of that class of 95 %",
        f"and step {run_result.best_step} was kept",
        "saved as PNG, read back and scored again",
        "median colour",
        f"Computed with SNAP Studio {__version__} and PyTorch {run_result.versions['torch']} on CPU.",
        "Guo, Li and Chen",
        "CIEDE2000 Color-Difference Formula",
    ):
        assert said in words, said
    section = next(one for one in run_document(run_result).sections if one.title == "Methods")
    assert section.sentences == (run_methods(run_result),)


@pytest.mark.parametrize("preset", PRESETS)
def test_every_preset_names_its_methods(run_result: RunResult, preset) -> None:
    asked = PRESETS[preset]
    request = replace(run_result.request, attack=asked.attack, cells=asked.cells)
    painted = "cd" * 32 if asked.attack.texture == "nucleus" else None
    changed = replace(run_result, request=request, stopped=True, generator_sha256=painted)
    words = check_paragraph(run_methods(changed))
    assert ("cd" * 32 in words) == (painted is not None)
    assert ("had taken its place and shape" in words) == (preset == "few")
    assert ("Nemcovsky" in words) == (asked.cells.placement == "trim")
    assert ("Macenko" in words) == (asked.attack.texture != "free")
    assert ("Augmented Lagrangian" in words) == asked.attack.least_change == ("price on change" in words)
    assert "was stopped early by a person" in words and f"at most {asked.attack.steps} steps" in words


def test_a_mask_of_another_source_and_odd_settings(run_result: RunResult) -> None:
    attack = replace(
        run_result.request.attack, confidence=1.0, leak=0.0, restarts=2, smoothness=0.5, soft_edge=True
    )
    request = replace(run_result.request, attack=attack, cells=None, mask_source="drawn", true_class=None)
    words = check_paragraph(run_methods(replace(run_result, request=request, controls={}, versions={})))
    assert "were drawn by hand; the mask" in words and "all steps were run" in words
    assert "rectifiers" not in words and "Guo" not in words and "controls" not in words
    assert "up to 2 restarts" in words and "kept half of its own colour" in words
    one = replace(run_result, request=replace(run_result.request, cells=CellSettings(count=1)))
    assert "1 cell of nuclear shape" in check_paragraph(run_methods(one))


def test_the_shipped_model_is_known_by_its_hash() -> None:
    card = json.loads(shipped.MODEL.with_suffix(".json").read_text(encoding="utf-8"))
    assert "ResNet50, input 112 x 112 px" in model_words(card["name"], card["sha256"])
    assert "input" not in model_words("mine", "ab" * 32)


@pytest.fixture
def old(tmp_path: Path) -> Path:
    """The unpacked workspace of an earlier version."""
    with zipfile.ZipFile(Path(__file__).parents[1] / "old_workspace.zip") as archive:
        archive.extractall(tmp_path)
    return tmp_path / "workspace"


def test_an_audit(old: Path) -> None:
    audit = read_finished(next(old.glob("audits/*/")))
    words = check_paragraph(audit_methods(audit))
    for said in (
        "the classifier resnet50_hcd (ResNet50, input 112 x 112 px, SHA-256 of the weights ed02be463c",
        "all patches of the data set demo-patches, split val: 7 patches",
        "Those of the class metastasis that the model classified correctly were attacked, 6 in all",
        "12 cells of nuclear shape, together 12 % of the pixels",
        "with the image's median colour",
        "with nuclei of up to 24 normal patches",
        "SNAP with cells kept out of the centre",
        "saved as PNG, read back and scored again",
        "Wilson's 95 % interval",
        "SNAP Studio 0.1.0 and PyTorch ",
        f"; this paragraph tells of the rules of SNAP Studio {__version__}.",
    ):
        assert said in words, said
    settings = replace(audit.settings, limit=10, source="both", groups=("gamut", "area"), areas=(0.02, 0.1))
    bare = replace(audit, settings=settings, summary=audit.summary | {"conditions": []})
    words = check_paragraph(audit_methods(bare, input_px=224))
    assert "a fixed random choice of at most 10 patches" in words and "either class" in words
    assert "SNAP was repeated with areas of 2 % and 10 % of the pixels and other sets of colours" in words
    assert "As controls" not in words, "only what was measured is told"


def test_a_study_by_its_design(old: Path) -> None:
    study, digest = read_design(next(old.glob("studies/*/design.json")).read_text(encoding="utf-8"))
    words = check_paragraph(study_methods(study, digest))
    assert "8 fields" in words and "3 arms: “untouched”, “SNAP” and “sham”" in words and digest in words
    assert "of 12 trials: 1 for practice" in words and "A Latin square of 6 lists" in words


@pytest.mark.parametrize("kind", ["A", "B", "C", "D"])
def test_a_study_by_its_analysis(kind) -> None:
    found = analyse_simulated(StudySettings("Which?", seed=5, kind=kind, repeats=2, repeat_gap=3))
    words = check_paragraph(analysis_methods(found))
    assert f"4 readers in 4 sessions gave {sum(found['answers']['counted'].values())} answers" in words
    assert found["study"]["sha256"] in words and "primary outcome" in words and "Wilson" in words
    assert ("Clopper" in words) == (kind == "B") and "A session is left out if" in words
    methods = next(one for one in study_document(found).sections if one.title == "Appendix: methods")
    assert methods.sentences[0] == words
