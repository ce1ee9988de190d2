"""The same on every kind of device that is there: the processor always, a GPU where there is one."""

import copy
from collections.abc import Callable

import pytest
import torch

from snapgui.engine.attack.loop import Step, run_attack
from snapgui.engine.attack.objectives import Targeted
from snapgui.engine.attack.texture import fit_texture
from snapgui.engine.attack.universal import apply_canvas, fit_shared, train_universal
from snapgui.engine.settings import AttackSettings, UniversalSettings
from snapgui.engine.victim.rectifiers import leaking
from snapgui.engine.victim.victim import ModelCard, Victim
from snapgui.training.networks import build_network
from snapgui.training.settings import TrainSettings
from snapgui.training.student import Student, make_rule

DEVICES = ["cpu", *(["cuda"] if torch.cuda.is_available() else [])]
SIZE = 24


@pytest.fixture(params=DEVICES)
def device(request: pytest.FixtureRequest) -> torch.device:
    return torch.device(request.param)


@pytest.fixture
def images() -> torch.Tensor:
    return torch.randint(40, 220, (5, 3, SIZE, SIZE), generator=torch.Generator().manual_seed(0)) / 255


@pytest.fixture
def masks() -> torch.Tensor:
    return torch.rand(5, 1, SIZE, SIZE, generator=torch.Generator().manual_seed(1)) < 0.1


@pytest.fixture(scope="module")
def residual() -> Victim:
    """A ResNet50 of random weights at 32 px, on the processor."""
    torch.manual_seed(0)
    return Victim(build_network("resnet50").eval(), ModelCard("fresh", "resnet50", input_size_px=32))


def gradient(victim: Victim, images: torch.Tensor, leak: float | None) -> tuple[torch.Tensor, torch.Tensor]:
    """Logits, and the gradient of their margin for the pixels, both on the processor."""
    free = images.to(victim.mean.device).requires_grad_()
    with leaking(None if leak is None else torch.full((len(free),), leak, device=free.device)):
        logits = victim(free)
    return logits.detach().cpu(), torch.autograd.grad((logits[:, 0] - logits[:, 1]).sum(), free)[0].cpu()


@pytest.mark.parametrize("leak", [None, 0.6])
def test_logits_and_gradients_agree_with_the_processors(
    device, images, residual: Victim, leak, monkeypatch
) -> None:
    # Of shorter fractions a gradient through fifty layers of random weights differs by some per cent.
    monkeypatch.setattr(torch.backends.cudnn, "allow_tf32", False)
    there = copy.deepcopy(residual).to(device)
    for found, wanted in zip(gradient(there, images, leak), gradient(residual, images, leak), strict=True):
        assert (found - wanted).norm() <= 0.02 * wanted.norm()


def attack(
    victim: Victim,
    images: torch.Tensor,
    masks: torch.Tensor,
    settings: AttackSettings,
    at_once: int | None,
) -> list[Step]:
    return list(
        run_attack(
            victim,
            images,
            masks,
            objective=Targeted(0),
            texture=fit_texture(settings, images, masks),
            settings=settings,
            batch_size=at_once,
        )
    )


@pytest.mark.parametrize("at_once", [None, 2])
def test_the_attack_finds_the_known_optimum_in_whole_levels_and_touches_nothing_else(
    device, images, masks, linear_victim: Callable[..., Victim], at_once: int | None
) -> None:
    victim = linear_victim(size_px=SIZE).to(device)
    images, masks = images.to(device), masks.to(device)
    settings = AttackSettings(steps=40, confidence=1.0)
    found = attack(victim, images, masks, settings, at_once)[-1].best_images
    outside = ~masks.expand_as(images)
    assert torch.equal(found[outside], images[outside])
    assert (found * 255 - (found * 255).round()).abs().max() < 1e-3
    weight = victim.network[1].weight
    rise = (weight[0] - weight[1]).view(1, 3, SIZE, SIZE)
    low, high = images.amin((2, 3), keepdim=True), images.amax((2, 3), keepdim=True)
    best = torch.where(masks, torch.where(rise > 0, high, low).expand_as(images), images)
    reached, possible, before = (Targeted(0).margin(victim(x)) for x in (found, best, images))
    assert (reached - before).sum() >= 0.97 * (possible - before).sum()


def test_a_reached_goal_ends_the_attack_and_holds_in_float32(device, images, masks, residual: Victim) -> None:
    victim = copy.deepcopy(residual).to(device)
    images, masks = images[:3].to(device), masks[:3].to(device)
    goal = max(0.5, float(victim.predict(images)[:, 0].max()) + 0.01)
    steps = attack(victim, images, masks, AttackSettings(steps=8, confidence=goal), 2)
    last = steps[-1]
    assert not last.running.any()
    p = victim.predict(last.best_images)[:, 0]
    torch.testing.assert_close(p, last.best_confidence, atol=0.02, rtol=0)


def test_one_patch_for_all_is_the_same_but_for_rounding(device, images, masks, linear_victim) -> None:
    gained = []
    for where in (torch.device("cpu"), device):
        victim = linear_victim(size_px=SIZE).to(where)
        own, mask = images.to(where), masks[:1].to(where)
        settings = UniversalSettings(epochs=4, batch_size=5)
        for step in train_universal(victim, own, mask, objective=Targeted(0), settings=settings):
            last = step
        patched = apply_canvas(own, last.canvas, fit_shared(settings, own, mask.expand(5, -1, -1, -1)))
        with torch.no_grad():
            gained.append(float(Targeted(0).margin(victim(patched)).mean()))
    assert gained[0] == pytest.approx(gained[1], rel=0.02, abs=0.05)


def test_a_student_sees_the_same_views_and_learns_on_every_device(device) -> None:
    pixels = torch.randint(0, 256, (4, 3, 96, 96), generator=torch.Generator().manual_seed(2)).byte()
    labels = torch.tensor([0, 1, 0, 1])
    settings = TrainSettings(init="random", input_size_px=32, batch_size=4)
    torch.manual_seed(0)
    student = Student(settings).to(device)
    seen = [
        copy.deepcopy(student)
        .to(where)
        .views(pixels.to(where), cropped=False, generator=torch.Generator().manual_seed(3))
        .cpu()
        for where in (torch.device("cpu"), device)
    ]
    torch.testing.assert_close(seen[0], seen[1], atol=2e-3, rtol=0)
    rule, schedule = make_rule(student, steps=20)
    student.train()
    losses = []
    for _ in range(5):
        with torch.autocast(device.type, torch.bfloat16, enabled=device.type == "cuda"):
            loss = student.loss(seen[1].to(device), labels.to(device), cropped=False)
        rule.zero_grad()
        loss.backward()
        rule.step()
        schedule.step()
        losses.append(float(loss))
    assert losses[-1] < 0.5 * losses[0]
