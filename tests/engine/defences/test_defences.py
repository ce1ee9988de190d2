"""Each defence: what it does to a picture, its gradient, and that a random one is drawn anew."""

import numpy as np
import pytest
import torch
from torch import nn

from snapgui.engine.attack.objectives import Untargeted
from snapgui.engine.attack.random_search import search_at_random
from snapgui.engine.controls import Alteration, attack_steps
from snapgui.engine.defences.catalogue import DEFENCE_WORDS
from snapgui.engine.defences.defended import Defended
from snapgui.engine.defences.filters import BitDepth, Gaussian, Jpeg, Median, ShiftVote, TotalVariation
from snapgui.engine.defences.named import defence_of
from snapgui.engine.defences.votes import NucleiDropout, PatchCleanser
from snapgui.engine.images import to_image
from snapgui.engine.settings import AttackSettings
from snapgui.engine.victim.victim import ModelCard, Victim
from snapgui.errors import ModelError, SettingsError

CHANCE = torch.Generator().manual_seed(0)


class Seen(Victim):
    """Remembers the pictures that it is shown; its logits are smooth in every pixel."""

    def __init__(self) -> None:
        torch.manual_seed(0)
        # Some defences look at a first convolution.
        net = nn.Sequential(nn.Conv2d(3, 3, 1), nn.AvgPool2d(8), nn.Flatten(), nn.Linear(3 * 12 * 12, 2))
        super().__init__(net, ModelCard("seen", "none", input_size_px=96, mean=(0, 0, 0), std=(1, 1, 1)))
        self.pictures: list[torch.Tensor] = []

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        self.pictures.append(images.detach())
        return super().forward(images)


@pytest.fixture
def images(tissue: np.ndarray) -> torch.Tensor:
    return torch.stack([to_image(tissue), to_image(np.rot90(tissue).copy())])


def seen_by(defence, images: torch.Tensor) -> list[torch.Tensor]:
    victim = Seen()
    defence(victim, images, CHANCE)
    return victim.pictures


def test_filters_do_what_they_are_called(images) -> None:
    (median,) = seen_by(Median(3), images)
    window = images[0, 1, 30:33, 40:43]
    assert median[0, 1, 31, 41] == window.median()
    (few,) = seen_by(BitDepth(2), images)
    assert len(few.unique()) <= 4
    (blurred,) = seen_by(Gaussian(1.5), images)
    calm = seen_by(TotalVariation(0.1), images)[0]
    for smooth in (blurred, calm):
        assert smooth.diff(dim=3).abs().mean() < 0.7 * images.diff(dim=3).abs().mean()
        assert (smooth.mean() - images.mean()).abs() < 0.01
    (stored,) = seen_by(Jpeg(30), images)
    assert 0.001 < (stored - images).abs().mean() < 0.1
    shifts = seen_by(ShiftVote(1), images)
    assert len(shifts) == 9 and torch.equal(shifts[4], images)
    assert torch.equal(shifts[0][..., 1:, 1:], images[..., :-1, :-1])


@pytest.mark.parametrize("defence", [Jpeg(50), BitDepth(3), TotalVariation(0.05)], ids=lambda d: d.name)
def test_what_has_no_gradient_is_passed_straight_through(images, defence) -> None:
    victim = Seen()
    free = images.clone().requires_grad_()
    (through,) = torch.autograd.grad(defence(victim, free, CHANCE)[:, 0].sum(), free)
    filtered = victim.pictures[-1].clone().requires_grad_()
    (own,) = torch.autograd.grad(Seen()(filtered)[:, 0].sum(), filtered)
    assert torch.allclose(through, own, atol=1e-6), "not the gradient at the filtered picture"


# A long step moves some medians to another pixel; votes are counted in single precision.
@pytest.mark.parametrize(
    ("defence", "step"),
    [(Median(3), 1e-8), (Gaussian(1.0), 1e-6), (ShiftVote(1), 1e-3)],
    ids=["median", "gaussian", "shift"],
)
def test_what_has_a_gradient_has_the_right_one(images, defence, step: float) -> None:
    victim = Seen().double()
    # Values of 8 bits have ties, where a median has a gradient on each side.
    noise = torch.rand(images[:1].shape, generator=torch.Generator().manual_seed(2)) * 0.05
    free = (images[:1] + noise).double().requires_grad_()
    (gradient,) = torch.autograd.grad(defence(victim, free, CHANCE)[0, 0], free)
    direction = torch.randn(free.shape, generator=torch.Generator().manual_seed(1), dtype=torch.double)
    with torch.no_grad():
        up, down = (defence(victim, free + sign * step * direction, CHANCE)[0, 0] for sign in (1, -1))
    slope = float(up - down) / (2 * step)
    assert float((gradient * direction).sum()) == pytest.approx(slope, rel=0.02, abs=1e-4)


def test_hidden_nuclei_are_drawn_anew_and_scoring_is_the_same_each_time(images) -> None:
    pictures = seen_by(NucleiDropout(0.5, 4), images)
    changed = [(shown != images).any(1).float().mean().item() for shown in pictures]
    assert len(set(changed)) > 1 and all(0.02 < share < 0.4 for share in changed)
    free = images.clone().requires_grad_()
    defence, victim = NucleiDropout(0.9, 2), Seen()
    (gradient,) = torch.autograd.grad(defence(victim, free, CHANCE)[:, 0].sum(), free)
    always = torch.stack([(shown != images).any(1) for shown in victim.pictures]).all(0)
    assert always.any() and not gradient.abs().sum(1)[always].any(), "hidden pixels pull"
    assert gradient.abs().sum(1)[~always].all()
    behind = Defended(Seen(), NucleiDropout(0.5, 2))
    first = behind.predict(images)
    assert torch.equal(first, behind.predict(images)) and torch.allclose(first.sum(1), torch.ones(2))
    assert torch.allclose(first[:1], behind.predict(images[:1])), "who is beside an image changes its answer"
    with torch.no_grad():
        assert not torch.equal(behind(images), behind(images)), "an attack sees the same draw each time"
        mean = Defended(victim := Seen(), NucleiDropout(0.5, 4), expectation=10)(images)
    assert mean.shape == (2, 2) and mean.isfinite().all()
    assert len(victim.pictures) == 12, "three answers of four draws are ten or more"


