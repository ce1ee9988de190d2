import itertools

import numpy as np
import pytest
import torch

from snapgui.engine.attack.gamut import fit_gamut, project
from snapgui.engine.attack.objectives import Targeted
from snapgui.engine.attack.packing import flatten, pack
from snapgui.engine.attack.universal import (
    apply_canvas,
    fit_shared,
    new_canvas,
    random_canvas,
    train_universal,
)
from snapgui.engine.images import to_image
from snapgui.engine.settings import GAMUTS, UniversalSettings
from snapgui.errors import SettingsError

SIZE = 24


def some_images(count: int, seed: int = 0) -> torch.Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.randint(60, 200, (count, 3, SIZE, SIZE), generator=generator) / 255


def one_mask() -> torch.Tensor:
    mask = torch.zeros(1, 1, SIZE, SIZE, dtype=torch.bool)
    mask[..., 4:12, 6:14] = True
    return mask


def symmetric_victim(linear_victim):
    """Brightness anywhere speaks for class 0: turning an image changes nothing."""
    victim = linear_victim(size_px=SIZE)
    weight = victim.network[1].weight
    weight.zero_()
    weight[0] = 0.02
    return victim


def margins(victim, images: torch.Tensor) -> torch.Tensor:
    return Targeted(0).margin(victim(images))


def lay(images: torch.Tensor, masks: torch.Tensor, canvas: torch.Tensor, settings) -> torch.Tensor:
    return apply_canvas(images, canvas, fit_shared(settings, images, masks))


def test_one_patch_reaches_the_optimum_that_all_images_share(linear_victim) -> None:
    victim = symmetric_victim(linear_victim)
    victim.network[1].bias[0] = -100
    images, mask = some_images(12), one_mask()
    settings = UniversalSettings(epochs=20, batch_size=4, confidence=0.999)
    steps = list(train_universal(victim, images, mask, objective=Targeted(0), settings=settings))
    assert len(steps) == 60 and steps[-1].loss < steps[0].loss
    held_out = some_images(6, seed=9)
    patched = lay(held_out, mask.expand(6, -1, -1, -1), steps[-1].canvas, settings)
    best = torch.where(mask, held_out.amax((2, 3), keepdim=True), held_out)
    gained, possible = (margins(victim, x) - margins(victim, held_out) for x in (patched, best))
    assert (gained > 0.97 * possible).all() and (gained <= possible * 1.001).all()


@pytest.mark.parametrize("name", GAMUTS)
def test_a_canvas_gives_each_image_colours_of_its_own_gamut_inside_its_mask(name) -> None:
    images = torch.stack([some_images(1)[0] * 0.4, some_images(1, seed=1)[0]]).mul(255).round().div(255)
    masks = torch.cat([one_mask(), one_mask().flip(3)])
    gamut = fit_gamut(name, images)
    settings = UniversalSettings(gamut=name, seed=3)
    patched = lay(images, masks, new_canvas(masks, settings), settings)
    outside = ~masks.expand_as(images)
    assert torch.equal(patched[outside], images[outside])
    packed = pack(masks)
    colours = flatten(patched)[packed.places]
    assert (project(gamut, colours, packed) - colours).abs().max() <= (
        1e-6 if name in ("range", "percentile") else 1.6 / 255
    )
    assert np.allclose(patched * 255, (patched * 255).round(), atol=1e-3)


def test_solved_images_stop_pulling_and_the_same_seed_gives_the_same_canvas(linear_victim) -> None:
    victim = symmetric_victim(linear_victim)
    images, masks = some_images(8), one_mask().expand(8, -1, -1, -1)
    settings = UniversalSettings(epochs=4, batch_size=4, seed=5, confidence=0.5)
    first, second = (
        [step for step in train_universal(victim, images, masks, objective=Targeted(0), settings=settings)]
        for _ in range(2)
    )
    assert torch.equal(first[-1].canvas, second[-1].canvas)
    assert first[0].loss == 0 and first[0].success == 1, "bright images are class 0 already"
    assert torch.equal(first[-1].canvas, first[0].canvas)


