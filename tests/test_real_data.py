"""On real patches, where SNAP_HCD_DIR names them: the shipped model is what its card says, and the attack is
strong.
"""

import numpy as np
import pytest
import torch

from snapgui.data.datasets import PatchSet
from snapgui.engine.attack.gamut import fit_gamut
from snapgui.engine.attack.loop import run_attack
from snapgui.engine.attack.objectives import Targeted
from snapgui.engine.attack.starts import start_colours
from snapgui.engine.cells.outlines import draw_mask
from snapgui.engine.cells.proposals import propose_cells
from snapgui.engine.controls import control_images
from snapgui.engine.images import decode_pixels, encode_png, to_image, to_pixels
from snapgui.engine.settings import AttackSettings, CellSettings
from snapgui.engine.victim.victim import Victim
from snapgui.errors import MaskError
from snapgui.training.evaluate import evaluate

pytestmark = pytest.mark.real_data
COUNT = 20


def test_the_card_is_true_on_val_random(hcd: PatchSet, shipped_victim: Victim) -> None:
    card = shipped_victim.card.details["figures"]["val_random"]
    measured = evaluate(shipped_victim, hcd.split("val_random"))
    for name in ("accuracy", "auc", "sensitivity", "specificity"):
        assert getattr(measured, name) == pytest.approx(card[name], abs=0.005), name


@pytest.fixture(scope="module")
def chosen(hcd: PatchSet, shipped_victim: Victim) -> tuple[torch.Tensor, torch.Tensor]:
    """The first correctly classified metastases of val_random, and masks of 12 scattered cells, 5 %, centre
    open.
    """
    patches = hcd.split("val_random")
    images, masks = [], []
    for index in np.flatnonzero(patches.labels == 1):
        pixels = patches.pixels(int(index))
        if shipped_victim.predict(to_image(pixels)[None])[0, 1] <= 0.5:
            continue
        try:
            cells = propose_cells(
                pixels, CellSettings(count=12, area=0.05, centre="open", placement="scattered")
            )
        except MaskError:
            continue
        images.append(to_image(pixels))
        masks.append(torch.from_numpy(draw_mask(cells, (96, 96)))[None])
        if len(images) == COUNT:
            return torch.stack(images), torch.stack(masks)
    raise AssertionError("too few metastases")


def margins(victim: Victim, images: torch.Tensor) -> torch.Tensor:
    with torch.no_grad():
        return Targeted(0).margin(victim(images))


def gain(
    victim: Victim, images: torch.Tensor, masks: torch.Tensor, starts: list[tuple[str, int]], *, steps: int
) -> torch.Tensor:
    """How far the metastasis margin of each image falls from each start ``(S, B)``, measured on the saved
    8-bit pictures.

    All starts are one batch: a large batch costs the least an image.
    """
    gamut = fit_gamut("range", images)
    colours = torch.cat([start_colours(start, images, masks, gamut, seed=seed) for start, seed in starts])
    images, masks = images.repeat(len(starts), 1, 1, 1), masks.repeat(len(starts), 1, 1, 1)
    settings = AttackSettings(gamut="range", steps=steps, confidence=1.0)
    for step in run_attack(
        victim,
        images,
        masks,
        objective=Targeted(0),
        gamut=fit_gamut("range", images),
        start=colours,
        settings=settings,
    ):
        last = step
    saved = torch.stack([to_image(decode_pixels(encode_png(to_pixels(image)))) for image in last.best_images])
    return (margins(victim, saved) - margins(victim, images)).view(len(starts), -1)


def test_thirty_steps_reach_what_many_more_reach_and_controls_do_not(chosen, shipped_victim: Victim) -> None:
    images, masks = chosen
    short = gain(shipped_victim, images, masks, [("median", 0)], steps=30)[0]
    long = gain(shipped_victim, images, masks, [("median", 0), ("random", 1), ("random", 2)], steps=300)
    reference = long.amax(0).mean()
    assert short.mean() >= 0.95 * reference, f"{short.mean():.3f} of {reference:.3f}"
    before = margins(shipped_victim, images)
    for seed in range(3):
        for name, filled in control_images(images, masks, fit_gamut("range", images), seed=seed).items():
            moved = (margins(shipped_victim, filled) - before).mean()
            assert short.mean() >= 3 * moved, (
                f"{name} moves the margin by {moved:.3f}, the attack by {short.mean():.3f}"
            )