def test_one_patch_is_cleansed_and_many_are_not() -> None:
    """A victim that any bright spot turns: one spot lies under a mask, spots all over never do."""

    class Spots(nn.Module):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            bright = (x.mean(1) > 0.9).flatten(1).sum(1).float()
            return torch.stack([bright - 0.5, 0.5 - bright], dim=1)

    victim = Victim(Spots(), ModelCard("spots", "none", input_size_px=96, mean=(0, 0, 0), std=(1, 1, 1)))
    behind = Defended(victim, PatchCleanser(4))
    clean = torch.full((1, 3, 96, 96), 0.2)
    one, many = clean.clone(), clean.clone()
    one[..., 40:48, 50:58] = 1
    for y in range(4, 96, 24):
        for x in range(4, 96, 24):
            many[..., y : y + 4, x : x + 4] = 1
    answers = [int(behind.predict(picture).argmax()) for picture in (clean, one, many)]
    assert answers == [1, 1, 0] and int(victim.predict(one).argmax()) == 0
    masks = PatchCleanser(4).masks(96)
    for top in range(0, 73, 3):
        for left in range(0, 73, 3):
            assert masks[:, 0, top : top + 24, left : left + 24].flatten(1).all(1).any()


def test_every_defence_answers_and_can_be_named(images) -> None:
    for words in (*DEFENCE_WORDS, "jpeg:50", "median:5", "tv:0.1", "nuclei:0.3"):
        defence = defence_of(words)
        p = Defended(Seen(), defence).predict(images)
        assert p.shape == (2, 2) and torch.allclose(p.sum(1), torch.ones(2), atol=1e-5), defence.name
    for words, sentence in (
        ("prayer", "choose from jpeg"),
        ("jpeg:200", "from 1 to 100"),
        ("median:4", "an odd number"),
        ("bits:few", "from 1 to 8"),
    ):
        with pytest.raises(SettingsError, match=sentence):
            defence_of(words)

    class Short:
        name, draws = "short", 0

        def __call__(self, victim, images, chance):
            return victim(images)[:, :1]

    with pytest.raises(ModelError, match=r"The defence short answered \(2, 1\) for 2 images"):
        Defended(Seen(), Short())(images)


def test_more_steps_an_unbounded_patch_and_no_gradient(images, linear_victim) -> None:
    """The rules that every evaluation must keep: more steps never help the defender, a patch without bounds
    always wins, and a search without gradients never beats the gradient.
    """
    victim = linear_victim(scale=0.02)
    behind = Defended(victim, Gaussian(1.0))
    labels = behind.predict(images).argmax(1)
    aim = Untargeted(labels)
    masks = torch.zeros(2, 1, 96, 96, dtype=torch.bool)
    masks[..., 20:50, 20:50] = True

    def margin_after(steps: int, where: torch.Tensor, free: bool) -> torch.Tensor:
        settings = AttackSettings(steps=steps, confidence=1.0)
        kind = Alteration("attack", settings, "", free, 2 / 255)
        *_, last = attack_steps(behind, images, where, kind, objective=aim, batch_size=2)
        return aim.margin(behind(last.best_images)).detach()

    few, many = margin_after(2, masks, False), margin_after(20, masks, False)
    assert (many >= few - 1e-4).all()
    whole = margin_after(20, torch.ones_like(masks), True)
    assert (whole > 0).all(), "a patch of the whole picture in any colour does not fool it"
    settings = AttackSettings(steps=20, confidence=1.0)
    found = search_at_random(behind, images, masks, objective=aim, settings=settings, queries=60)
    searched = aim.margin(behind(found.images))
    start = search_at_random(behind, images, masks, objective=aim, settings=settings, queries=1)
    assert (searched <= many + 1e-3).all() and (searched > aim.margin(behind(start.images))).all()
    assert ((found.images != images).any(1, keepdim=True) <= masks).all()
    assert torch.equal((found.images * 255).round(), found.images * 255) or torch.allclose(
        found.images * 255, (found.images * 255).round(), atol=1e-3
    )


@pytest.mark.parametrize("texture", ["retouch", "nucleus"])
def test_a_search_by_scores_moves_every_texture(images, texture: str) -> None:
    victim = Seen()
    aim = Untargeted(victim.predict(images).argmax(1))
    masks = torch.zeros(2, 1, 96, 96, dtype=torch.bool)
    masks[..., 4:16, 4:16] = masks[..., 34:46, 34:46] = True
    settings = AttackSettings(texture=texture, bound=0.6 if texture == "retouch" else 2.0)
    one, some = (
        search_at_random(victim, images, masks, objective=aim, settings=settings, queries=queries)
        for queries in (1, 40)
    )
    assert (aim.margin(victim(some.images)) > aim.margin(victim(one.images))).any()
    assert (some.queries <= 40).all() and ((some.images != images).any(1, keepdim=True) <= masks).all()
