from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import example, given, settings
from hypothesis import strategies as st
from scipy.optimize import linprog
from torch import nn
from torch.utils._python_dispatch import TorchDispatchMode

from benchmarks.optimisers import rule_of
from snapgui.engine.attack.gamut import StainGamut, fit_gamut, project
from snapgui.engine.attack.loop import run_attack
from snapgui.engine.attack.naturalness import fit_roughness
from snapgui.engine.attack.objectives import Targeted, Untargeted
from snapgui.engine.attack.packing import compose, flatten, pack
from snapgui.engine.attack.pool import Step
from snapgui.engine.attack.starts import start_colours
from snapgui.engine.attack.texture import fit_texture
from snapgui.engine.settings import GAMUTS, OPTIMISERS, STARTS, AttackSettings
from snapgui.engine.victim.victim import ModelCard, Victim
from snapgui.errors import SettingsError

SIZE = 24


def random_images(count: int, seed: int = 0) -> torch.Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.randint(40, 220, (count, 3, SIZE, SIZE), generator=generator) / 255


def random_masks(count: int, seed: int = 0, share: float = 0.1) -> torch.Tensor:
    generator = torch.Generator().manual_seed(seed + 1)
    masks = torch.rand(count, 1, SIZE, SIZE, generator=generator) < share
    masks[:, :, 3, 3] = True
    return masks


def attack(victim, images, masks, config: AttackSettings, objective=None, **how) -> list[Step]:
    steps = run_attack(
        victim,
        images,
        masks,
        objective=objective or Targeted(config.target),
        texture=fit_texture(config, images, masks),
        settings=config,
        optimiser=rule_of(config),
        **how,
    )
    return list(steps)


def margins(victim, images: torch.Tensor, target: int = 0) -> torch.Tensor:
    return Targeted(target).margin(victim(images))


@pytest.mark.parametrize("batch", [1, 5])
def test_linear_victim_is_driven_to_its_known_optimum(linear_victim, batch: int) -> None:
    victim = linear_victim(size_px=SIZE)
    images, masks = random_images(batch), random_masks(batch)
    config = AttackSettings(steps=30, confidence=1.0)
    last = attack(victim, images, masks, config)[-1]

    weight = victim.network[1].weight
    rise = (weight[0] - weight[1]).view(1, 3, SIZE, SIZE)
    low, high = images.amin((2, 3), keepdim=True), images.amax((2, 3), keepdim=True)
    best = torch.where(masks, torch.where(rise > 0, high, low).expand_as(images), images)
    gained = margins(victim, last.best_images) - margins(victim, images)
    possible = margins(victim, best) - margins(victim, images)
    assert (gained >= 0.99 * possible).all()
    assert (gained <= possible * 1.0001).all(), "better than the optimum: a patch left its gamut or its mask"


@settings(max_examples=25, deadline=None)
@given(
    seed=st.integers(0, 1000),
    share=st.floats(0.01, 0.5),
    gamut_name=st.sampled_from(GAMUTS),
    start=st.sampled_from(STARTS),
)
# Noise whose own stains are nearly alike, so that patches of it have channels without light.
@example(seed=515, share=0.5, gamut_name="stain", start="median")
def test_outside_the_mask_nothing_changes_and_inside_colours_are_allowed(
    linear_victim_small, seed, share, gamut_name, start
) -> None:
    images, masks = random_images(2, seed), random_masks(2, seed, share)
    config = AttackSettings(steps=4, gamut=gamut_name, start=start, seed=seed, confidence=1.0)
    last = attack(linear_victim_small, images, masks, config)[-1]
    outside = ~masks.expand_as(images)
    assert torch.equal(last.best_images[outside], images[outside])
    levels = last.best_images * 255
    assert torch.allclose(levels, levels.round(), atol=1e-3)
    packed = pack(masks)
    colours = last.best_images.permute(0, 2, 3, 1).reshape(-1, 3)[packed.places]
    gamut = fit_gamut(gamut_name, images)
    slack = 1e-6 if gamut_name in ("range", "percentile") else 1.6 / 255
    far = (colours - project(gamut, colours, packed)).abs().amax(1) > slack
    # Level 0 stands for any darker colour, so amounts cannot be read off it: whether there are any is asked.
    for colour, row in zip(colours[far], packed.rows[far], strict=True):
        assert gamut_name == "stain" and (colour == 0).any()
        assert can_be_stained(colour * 255, gamut, int(row))


