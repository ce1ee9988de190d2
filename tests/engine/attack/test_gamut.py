import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from snapgui.engine.attack.gamut import (
    StainGamut,
    concentrations,
    fit_gamut,
    free_gamut,
    near_gamut,
    project,
    stain_vectors,
)
from snapgui.engine.attack.packing import Packed, flatten, pack
from snapgui.engine.images import to_image
from snapgui.engine.settings import GAMUTS, AttackSettings, UniversalSettings

HALF_LEVEL = 0.5 / 255 + 1e-6


def random_images(seed: int, count: int = 2) -> torch.Tensor:
    """Pictures of few, correlated colours, as H&E has them."""
    rng = np.random.default_rng(seed)
    amounts = rng.gamma(2, 0.25, (count, 2, 24, 24))
    stains = rng.uniform(0.1, 0.9, (2, 3))
    light = np.exp(-np.einsum("nshw,sc->nchw", amounts, stains))
    return torch.from_numpy(np.rint(np.clip(light, 0, 1) * 255) / 255).float()


def of_images(rows: list[int]) -> Packed:
    """Pixels of these images, wherever they lie: these gamuts do not ask."""
    return Packed(torch.tensor(rows), torch.zeros(len(rows), dtype=torch.long))


def is_inside(
    name: str, image: torch.Tensor, colours: torch.Tensor, slack: float, stains: str = "own"
) -> bool:
    """Membership by the definition of the gamut, without its own code."""
    pixels = image.flatten(1).T
    if name in ("range", "percentile"):
        ends = (0.0, 1.0) if name == "range" else (0.01, 0.99)
        low, high = (torch.quantile(pixels, end, dim=0) for end in ends)
        return bool(((colours >= low - slack) & (colours <= high + slack)).all())
    if name == "pca":
        centre = pixels.mean(0)
        _, _, axes = torch.linalg.svd(pixels - centre, full_matrices=False)
        along, own = (colours - centre) @ axes.T, (pixels - centre) @ axes.T
        low = torch.quantile(own, 0.01, dim=0).clamp(max=0) - slack * 3**0.5 - 1e-4
        high = torch.quantile(own, 0.99, dim=0).clamp(min=0) + slack * 3**0.5 + 1e-4
        in_cube = bool(((colours >= -slack) & (colours <= 1 + slack)).all())
        return bool(((along >= low) & (along <= high)).all()) and in_cube
    vectors = stain_vectors(stains, image[None])
    own = concentrations(pixels, vectors, torch.zeros(len(pixels), dtype=torch.long))
    low, high = torch.quantile(own, 0.01, dim=0).clamp(min=0), torch.quantile(own, 0.99, dim=0).clamp(min=0)
    nearest = StainGamut(low[None], high[None], vectors)
    amounts = torch.cartesian_prod(
        *(torch.linspace(float(a), float(b), 200) for a, b in zip(low, high, strict=True))
    )
    grid = nearest.colours((amounts - low) / (high - low).clamp_min(1e-9), of_images([0] * len(amounts)))
    return bool((torch.cdist(colours, grid).amin(1) <= 0.02 + slack * 3**0.5).all())


@pytest.mark.parametrize(("name", "stains"), [*((name, "own") for name in GAMUTS), ("stain", "fixed")])
@settings(max_examples=20, deadline=None)
@given(seed=st.integers(0, 10_000))
def test_every_projected_colour_lies_inside(name, stains, seed: int) -> None:
    images = random_images(seed)
    gamut = fit_gamut(name, images, stains)
    generator = torch.Generator().manual_seed(seed)
    colours = torch.rand(64, 3, generator=generator) * 1.4 - 0.2
    for row, image in enumerate(images):
        pixels = of_images([row] * 64)
        inside = project(gamut, colours, pixels)
        assert is_inside(name, image, inside, 1e-5, stains)
        rounded = inside.mul(255).round().div(255)
        slack = 1e-5 if name in ("range", "percentile") else HALF_LEVEL
        assert is_inside(name, image, rounded, slack, stains)
        again = project(gamut, inside, pixels)
        assert torch.allclose(again, inside, atol=2e-3), "a colour already allowed moved"


