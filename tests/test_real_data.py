"""On real patches, where SNAP_HCD_DIR names them: the shipped model is what its card says, and the attack is
strong.
"""

from dataclasses import replace

import pytest

from benchmarks.patches import PatchBatch, attack, collect, margins, saved_margins
from benchmarks.reference import read_kept
from snapgui.data.datasets import PatchSet
from snapgui.engine.controls import control_images
from snapgui.engine.settings import AttackSettings, CellSettings
from snapgui.engine.tissue import why_not_tissue
from snapgui.engine.victim.victim import Victim
from snapgui.errors import DataError
from snapgui.training.evaluate import evaluate

pytestmark = pytest.mark.real_data


def test_the_card_is_true_on_val_random(hcd: PatchSet, shipped_victim: Victim) -> None:
    card = shipped_victim.card.details["figures"]["val_random"]
    measured = evaluate(shipped_victim, hcd.split("val_random"))
    for name in ("accuracy", "auc", "sensitivity", "specificity"):
        assert getattr(measured, name) == pytest.approx(card[name], abs=0.005), name


def test_real_patches_pass_as_tissue(hcd: PatchSet) -> None:
    split = hcd.split("val_slides")
    stopped = sum(bool(why_not_tissue(split.pixels(position))) for position in range(len(split)))
    assert stopped / len(split) <= 0.01


@pytest.fixture(scope="module")
def chosen(hcd: PatchSet, shipped_victim: Victim) -> PatchBatch:
    """The first correctly classified metastases of val_random, and masks of 12 scattered cells, 5 %, centre
    open.
    """
    cells = CellSettings(count=12, area=0.05, centre="open", placement="scattered")
    return collect(hcd.split("val_random"), shipped_victim, count=20, cells=cells, attack=AttackSettings())


def test_thirty_steps_reach_what_many_more_reach_and_controls_do_not(
    chosen: PatchBatch, shipped_victim: Victim
) -> None:
    before = margins(shipped_victim, chosen.images)
    # Three starts of 300 steps each: minutes of work that benchmarks/reference.py has done once.
    reference = (read_kept(chosen, shipped_victim.card.sha256) - before).mean()
    for step in attack(shipped_victim, chosen, AttackSettings(gamut="range", steps=30, confidence=1.0)):
        last = step
    short = (saved_margins(shipped_victim, last.best_images) - before).mean()
    assert short >= 0.95 * reference, f"{short:.3f} of {reference:.3f}"
    for seed in range(3):
        drawn = AttackSettings(gamut="range", seed=seed)
        for name, filled in control_images(chosen.images, chosen.masks, drawn).items():
            moved = (margins(shipped_victim, filled) - before).mean()
            assert short >= 3 * moved, f"{name} moves the margin by {moved:.3f}, the attack by {short:.3f}"


def test_a_reference_of_another_model_or_other_masks_fails(
    chosen: PatchBatch, shipped_victim: Victim
) -> None:
    with pytest.raises(DataError, match="Write it again, see benchmarks/reference.py"):
        read_kept(chosen, "0" * 64)
    with pytest.raises(DataError, match="20 of 20 images or masks"):
        read_kept(replace(chosen, masks=~chosen.masks), shipped_victim.card.sha256)
