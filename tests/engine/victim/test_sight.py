"""Where an answer comes from: Grad-CAM and rollout against hand-computed ones, on networks of all kinds."""

import copy
from collections.abc import Callable, Iterator

import numpy as np
import pytest
import torch
import torchvision
from torch import nn
from torch.fx.experimental.optimization import fuse

from snapgui.engine.victim.card import ModelCard
from snapgui.engine.victim.networks import VIT, make_network
from snapgui.engine.victim.scores import ScoresOnly
from snapgui.engine.victim.scripted import Scripted
from snapgui.engine.victim.sight import (
    GRAD_CAM,
    ROLLOUT,
    attention_rollout,
    share_within,
    weight_maps,
)
from snapgui.engine.victim.victim import Victim
from snapgui.errors import ModelError


def victim_of(network: nn.Module, size_px: int, architecture: str = "small") -> Victim:
    card = ModelCard("small", architecture, input_size_px=size_px, mean=(0.0, 0.0, 0.0), std=(1.0, 1.0, 1.0))
    return Victim(network, card)


def made_lively(network: nn.Module) -> nn.Module:
    """Fresh batch norms change nothing, so that to fold or to skip them would not be noticed."""
    generator = torch.Generator().manual_seed(3)
    for module in network.modules():
        if isinstance(module, nn.BatchNorm2d):
            for tensor in (module.weight, module.bias, module.running_var):
                tensor.data.copy_(torch.rand(tensor.shape, generator=generator) + 0.5)
    return network.eval()


class Corner(nn.Module):
    """Sees the corner at the top left alone, and calls it metastasis where it is red."""

    def __init__(self) -> None:
        super().__init__()
        self.features = nn.Sequential(nn.Conv2d(3, 2, 8, stride=8), nn.ReLU(inplace=True))
        self.head = nn.Linear(2, 2)
        with torch.no_grad():
            self.features[0].weight.zero_()
            self.features[0].weight[0, 0] = self.features[0].weight[1, 2] = 1 / 64
            self.features[0].bias.zero_()
            self.head.weight.copy_(torch.tensor([[-1.0, 1.0], [3.0, -2.0]]))

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        seen = torch.zeros_like(images)
        seen[..., :16, :16] = images[..., :16, :16]
        return self.head(self.features(seen).mean((2, 3)))


def test_the_map_is_that_computed_by_hand() -> None:
    images = torch.rand(2, 3, 32, 32, generator=torch.Generator().manual_seed(0))
    sight = weight_maps(victim_of(Corner(), 32), images, 1)
    assert (sight.method, sight.places) == (GRAD_CAM, (4, 4))
    # The gradient of the mean of 16 places is the head's weight over 16, everywhere.
    blocks = images.unfold(2, 8, 8).unfold(3, 8, 8).mean((4, 5))[..., :2, :2]
    expected = torch.zeros(2, 4, 4)
    expected[:, :2, :2] = (3 * blocks[:, 0] - 2 * blocks[:, 2]).relu() / 16
    expected = nn.functional.interpolate(expected[None], size=(32, 32), mode="bilinear")[0]
    assert torch.allclose(sight.maps, expected / expected.amax((1, 2), keepdim=True), atol=1e-5)


def test_an_answer_from_one_corner_has_its_weight_there() -> None:
    images = torch.zeros(1, 3, 32, 32)
    images[:, 0] = 1
    maps = weight_maps(victim_of(Corner(), 32), images, 1).maps
    corner = np.zeros((32, 32), bool)
    # Between two places the map is interpolated, half a place wide.
    corner[:20, :20] = True
    assert share_within(maps[0].numpy(), corner) == pytest.approx(1)
    nothing = weight_maps(victim_of(Corner(), 32), images, 0).maps
    assert not nothing.any() and share_within(nothing[0].numpy(), corner) is None


def test_channels_may_come_last() -> None:
    torch.manual_seed(0)
    images = torch.rand(1, 3, 32, 32)
    first = nn.Sequential(nn.Conv2d(3, 6, 8, stride=8), nn.ReLU())
    head = nn.Linear(6, 2)
    head.weight.data.abs_()
    last = nn.Sequential(*first, torchvision.ops.Permute([0, 2, 3, 1]), nn.Flatten(1, 2))
    pooled = nn.Sequential(nn.AdaptiveAvgPool2d((1, 6)), nn.Flatten())
    maps = [
        weight_maps(victim_of(network, 32), images, 1).maps
        for network in (
            nn.Sequential(*first, nn.AdaptiveAvgPool2d(1), nn.Flatten(), head),
            nn.Sequential(*last, pooled, head),
        )
    ]
    assert maps[0].any() and torch.allclose(*maps, atol=1e-5)


def small_resnet() -> nn.Module:
    torch.manual_seed(0)
    block = torchvision.models.resnet.BasicBlock
    return made_lively(torchvision.models.ResNet(block, [1, 1, 1, 1], num_classes=2))


def test_a_folded_network_gives_the_map_of_its_last_stage() -> None:
    network = small_resnet()
    images = torch.rand(2, 3, 96, 96, generator=torch.Generator().manual_seed(1))
    sight = weight_maps(victim_of(fuse(copy.deepcopy(network)), 96), images, 1)
    features = nn.Sequential(*list(network.children())[:-2])(images)
    # Of a mean over places, the gradient is the head's weight everywhere.
    expected = torch.einsum("c,nchw->nhw", network.fc.weight[1], features).relu()
    expected = nn.functional.interpolate(expected[None], size=(96, 96), mode="bilinear")[0].detach()
    assert sight.places == (3, 3)
    assert torch.allclose(sight.maps, expected / expected.amax((1, 2), keepdim=True), atol=1e-4)