def test_range_is_the_per_channel_minimum_and_maximum(tissue) -> None:
    image = to_image(tissue)[None]
    gamut = fit_gamut("range", image)
    pixels = of_images([0, 0])
    ends = gamut.colours(torch.tensor([[0.0, 0, 0], [1.0, 1, 1]]), pixels)
    assert ends[0].equal(image[0].flatten(1).amin(1)) and ends[1].equal(image[0].flatten(1).amax(1))


def test_a_flat_image_allows_its_own_colour_alone() -> None:
    image = torch.full((1, 3, 8, 8), 153 / 255)
    pixels = of_images([0] * 10)
    for name in ("range", "percentile", "pca"):
        assert torch.allclose(
            fit_gamut(name, image).colours(torch.rand(10, 3), pixels), image[0, :, 0, 0], atol=2e-3
        )


def test_stain_concentrations_undo_the_mixing() -> None:
    amounts = torch.tensor([[0.5, 0.2], [0.0, 1.0], [1.1, 0.0]])
    pixels = of_images([0, 0, 0])
    for stains in (
        stain_vectors("fixed", amounts),
        torch.tensor([[[0.8, 0.5, 0.3], [0.2, 0.6, 0.8]]]),
    ):
        gamut = StainGamut(torch.zeros(1, 2), torch.full((1, 2), 2.0), stains)
        colours = gamut.colours(amounts / 2, pixels)
        assert torch.allclose(concentrations(colours, stains, pixels.rows), amounts, atol=1e-4)


def test_the_stain_gamut_has_the_images_own_stains_or_in_old_records_fixed_ones() -> None:
    """Blue and brown stains: their own vectors give back each colour, the fixed ones turn brown to violet."""
    rng = np.random.default_rng(0)
    mixed = rng.dirichlet([0.4, 0.4], 48 * 48) * rng.uniform(0.6, 1.4, (48 * 48, 1))
    light = np.exp(-mixed @ np.array([[0.75, 0.55, 0.3], [0.3, 0.55, 0.75]]))
    image = torch.from_numpy(np.rint(light.T.reshape(1, 3, 48, 48) * 255) / 255).float()
    colours, pixels = flatten(image), of_images([0] * 48 * 48)
    off = {
        stains: float((project(fit_gamut("stain", image, stains), colours, pixels) - colours).abs().mean())
        for stains in ("own", "fixed")
    }
    assert off["own"] < 0.01 < 0.05 < off["fixed"]
    for kind in (AttackSettings, UniversalSettings):
        new = kind(gamut="stain").to_json()
        assert kind.from_json(new).stains == "own"
        del new["stains"]
        assert kind.from_json(new).stains == "fixed", "records of before have fixed vectors"


def test_images_of_a_batch_keep_their_own_gamut() -> None:
    images = torch.stack([torch.full((3, 8, 8), 0.2), torch.full((3, 8, 8), 0.8)])
    gamut = fit_gamut("range", images)
    colours = gamut.colours(torch.rand(4, 3), of_images([0, 1, 1, 0]))
    assert torch.allclose(colours[:, 0], torch.tensor([0.2, 0.8, 0.8, 0.2]))


def test_near_gamut_stays_within_epsilon_of_each_pixel_and_within_the_cube() -> None:
    images = random_images(3)
    images[:, :, 0, 0], images[:, :, 0, 1] = 0.0, 1.0
    gamut, pixels = near_gamut(images, 2 / 255), pack(torch.ones_like(images[:, :1]) > 0)
    own = flatten(images)
    assert torch.allclose(project(gamut, own, pixels), own, atol=1e-6)
    for end in (0.0, 1.0):
        colours = gamut.colours(torch.full_like(own, end), pixels)
        assert ((colours - own).abs() <= 2 / 255 + 1e-6).all() and colours.min() >= 0 and colours.max() <= 1
        moved = (own > 0.1) & (own < 0.9)
        assert torch.allclose((colours - own).abs()[moved], torch.tensor(2 / 255), atol=1e-6)


def test_free_gamut_holds_every_colour() -> None:
    images = random_images(4)
    colours = torch.rand(10, 3)
    assert torch.allclose(project(free_gamut(images), colours, of_images([0, 1] * 5)), colours)