def can_be_stained(levels: torch.Tensor, gamut: StainGamut, row: int) -> bool:
    """Whether some amounts within the gamut give a colour that is saved as these levels ``(3,)``."""
    level, stains = levels.double().numpy(), gamut.stains[row].T.double().numpy()
    seen = level > 0
    least = -np.log((level + 0.55) / 255)
    most = -np.log((level[seen] - 0.55) / 255)
    bounds = list(zip(gamut.low[row].tolist(), gamut.high[row].tolist(), strict=True))
    found = linprog([0, 0], np.vstack([-stains, stains[seen]]), np.concatenate([-least, most]), bounds=bounds)
    return bool(found.success)


@pytest.fixture(scope="module")
def linear_victim_small():
    torch.manual_seed(3)
    card = ModelCard("linear", "linear", input_size_px=SIZE, mean=(0.0,) * 3, std=(1.0,) * 3)
    return Victim(nn.Sequential(nn.Flatten(), nn.Linear(3 * SIZE * SIZE, 2)), card)


def test_same_seed_same_bytes_and_inputs_untouched(linear_victim_small) -> None:
    images, masks = random_images(3), random_masks(3)
    before = images.clone()
    config = AttackSettings(steps=6, start="random", seed=11, confidence=1.0)
    first, second = (attack(linear_victim_small, images, masks, config)[-1].best_images for _ in range(2))
    assert torch.equal(first, second) and torch.equal(images, before)
    other = attack(linear_victim_small, images, masks, replace(config, seed=12))[0].best_images
    assert not torch.equal(other, attack(linear_victim_small, images, masks, config)[0].best_images)


def test_a_batch_gives_what_each_image_alone_gives(linear_victim) -> None:
    victim = linear_victim(size_px=SIZE, scale=0.3)
    images, masks = random_images(4), random_masks(4)
    config = AttackSettings(steps=8)
    together = attack(victim, images, masks, config)[-1]
    for row in range(4):
        alone = attack(victim, images[row : row + 1], masks[row : row + 1], config)[-1]
        assert torch.equal(alone.best_images[0], together.best_images[row])
        assert alone.best_step[0] == together.best_step[row]


def test_stops_at_the_confidence_asked_and_not_before(linear_victim) -> None:
    victim = linear_victim(size_px=SIZE, scale=0.05)
    images, masks = random_images(1), random_masks(1, share=0.5)
    steps = attack(victim, images, masks, AttackSettings(steps=200, confidence=0.9))
    confidences = [float(step.logits.softmax(1)[0, 0]) for step in steps]
    assert confidences[-1] >= 0.9 and max(confidences[:-1], default=0) < 0.9 and not steps[-1].running.any()
    never = attack(victim, images, masks, AttackSettings(steps=12, confidence=1.0))
    assert len(never) == 13 and int(never[-1].taken[0]) == 12 and not never[-1].running.any()


def test_what_is_reported_is_what_the_victim_says_of_the_rounded_picture(linear_victim_small) -> None:
    images, masks = random_images(2), random_masks(2)
    for step in attack(linear_victim_small, images, masks, AttackSettings(steps=5, confidence=1.0)):
        p = linear_victim_small.predict(step.best_images.mul(255).round().div(255))[:, 0]
        assert torch.allclose(p, step.best_confidence, atol=1e-6)


def test_best_is_kept_when_later_steps_are_worse(linear_victim_small) -> None:
    steps = attack(
        linear_victim_small, random_images(2), random_masks(2), AttackSettings(steps=20, confidence=1.0)
    )
    best = torch.stack([step.best_confidence for step in steps])
    assert (best.diff(dim=0) >= 0).all()
    seen = torch.stack([step.logits.softmax(1)[:, 0] for step in steps])
    assert torch.allclose(best[-1], seen.amax(0))