def test_a_densenet_is_seen_behind_its_last_relu() -> None:
    torch.manual_seed(0)
    network = made_lively(
        torchvision.models.DenseNet(4, (2, 2), num_init_features=8, bn_size=2, num_classes=2)
    )
    images = torch.rand(1, 3, 32, 32, generator=torch.Generator().manual_seed(1))
    sight = weight_maps(victim_of(network, 32, "densenet121"), images, 0)
    features = network.features(images).relu()
    expected = torch.einsum("c,nchw->nhw", network.classifier.weight[0], features).relu()
    expected = nn.functional.interpolate(expected[None], size=(32, 32), mode="bilinear")[0].detach()
    assert torch.allclose(sight.maps, expected / expected.amax(), atol=1e-4)


def lively_transformer() -> nn.Module:
    torch.manual_seed(0)
    network = make_network(VIT, 2, img_size=56, depth=2)
    for block in network.blocks:
        nn.init.normal_(block.attn.qkv.weight, std=0.1)
        nn.init.ones_(block.ls1.gamma)
    return network.eval()


def test_rollout_by_hand() -> None:
    first = torch.tensor([[0.2, 0.8], [1.0, 0.0]]).expand(1, 2, 2, 2)
    second = torch.tensor([[[[0.0, 1.0], [0.5, 0.5]], [[1.0, 0.0], [0.5, 0.5]]]])
    # Half of each, half of the identity: [[.6, .4], [.5, .5]] and [[.75, .25], [.25, .75]].
    expected = torch.tensor([[[0.575, 0.425], [0.525, 0.475]]])
    assert torch.allclose(attention_rollout([first, second]), expected)


def test_rows_of_a_rollout_sum_to_one() -> None:
    generator = torch.Generator().manual_seed(0)
    attention = [torch.randn(2, 3, 17, 17, generator=generator).softmax(-1) for _ in range(4)]
    assert torch.allclose(attention_rollout(attention).sum(-1), torch.ones(2, 17))


@torch.no_grad()
def test_the_rollout_of_a_transformer_is_that_of_its_queries_and_keys() -> None:
    network = lively_transformer()
    images = torch.rand(1, 3, 56, 56, generator=torch.Generator().manual_seed(1))
    sight = weight_maps(victim_of(network, 56, VIT), images, 1)
    tokens = network._pos_embed(network.patch_embed(images))
    attention = []
    for block in network.blocks:
        qkv = block.attn.qkv(block.norm1(tokens)).reshape(1, 17, 3, block.attn.num_heads, -1)
        queries, keys, _ = qkv.permute(2, 0, 3, 1, 4)
        attention.append((queries @ keys.transpose(-2, -1) * block.attn.scale).softmax(-1))
        tokens = block(tokens)
    expected = attention_rollout(attention)[:, 0, 1:].reshape(1, 4, 4)
    expected = nn.functional.interpolate(expected[None], size=(56, 56), mode="bilinear")[0]
    assert (sight.method, sight.places) == (ROLLOUT, (4, 4))
    assert expected.std() > 0.1 * expected.mean()
    assert torch.allclose(sight.maps, expected / expected.amax(), atol=1e-4)


def test_torchvisions_transformer_is_rolled_out_too() -> None:
    torch.manual_seed(0)
    network = torchvision.models.VisionTransformer(32, 8, 2, 2, 16, 16, num_classes=2)
    sight = weight_maps(victim_of(network, 32), torch.rand(2, 3, 48, 48), 0)
    assert (sight.method, sight.places, sight.maps.shape) == (ROLLOUT, (4, 4), (2, 48, 48))


@pytest.mark.parametrize(("make", "size_px"), [(lambda: fuse(small_resnet()), 64), (lively_transformer, 56)])
def test_the_victim_stays_as_it_is(make: Callable[[], nn.Module], size_px: int) -> None:
    victim = victim_of(make(), size_px)
    images = torch.rand(2, 3, size_px, size_px, generator=torch.Generator().manual_seed(2))

    def state() -> Iterator[object]:
        for module in victim.modules():
            yield len(module._forward_hooks) + len(module._forward_pre_hooks) + len(module._backward_hooks)
            yield getattr(module, "fused_attn", None)
        yield from (weight.requires_grad for weight in victim.parameters())

    before, kept = victim.predict(images), list(state())
    weight_maps(victim, images, 1)
    assert torch.equal(victim.predict(images), before) and list(state()) == kept
    assert not any(weight.grad is not None for weight in victim.parameters()) and not images.requires_grad


def test_where_no_layers_or_no_places_are_to_be_seen_a_sentence_says_so(
    linear_victim: Callable[..., Victim],
) -> None:
    images = torch.rand(1, 3, 96, 96)
    program = torch.jit.trace(nn.Sequential(nn.Flatten(), nn.Linear(3 * 96 * 96, 2)), images).requires_grad_(
        False
    )
    scripted = victim_of(Scripted(program, order=(0, 1), outputs="logits"), 96)
    for victim in (scripted, ScoresOnly(lambda pictures: [0.5] * len(pictures), "asked")):
        with pytest.raises(ModelError, match="need a network's layers, which neither a TorchScript"):
            weight_maps(victim, images, 1)
    with pytest.raises(ModelError, match="no last map of features by place"):
        weight_maps(linear_victim(), images, 1)
    # The patches of an image are no last map: attention comes after them.
    pooled = make_network("timm/vit_tiny_patch16_224", 2, img_size=64, depth=1, global_pool="map")
    with pytest.raises(ModelError, match="no last map of features by place"):
        weight_maps(victim_of(pooled, 64), torch.rand(1, 3, 64, 64), 1)
