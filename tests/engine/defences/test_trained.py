"""The defences that were trained: what they find, what they leave alone, their gradients and their files."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from snapgui import shipped
from snapgui.engine.defences.defended import AlarmingDefence, Defended
from snapgui.engine.defences.localiser import (
    LEAST_PX,
    Localiser,
    LocaliserNetwork,
    cover,
    picture_scores,
)
from snapgui.engine.defences.named import defence_of
from snapgui.engine.defences.spann import LEVELS, Spann, SpannNetwork, cluster_features, look_yourself
from snapgui.engine.defences.weights import save_weights
from snapgui.engine.images import to_image
from snapgui.engine.victim.victim import ModelCard, Victim
from snapgui.errors import ModelError, SettingsError

CHANCE = torch.Generator().manual_seed(0)


@pytest.fixture(scope="module")
def victim() -> Victim:
    torch.manual_seed(0)
    net = nn.Sequential(
        nn.Conv2d(3, 8, 5, stride=2), nn.ReLU(), nn.AvgPool2d(8), nn.Flatten(), nn.Linear(8 * 25, 2)
    )
    return Victim(net, ModelCard("small", "none", input_size_px=96, mean=(0, 0, 0), std=(1, 1, 1)))


@pytest.fixture
def images(tissue: np.ndarray) -> torch.Tensor:
    return torch.stack([to_image(tissue), to_image(np.rot90(tissue).copy())])


def spann_file(folder: Path, threshold: float) -> Spann:
    torch.manual_seed(1)
    network = SpannNetwork()
    network.threshold.fill_(threshold)
    save_weights(network, folder / "spann.safetensors", {})
    return Spann(folder / "spann.safetensors")


def sure_network() -> LocaliserNetwork:
    """Sure of itself here and there, as one that was trained."""
    torch.manual_seed(1)
    network = LocaliserNetwork()
    network.last.weight.data.mul_(10000)
    return network.eval()


def localiser_file(folder: Path, threshold: float) -> Localiser:
    network = sure_network()
    network.threshold.fill_(threshold)
    save_weights(network, folder / "localiser.safetensors", {})
    return Localiser(folder / "localiser.safetensors")


def test_clusters_are_counted_at_every_level() -> None:
    """Three 4 x 4 squares and a lone pixel on a map of 40 px: known counts, areas and distances."""
    maps = torch.zeros(2, 40, 40)
    for top, left, height in ((4, 4, 1.0), (20, 4, 0.5), (4, 20, 0.5)):
        maps[0, top : top + 4, left : left + 4] = height
    maps[0, 30, 30] = 0.3
    clusters, apart, deviation, share = cluster_features(maps)[0]
    levels = torch.linspace(0, 1, LEVELS + 2)[1:-1]
    expected = torch.where(levels > 0.5, 1, torch.where(levels > 0.3, 3, 4)).float()
    assert torch.allclose(clusters.expm1(), expected, atol=1e-4)
    pairs = torch.cdist(*[torch.cartesian_prod(torch.arange(4.0), torch.arange(4.0))] * 2)
    rms = float((pairs**2).mean().sqrt()) / 40
    assert torch.allclose(apart[levels > 0.3], torch.tensor(rms), atol=1e-4)
    assert torch.allclose(apart[levels < 0.3], torch.tensor(rms * 3 / 4), atol=1e-3)
    assert (deviation[levels > 0.3] < 2e-3).all() and (deviation[levels < 0.3] > 0.01).all()
    assert torch.allclose(share.exp() - 1 / 1600, (16 * expected.clamp_max(3) + (expected > 3)) / 1600)
    empty = cluster_features(maps)[1]
    assert empty.isfinite().all() and not empty[0].any(), "a flat picture has clusters"


def test_an_alarm_counts_as_metastasis_and_its_gradient_leads_away(victim, images, tmp_path) -> None:
    quiet, loud = spann_file(tmp_path / "a", 1e6), spann_file(tmp_path / "b", -1e3)
    assert torch.equal(quiet(victim, images, CHANCE), victim(images)), "no alarm, another answer"
    assert not quiet.alarms(victim, images).any() and loud.alarms(victim, images).all()
    assert (Defended(victim, loud).predict(images)[:, 1] > 0.99).all()
    logits = torch.tensor([[3.0, 0.0], [0.0, 3.0], [3.0, 0.0]], requires_grad=True)
    score = torch.tensor([0.5, 0.5, -0.5], requires_grad=True)
    told = look_yourself(logits, score)
    assert torch.allclose(told[:, 1] - told[:, 0], torch.tensor([0.5, 3.5, -3.0]))
    by_logits, by_score = torch.autograd.grad((told[:, 1] - told[:, 0]).sum(), (logits, score))
    assert by_score.tolist() == [1, 1, 0] and by_logits[0].tolist() == [0, 0]
    assert by_logits[1].tolist() == [-1, 1] and by_logits[2].tolist() == [-1, 1]
    free = images.clone().requires_grad_()
    answer = spann_file(tmp_path / "c", -5.0)(victim, free, CHANCE)
    (gradient,) = torch.autograd.grad((answer[:, 1] - answer[:, 0]).sum(), free)
    with torch.no_grad():
        step = 0.02 * gradient / gradient.abs().amax((1, 2, 3), keepdim=True)
        lower = spann_file(tmp_path / "c", -5.0)(victim, images - step, CHANCE)
    fell = (lower[:, 1] - lower[:, 0]) < (answer[:, 1] - answer[:, 0])
    assert gradient.isfinite().all() and fell.all(), "downhill goes up"


def test_what_is_found_is_painted_over_and_the_rest_is_untouched(images) -> None:
    found = torch.zeros(2, 1, 96, 96, dtype=torch.bool)
    found[0, :, 30:40, 50:60] = True
    covered = cover(images, found)
    assert torch.equal(covered[1], images[1])
    changed = (covered[0] != images[0]).any(0)
    assert changed[30:40, 50:60].float().mean() > 0.9 and not changed[:29].any() and not changed[:, 61:].any()
    flat = torch.full((1, 3, 96, 96), 0.6)
    marked = flat.clone()
    marked[:, :, 30:40, 50:60] = 0.1
    assert torch.allclose(cover(marked, found[:1]), flat, atol=4 / 255), "the mark shines through"


def test_a_localiser_without_an_alarm_changes_nothing(victim, images, tmp_path) -> None:
    quiet, loud = localiser_file(tmp_path / "a", 1e6), localiser_file(tmp_path / "b", -1e6)
    assert torch.equal(quiet(victim, images, CHANCE), victim(images))
    assert not quiet.alarms(victim, images).any() and loud.alarms(victim, images).all()
    logits = torch.zeros(1, 1, 96, 96)
    logits.view(-1)[: LEAST_PX - 1] = 1
    assert picture_scores(logits).item() == 0, "less than a small cell raises an alarm"
    logits.view(-1)[LEAST_PX - 1] = 1
    assert picture_scores(logits).item() == 1
    odd = LocaliserNetwork().eval()(torch.rand(1, 3, 50, 41))
    assert odd.shape == (1, 1, 50, 41)


def test_the_gradient_of_a_localiser_is_passed_straight_through(victim, images, tmp_path) -> None:
    """Far from the border between found and not found it is that of the covered picture; near it the attacker
    is also told how to stay unfound.
    """

    def gradient_of(ask, at: torch.Tensor) -> torch.Tensor:
        free = at.clone().requires_grad_()
        return torch.autograd.grad(ask(free)[:, 0].sum(), free)[0]

    for threshold in (1e6, -1e6):
        far = localiser_file(tmp_path / str(threshold), threshold)
        with torch.no_grad():
            seen = cover(images, far.find(images))
        own = gradient_of(victim, seen)
        through = gradient_of(lambda free, far=far: far(victim, free, CHANCE), images)
        assert torch.allclose(through, own, rtol=1e-4, atol=1e-9), threshold
    with torch.no_grad():
        near = localiser_file(tmp_path / "near", float(sure_network()(images).median()))
        seen = cover(images, near.find(images))
    through = gradient_of(lambda free: near(victim, free, CHANCE), images)
    assert through.isfinite().all()
    assert not torch.allclose(through, gradient_of(victim, seen), rtol=1e-4, atol=1e-9)


def test_the_shipped_ones_fit_their_cards() -> None:
    size = 0
    for name in ("localiser", "spann"):
        defence = defence_of(name)
        assert isinstance(defence, AlarmingDefence) and not isinstance(defence_of("jpeg"), AlarmingDefence)
        card = json.loads((shipped.DEFENCES / f"{name}.json").read_text(encoding="utf-8"))
        assert defence.sha256() == card["sha256"] and card["told"]["split"] == "val_slides"
        assert card["told"]["false_alarms"]["share"] <= 0.05
        size += defence.path.stat().st_size
    assert size < 1_500_000


@pytest.mark.parametrize("name", ["localiser", "spann"])
def test_bad_weights_are_refused_in_one_sentence(victim, images, tmp_path, name: str) -> None:
    make = {"localiser": Localiser, "spann": Spann}[name]
    path = tmp_path / f"{name}.safetensors"
    with pytest.raises(ModelError, match=f"“{name}” needs {name}.safetensors and its card"):
        Defended(victim, make(path))
    path.write_bytes(b"random")
    path.with_suffix(".json").write_text('{"sha256": "0"}', encoding="utf-8")
    with pytest.raises(ModelError, match="is damaged"):
        make(path)(victim, images, CHANCE)
    save_weights(nn.Linear(2, 2), path, {})
    with pytest.raises(ModelError, match="holds no weights"):
        make(path).alarms(victim, images)
    with pytest.raises(SettingsError, match=f"{name}:3: {name} takes no setting"):
        defence_of(f"{name}:3")


def test_without_a_convolution_there_is_no_first_one(images, tmp_path) -> None:
    net = nn.Sequential(nn.AvgPool2d(8), nn.Flatten(), nn.Linear(3 * 12 * 12, 2))
    flat = Victim(net, ModelCard("flat", "none", input_size_px=96, mean=(0, 0, 0), std=(1, 1, 1)))
    with pytest.raises(ModelError, match="SpaNN looks at the first convolution of a model, and flat shows"):
        spann_file(tmp_path, 0.0)(flat, images, CHANCE)