def test_an_image_that_reached_the_goal_is_returned_as_it_reached_it(linear_victim) -> None:
    """By score alone a flat start, which has no roughness, may stand above all iterates that fool."""
    victim = linear_victim(size_px=SIZE, scale=0.05)
    # Two plain halves: a wide range, and hardly any roughness of their own.
    images, masks = random_images(6) * 0.1, random_masks(6, share=0.3)
    images[..., SIZE // 2 :] += 0.6
    images = images.mul(255).round().div(255)
    config = AttackSettings(steps=40, confidence=0.9, smoothness=3.0)
    steps = attack(victim, images, masks, config)
    reached = torch.stack([step.logits.softmax(1)[:, 0] >= 0.9 for step in steps]).any(0)
    assert reached.sum() >= 3
    assert (steps[-1].best_confidence[reached] >= 0.9).all()
    assert torch.equal(steps[-1].best_step[reached], steps[-1].taken[reached])
    assert (victim.predict(steps[-1].best_images)[reached, 0] >= 0.9).all()


@pytest.mark.parametrize("batch_size", [None, 2])
def test_nothing_is_yielded_after_the_end(linear_victim, batch_size: int | None) -> None:
    victim = linear_victim(size_px=SIZE, scale=0.05)
    images, masks = random_images(5), random_masks(5, share=0.3)
    config = AttackSettings(steps=11, confidence=0.8, restarts=1)
    steps = attack(victim, images, masks, config, batch_size=batch_size, fill_up=True)
    assert all(step.running.any() for step in steps[:-1]) and not steps[-1].running.any()


@pytest.mark.parametrize("soft_edge", [False, True])
def test_a_waiting_image_is_shown_as_its_first_pass_will_show_it(linear_victim_small, soft_edge) -> None:
    images, masks = random_images(2), random_masks(2)
    config = AttackSettings(steps=2, gamut="stain", start="random", soft_edge=soft_edge, confidence=1.0)
    steps = attack(linear_victim_small, images, masks, config, batch_size=1)
    waiting = steps[0].best_images[1]
    assert torch.equal(waiting, waiting.mul(255).round().div(255))
    entered = next(step for step in steps if step.logits[1].any())
    assert torch.equal(entered.best_images[1], waiting)


def test_untargeted_leaves_the_label(linear_victim) -> None:
    victim = linear_victim(size_px=SIZE, scale=0.2)
    images, masks = random_images(3), random_masks(3, share=0.9)
    labels = victim(images).argmax(1)
    last = attack(victim, images, masks, AttackSettings(steps=40), objective=Untargeted(labels))[-1]
    assert (victim(last.best_images).argmax(1) != labels).all()


def test_both_directions(linear_victim) -> None:
    victim = linear_victim(size_px=SIZE, scale=0.2)
    images, masks = random_images(2), random_masks(2, share=0.9)
    for target in (0, 1):
        last = attack(victim, images, masks, AttackSettings(target=target, steps=40))[-1]
        assert (victim(last.best_images).argmax(1) == target).all()


def test_start_colours(tissue: np.ndarray) -> None:
    from snapgui.engine.images import to_image

    images = to_image(tissue)[None]
    masks = torch.zeros(1, 1, 96, 96, dtype=torch.bool)
    masks[0, 0, 10:14, 10:14] = masks[0, 0, 50:54, 60:64] = True
    gamut = fit_gamut("range", images)
    median = start_colours("median", images, masks, gamut)
    assert torch.allclose(median, images[0].flatten(1).median(1).values.expand(32, 3), atol=1e-6)
    nuclear = start_colours("nuclear", images, masks, gamut)
    assert (nuclear.mean(0) < median.mean(0)).all(), "nuclei are darker than the median"
    random = start_colours("random", images, masks, gamut, seed=4)
    assert len(random.unique(dim=0)) == 2, "one colour a cell"


def test_compose_lays_colours_at_their_places() -> None:
    images, masks = random_images(2), random_masks(2)
    packed = pack(masks)
    colours = torch.arange(len(packed.places) * 3, dtype=torch.float32).view(-1, 3)
    made = compose(images, packed.places, colours)
    assert torch.equal(made.permute(0, 2, 3, 1)[masks[:, 0]], colours)
    assert torch.equal(packed.rows, masks.nonzero()[:, 0])


@pytest.mark.parametrize("optimiser", OPTIMISERS)
def test_every_rule_comes_near_the_known_optimum(linear_victim, optimiser) -> None:
    victim = linear_victim(size_px=SIZE)
    images, masks = random_images(3), random_masks(3)
    last = attack(victim, images, masks, AttackSettings(steps=60, confidence=1.0, optimiser=optimiser))[-1]
    weight = victim.network[1].weight
    rise = (weight[0] - weight[1]).view(1, 3, SIZE, SIZE)
    low, high = images.amin((2, 3), keepdim=True), images.amax((2, 3), keepdim=True)
    best = torch.where(masks, torch.where(rise > 0, high, low).expand_as(images), images)
    gained = margins(victim, last.best_images) - margins(victim, images)
    possible = margins(victim, best) - margins(victim, images)
    assert (gained >= 0.98 * possible).all() and (gained <= possible * 1.0001).all()


@pytest.mark.parametrize("optimiser", OPTIMISERS)
def test_a_small_batch_fed_from_a_pool_gives_the_same(linear_victim, optimiser) -> None:
    victim = linear_victim(size_px=SIZE, scale=0.05)
    images, masks = random_images(7), random_masks(7, share=0.3)
    config = AttackSettings(steps=12, confidence=0.8, restarts=1, start="random", optimiser=optimiser)
    whole = attack(victim, images, masks, config)
    fed = attack(victim, images, masks, config, batch_size=2)
    assert len(fed) > len(whole), "two at a time need more passes"
    assert torch.equal(fed[-1].best_colours, whole[-1].best_colours)
    assert torch.equal(fed[-1].best_step, whole[-1].best_step) and torch.equal(fed[-1].taken, whole[-1].taken)
    finished = fed[-1].best_confidence >= 0.8
    assert finished.any(), "the pool must hold images that leave early"
    waiting = [step.logits.abs().sum(1) == 0 for step in fed]
    assert waiting[0].sum() == 5 and not waiting[-1].any()


class Waits(TorchDispatchMode):
    """Counts what makes the host wait for a GPU: numbers asked for, and indices that are found by looking."""

    count = 0

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        aten = torch.ops.aten
        looked_for = func in (aten.index.Tensor, aten.index_put.default, aten.index_put_.default) and any(
            index is not None and index.dtype == torch.bool for index in args[1]
        )
        self.count += looked_for or func in (aten._local_scalar_dense.default, aten.nonzero.default)
        return func(*args, **(kwargs or {}))


@pytest.mark.parametrize("batch_size", [None, 2])
def test_a_pass_waits_for_the_device_once(linear_victim, batch_size: int | None) -> None:
    victim = linear_victim(size_px=SIZE, scale=0.01)
    images, masks = random_images(5), random_masks(5)
    config = AttackSettings(steps=9, confidence=1.0, soft_edge=True)
    seen = []
    with Waits() as waits:
        for step in run_attack(
            victim,
            images,
            masks,
            objective=Targeted(0),
            texture=fit_texture(config, images, masks),
            settings=config,
            batch_size=batch_size,
        ):
            seen.append((step.index, waits.count))
    at = dict(seen)
    assert [at[index + 1] - at[index] for index in range(1, 8)] == [1] * 7


def test_a_batch_filled_up_to_few_sizes_gives_the_same(linear_victim, monkeypatch) -> None:
    victim = linear_victim(size_px=SIZE, scale=0.01)
    images = random_images(7)
    masks = torch.cat([random_masks(1, seed=k, share=0.1 * k + 0.01) for k in range(7)])
    config = AttackSettings(steps=11, confidence=0.8)
    plain = attack(victim, images, masks, config)[-1]
    sizes = []
    forward = victim.forward
    monkeypatch.setattr(victim, "forward", lambda x: sizes.append(len(x)) or forward(x))
    filled = attack(victim, images, masks, config, fill_up=True)[-1]
    assert set(sizes) <= {1, 2, 4, 8} and len(set(sizes)) > 1
    assert torch.allclose(filled.logits, plain.logits, atol=1e-4) and torch.equal(filled.taken, plain.taken)


def test_restarts_are_made_for_images_still_standing_alone(linear_victim) -> None:
    victim = linear_victim(size_px=SIZE, scale=0.02)
    images, masks = random_images(4), random_masks(4, share=0.05)
    masks[0] = True
    config = AttackSettings(steps=5, restarts=2, confidence=0.9)
    steps = attack(victim, images, masks, config)
    assert steps[-1].best_confidence[0] >= 0.9 and (steps[-1].best_confidence[1:] < 0.9).all()
    assert steps[-1].taken[0] < 5 and (steps[-1].taken[1:] == 15).all() and len(steps) == 18
    once = attack(victim, images, masks, replace(config, restarts=0))[-1]
    assert (steps[-1].best_confidence >= once.best_confidence).all()
    second = next(step for step in steps if step.index == 6)
    assert not torch.equal(second.logits[1], steps[0].logits[1]), "a restart begins elsewhere"


@pytest.mark.parametrize("optimiser", OPTIMISERS)
def test_a_round_is_what_an_attack_from_its_colours_would_be(optimiser) -> None:
    """`halving` held each later round against the best of all: it fell back to its start at every halving."""
    torch.manual_seed(0)
    network = nn.Sequential(nn.Conv2d(3, 8, 5), nn.Tanh(), nn.Flatten(), nn.Linear(8 * 20 * 20, 2))
    victim = Victim(network, ModelCard("bent", "none", input_size_px=SIZE))
    images, masks = random_images(3), random_masks(3)
    config = AttackSettings(steps=30, confidence=1.0, restarts=1, optimiser=optimiser)
    both = attack(victim, images, masks, config)
    alone = attack(victim, images, masks, replace(config, restarts=0, start="random", seed=config.seed + 1))
    assert len(both) == 2 * len(alone)
    for second, only in zip(both[len(alone) :], alone, strict=True):
        assert torch.equal(second.logits, only.logits)


@pytest.mark.parametrize("optimiser", ["adam", "halving"])
def test_a_rule_of_earlier_records_is_read_and_not_repeated(linear_victim, optimiser) -> None:
    config = AttackSettings.from_json(AttackSettings(optimiser=optimiser).to_json())
    assert config.optimiser == optimiser
    images, masks = random_images(1), random_masks(1)
    steps = run_attack(
        linear_victim(size_px=SIZE),
        images,
        masks,
        objective=Targeted(0),
        texture=fit_texture(config, images, masks),
        settings=config,
    )
    with pytest.raises(SettingsError, match=f"“{optimiser}” is in records .* Set the optimiser to “sign”"):
        next(steps)


def test_smoothness_makes_a_patch_smoother_than_without(linear_victim) -> None:
    victim = linear_victim(size_px=SIZE)
    images, masks = random_images(2), random_masks(2, share=0)
    masks[:, :, 4:16, 4:16] = True
    measure = fit_roughness(images, pack(masks))
    everything = torch.arange(int(masks.sum()))
    found = [
        measure(
            attack(victim, images, masks, AttackSettings(steps=30, confidence=1.0, smoothness=weight))[
                -1
            ].best_colours,
            everything,
        )
        for weight in (0.0, 10.0, 100.0)
    ]
    assert (found[1] < found[0]).all() and (found[2] < 0.5 * found[0]).all()


def test_roughness_is_that_of_the_definition() -> None:
    images = torch.rand(1, 3, SIZE, SIZE, generator=torch.Generator().manual_seed(2))
    masks = torch.ones(1, 1, SIZE, SIZE, dtype=torch.bool)
    measure = fit_roughness(images, pack(masks))
    everything = torch.arange(SIZE * SIZE)
    assert measure(torch.full((SIZE * SIZE, 3), 0.3), everything)[0] == 0
    assert measure(flatten(images), everything)[0] < 0.4, (
        "noise of the image's own deviation exceeds itself by little"
    )
    chess = ((torch.arange(SIZE)[:, None] + torch.arange(SIZE)) % 2).float().flatten()[:, None].expand(-1, 3)
    # Uniform noise has a deviation of 0.289, so a step of 1 is 3.46 of them.
    assert measure(chess, everything)[0] == pytest.approx(1 / 0.289 - 2**0.5, rel=0.1)


def test_soft_edge_keeps_half_of_the_rim(linear_victim) -> None:
    victim = linear_victim(size_px=SIZE)
    images, masks = random_images(1), random_masks(1, share=0)
    masks[:] = False
    masks[:, :, 5:10, 5:10] = True
    last = attack(victim, images, masks, AttackSettings(steps=10, confidence=1.0, soft_edge=True))[-1]
    weight = victim.network[1].weight
    rise = (weight[0] - weight[1]).view(1, 3, SIZE, SIZE)
    low, high = images.amin((2, 3), keepdim=True), images.amax((2, 3), keepdim=True)
    end = torch.where(rise > 0, high, low)
    inner = torch.zeros_like(masks)
    inner[:, :, 6:9, 6:9] = True
    expected = torch.where(masks, torch.where(inner, end, (images + end) / 2), images)
    assert (last.best_images - expected).abs().max() <= 0.51 / 255
