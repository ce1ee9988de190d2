"""Synthesis at tiny settings with a DenseNet of random weights: shapes, seeds, falling loss, colours."""

import numpy as np
import pytest
import torch
from torch import nn

from snapgui.data.making_demo.candidates import make_picture
from snapgui.data.making_demo.synthesis import (
    LAYERS,
    SURROUNDINGS_PX,
    Statistics,
    SynthesisSettings,
    gram_matrix,
    layer_features,
    learn_statistics,
    load_backbone,
    match_colours,
    synthesise,
    texture_network,
)
from snapgui.errors import ModelError, SettingsError

TINY = SynthesisSettings(iterations=2, enlarged_px=64)


@pytest.fixture(scope="module")
def network() -> nn.Module:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        return texture_network(None)


@pytest.fixture(scope="module")
def sources() -> np.ndarray:
    generator = np.random.default_rng(5)
    coarse = generator.integers(60, 200, (3, 8, 8, 3)).repeat(4, axis=1).repeat(4, axis=2)
    return np.clip(coarse + generator.integers(-20, 20, coarse.shape), 0, 255).astype(np.uint8)


@pytest.fixture(scope="module")
def statistics(network: nn.Module, sources: np.ndarray) -> Statistics:
    return learn_statistics(network, sources, enlarged_px=64)


def test_layers_are_those_named_with_their_channels(network: nn.Module) -> None:
    features = layer_features(network, torch.rand(2, 3, 32, 32), enlarged_px=64)
    channels = [3 * SURROUNDINGS_PX**2, 64, 256, 512, 256]
    assert len(LAYERS) == 4
    assert [f.shape[:2] for f in features] == [(2, c) for c in channels]
    assert features[1].shape[2] == 32 * 32 and features[-1].shape[2] == 4 * 4


def test_gram_matrix_of_known_features() -> None:
    features = torch.tensor([[[1.0, 3.0], [2.0, 2.0]]])
    mean, std = torch.tensor([[[2.0], [0.0]]]), torch.tensor([[[1.0], [2.0]]])
    expected = torch.tensor([[1.0, 0.0, 0.0], [0.0, 1.0, 1.0], [0.0, 1.0, 1.0]])
    assert torch.allclose(gram_matrix(features, mean, std), expected)


def test_statistics_are_those_of_the_sources(statistics: Statistics, sources: np.ndarray) -> None:
    colours = sources.reshape(-1, 3) / 255
    assert statistics.colours.mean(dim=0).numpy() == pytest.approx(colours.mean(axis=0), abs=1e-5)
    assert (statistics.axes @ statistics.axes.T).numpy() == pytest.approx(np.cov(colours.T), abs=1e-5)
    assert statistics.amplitudes.shape == (3, 32, 32)
    # With its own scales, a layer's mean Gram matrix has ones on the diagonal.
    assert statistics.grams[1].diagonal()[-1] == pytest.approx(1)
    assert statistics.grams[1].diagonal().max() == pytest.approx(1, abs=1e-3)


def test_loss_goes_down(network: nn.Module, statistics: Statistics) -> None:
    losses: list[float] = []
    settings = SynthesisSettings(iterations=6, enlarged_px=64)
    image = synthesise(
        network,
        statistics,
        settings,
        generator=torch.Generator().manual_seed(1),
        report=lambda _, loss: losses.append(loss),
    )
    assert image.shape == (3, 32, 32) and float(image.min()) >= 0 and float(image.max()) <= 1
    assert len(losses) >= 6 and min(losses) < 0.5 * losses[0]


def test_same_seed_same_patch_other_seed_other_patch(network: nn.Module, sources: np.ndarray) -> None:
    first = make_picture(network, sources, TINY, seed=3)
    assert first.shape == (32, 32, 3) and first.dtype == np.uint8
    assert np.array_equal(first, make_picture(network, sources, TINY, seed=3))
    assert np.abs(first.astype(int) - make_picture(network, sources, TINY, seed=4)).mean() > 5


def test_patch_has_the_colours_of_its_sources(network: nn.Module, sources: np.ndarray) -> None:
    patch = make_picture(network, sources, TINY, seed=3).reshape(-1, 3)
    colours = sources.reshape(-1, 3)
    assert patch.mean(axis=0) == pytest.approx(colours.mean(axis=0), abs=3)
    assert np.cov(patch.T) == pytest.approx(np.cov(colours.T), rel=0.15, abs=30)


def test_matched_colours_have_the_targets_distribution() -> None:
    generator = torch.Generator().manual_seed(0)
    image = torch.rand(3, 40, 40, generator=generator)
    colours = torch.rand(5000, 3, generator=generator).square() * 0.8
    matched = match_colours(image, colours, generator=generator).flatten(1).T
    levels = torch.linspace(0.05, 0.95, 10)
    assert torch.allclose(matched.quantile(levels, dim=0), colours.quantile(levels, dim=0), atol=0.02)
    assert not torch.allclose(
        image.flatten(1).T.quantile(levels, dim=0), colours.quantile(levels, dim=0), atol=0.1
    )


def test_file_that_is_no_densenet(tmp_path) -> None:  # type: ignore[no-untyped-def]
    torch.save({"features.conv0.weight": torch.zeros(64, 3, 7, 7)}, tmp_path / "other.pth")
    with pytest.raises(ModelError, match=r"other\.pth is no DenseNet-121: \d+ of its tensors are missing"):
        load_backbone(tmp_path / "other.pth")


@pytest.mark.parametrize(
    ("values", "sentence"),
    [({"iterations": 0}, "iterations is 0"), ({"enlarged_px": 8}, "enlarged_px is 8")],
)
def test_settings_out_of_range(values: dict[str, int], sentence: str) -> None:
    with pytest.raises(SettingsError, match=sentence):
        SynthesisSettings(**values)
