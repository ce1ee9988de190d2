import threading
from dataclasses import replace

import pytest
import torch
from torch import nn

from snapgui.engine.attack.loop import run_attack
from snapgui.engine.attack.objectives import Targeted
from snapgui.engine.attack.texture import fit_texture
from snapgui.engine.settings import AttackSettings
from snapgui.engine.victim.rectifiers import (
    FADED,
    Rectifier,
    fading_slopes,
    leak_at_once,
    leak_in_runs,
    leaking,
)
from snapgui.engine.victim.victim import ModelCard, Victim

SIZE = 16


@pytest.fixture
def rectified() -> Victim:
    """Two rectified layers, of which the first works in place."""
    torch.manual_seed(3)
    network = nn.Sequential(
        nn.Conv2d(3, 8, 3, padding=1),
        nn.ReLU(inplace=True),
        nn.Conv2d(8, 8, 3, stride=2),
        nn.ReLU(),
        nn.Flatten(),
        nn.Linear(392, 2),
    )
    return Victim(network, ModelCard("rectified", "none", input_size_px=SIZE))


def pictures(count: int) -> torch.Tensor:
    return torch.randint(0, 256, (count, 3, SIZE, SIZE), generator=torch.Generator().manual_seed(5)) / 255


def gradient(victim: Victim, images: torch.Tensor, slopes: torch.Tensor | None) -> torch.Tensor:
    free = images.clone().requires_grad_()
    with leaking(slopes):
        logits = victim(free)
    return torch.autograd.grad((logits[:, 0] - logits[:, 1]).sum(), free)[0]


def by_hand(victim: Victim, images: torch.Tensor, slope: float) -> torch.Tensor:
    """The same network with leaks written as sums: what a rectifier answers, plus ``slope`` times a zero that
    has a gradient.
    """
    first, _, second, _, flat, head = victim.network
    free = images.clone().requires_grad_()
    values = (free - victim.mean) / victim.std
    for layer in (first, second):
        values = layer(values)
        shut = values.clamp(max=0)
        values = values.clamp(min=0) + slope * (shut - shut.detach())
    logits = head(flat(values))
    return torch.autograd.grad((logits[:, 0] - logits[:, 1]).sum(), free)[0]


@pytest.mark.parametrize("slope", [0.0, 0.3, 1.0])
def test_shut_rectifiers_pass_their_share_of_the_gradient(rectified, slope: float) -> None:
    images = pictures(3)
    found = gradient(rectified, images, torch.full((3,), slope))
    torch.testing.assert_close(found, by_hand(rectified, images, slope), rtol=1e-4, atol=1e-6)


def test_no_slope_is_the_plain_gradient_and_no_slope_changes_an_answer(rectified) -> None:
    images = pictures(2)
    assert sum(isinstance(part, Rectifier) for part in rectified.network.modules()) == 2
    plain = gradient(rectified, images, None)
    assert torch.equal(plain, gradient(rectified, images, torch.zeros(2)))
    assert not torch.allclose(plain, gradient(rectified, images, torch.full((2,), 0.6)))
    with leaking(torch.full((2,), 0.6)):
        leaky, predicted = rectified(images), rectified.predict(images)
    assert torch.equal(leaky, rectified(images))
    assert torch.equal(predicted, rectified.predict(images))


def test_each_image_has_a_slope_of_its_own(rectified) -> None:
    images, slopes = pictures(5), torch.tensor([0.6, 0.6, 0.0, 0.2, 0.6])
    together = gradient(rectified, images, slopes)
    for index in range(5):
        alone = gradient(rectified, images[index : index + 1], slopes[index : index + 1])
        torch.testing.assert_close(together[index : index + 1], alone, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("layout", [torch.contiguous_format, torch.channels_last])
def test_both_ways_to_leak_agree(layout: torch.memory_format) -> None:
    values, answer = (torch.randn(6, 4, 5, 5).contiguous(memory_format=layout) for _ in range(2))
    slopes = torch.tensor([0.5, 0.5, 0.25, 0.0, 0.0, 0.5])
    assert torch.equal(
        leak_at_once(values, answer.relu(), slopes), leak_in_runs(values, answer.relu(), slopes)
    )


def test_another_thread_does_not_leak(rectified) -> None:
    images, found = pictures(2), []
    with leaking(torch.full((2,), 0.6)):
        thread = threading.Thread(target=lambda: found.append(gradient_as_it_comes(rectified, images)))
        thread.start()
        thread.join()
        here = gradient_as_it_comes(rectified, images)
    assert torch.equal(found[0], gradient(rectified, images, None))
    assert not torch.allclose(found[0], here)


def gradient_as_it_comes(victim: Victim, images: torch.Tensor) -> torch.Tensor:
    free = images.clone().requires_grad_()
    logits = victim(free)
    return torch.autograd.grad((logits[:, 0] - logits[:, 1]).sum(), free)[0]


def test_leaks_fade_and_end() -> None:
    slopes = fading_slopes(0.6, torch.arange(FADED + 3))
    assert slopes[0] == pytest.approx(0.6)
    assert (slopes[:FADED].diff() < 0).all()
    assert (slopes[FADED:] == 0).all()


def final(victim: Victim, settings: AttackSettings, *, count: int, **how) -> torch.Tensor:
    images = pictures(count)
    masks = torch.rand(count, 1, SIZE, SIZE, generator=torch.Generator().manual_seed(1)) < 0.2
    for step in run_attack(
        victim,
        images,
        masks,
        objective=Targeted(0),
        texture=fit_texture(settings, images, masks),
        settings=settings,
        **how,
    ):
        last = step
    return last.best_images


@pytest.mark.parametrize("fill_up", [False, True])
@pytest.mark.parametrize("restarts", [0, 1])
def test_an_image_leaks_by_its_own_steps_whoever_is_beside_it(
    rectified, fill_up: bool, restarts: int
) -> None:
    settings = AttackSettings(steps=12, confidence=0.99, restarts=restarts)
    together = final(rectified, settings, count=7)
    fed = final(rectified, settings, count=7, batch_size=3, fill_up=fill_up)
    assert (fed - together).abs().max() <= 1 / 255 + 1e-6


def test_the_attack_leaks_by_default_and_can_be_told_not_to(rectified) -> None:
    settings = AttackSettings(steps=3, confidence=1.0)
    assert not torch.equal(
        final(rectified, settings, count=4), final(rectified, replace(settings, leak=0.0), count=4)
    )