@pytest.mark.parametrize(("count", "batch_size"), [(10, 32), (10, 4), (8, 4)])
def test_each_image_is_seen_once_an_epoch(linear_victim, monkeypatch, count: int, batch_size: int) -> None:
    victim = symmetric_victim(linear_victim)
    # Each image is known by its corner, where no patch lies; turning and mirroring bring four of them there.
    images = some_images(count)
    for index, image in enumerate(images):
        image[:, [0, 0, -1, -1], [0, -1, 0, -1]] = index / 255
    seen = []
    forward = victim.forward
    monkeypatch.setattr(
        victim, "forward", lambda x: seen.append(x[:, 0, 0, 0].mul(255).round().int().tolist()) or forward(x)
    )
    settings = UniversalSettings(epochs=5, batch_size=batch_size)
    steps = list(train_universal(victim, images, one_mask(), objective=Targeted(0), settings=settings))
    batches = -(-count // batch_size)
    assert len(seen) == len(steps) == 5 * batches and steps[-1].index == len(steps)
    for epoch in range(5):
        shown = itertools.chain(*seen[epoch * batches : (epoch + 1) * batches])
        assert sorted(shown) == list(range(count))


TEXTURES = (
    UniversalSettings(texture="retouch", bound=0.6, grid_px=2, gamut="stain", epochs=3, batch_size=3),
    UniversalSettings(texture="nucleus", bound=2.5, gamut="stain", epochs=3, batch_size=3),
)


def fields(tissue: np.ndarray) -> tuple[torch.Tensor, torch.Tensor]:
    """Four fields and one mask of three cells."""
    images = torch.stack([to_image(tissue), to_image((tissue * 0.9).astype(np.uint8))])
    mask = torch.zeros(1, 1, 96, 96, dtype=torch.bool)
    mask[..., 4:16, 6:14] = mask[..., 30:42, 50:62] = mask[..., 70:80, 20:34] = True
    return torch.cat([images, images.flip(2)]), mask


@pytest.mark.parametrize("settings", TEXTURES, ids=lambda settings: settings.texture)
def test_one_patch_of_a_texture_is_trained_beyond_its_start_and_its_random_draws(
    settings: UniversalSettings, linear_victim, tissue
) -> None:
    victim = linear_victim(scale=0.01)
    images, mask = fields(tissue)
    victim.network[1].weight[0] = 0.02
    victim.network[1].weight[1] = 0
    victim.network[1].bias[0] = -float(victim(images)[:, 0].mean())
    own = mask.expand(4, -1, -1, -1)
    *_, last = train_universal(victim, images, mask, objective=Targeted(0), settings=settings)
    start = lay(images, own, new_canvas(mask, settings), settings)
    draws = [lay(images, own, random_canvas(mask, settings, k), settings) for k in range(3)]
    trained = lay(images, own, last.canvas, settings)
    assert last.canvas.min() >= 0 and last.canvas.max() <= 1
    for other in (start, *draws):
        assert (margins(victim, trained) > margins(victim, other)).all()
        assert torch.equal(other[~own.expand_as(images)], images[~own.expand_as(images)])
    assert not torch.equal(draws[0], draws[1])
    if settings.texture == "retouch":
        assert torch.allclose(start, images, atol=0.51 / 255), "nothing is retouched at the start"


@pytest.mark.parametrize("settings", TEXTURES, ids=lambda settings: settings.texture)
def test_an_image_gets_the_same_patch_alone_and_beside_others(settings: UniversalSettings, tissue) -> None:
    images, mask = fields(tissue)
    canvas = random_canvas(mask, settings)
    own = mask.expand(4, -1, -1, -1)
    both = lay(images, own, canvas, settings)
    for row in range(4):
        alone = lay(images[row : row + 1], mask, canvas, settings)
        assert (both[row] - alone[0]).abs().max() <= 1.01 / 255


def test_codes_come_again_where_an_image_has_more_cells_than_the_patch(tissue) -> None:
    images, mask = fields(tissue)
    settings = TEXTURES[1]
    canvas = random_canvas(mask, settings)
    assert len(canvas) == 3
    whole = torch.cat([canvas[:2], canvas[:1]])
    assert torch.equal(lay(images[:1], mask, canvas[:2], settings), lay(images[:1], mask, whole, settings))


def test_the_texture_of_a_patch_is_checked_and_old_records_are_free() -> None:
    assert UniversalSettings.from_json({"gamut": "range"}).texture == "free"
    for wrong in ({"texture": "oil"}, {"texture": "retouch", "bound": 2}, {"grid_px": 0.5}, {"gamut": "x"}):
        with pytest.raises(SettingsError, match=list(wrong)[-1]):
            UniversalSettings(**wrong)
