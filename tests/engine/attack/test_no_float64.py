"""No device is asked for double precision, which Apple's GPUs lack: nothing that is computed has it."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_flatten

from snapgui.engine import controls
from snapgui.engine.attack.gamut import _percentiles
from snapgui.engine.attack.loop import run_attack
from snapgui.engine.attack.objectives import Targeted
from snapgui.engine.attack.texture import fit_texture
from snapgui.engine.attack.universal import train_universal
from snapgui.engine.checks import check_run
from snapgui.engine.images import to_image
from snapgui.engine.presets import PRESETS
from snapgui.engine.settings import AttackSettings, UniversalSettings
from snapgui.engine.victim.victim import Victim, choose_device


class NoDouble(TorchDispatchMode):
    """Fails at the first operation that takes or gives double precision, wherever it is made."""

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        found = func(*args, **(kwargs or {}))
        for one in tree_flatten((args, kwargs, found))[0]:
            if isinstance(one, torch.Tensor):
                assert one.dtype not in (torch.float64, torch.complex128), f"{func} in double precision"
        return found


ATTACKS = {
    **{gamut: AttackSettings(gamut=gamut) for gamut in ("range", "percentile", "pca", "stain")},
    "smooth": AttackSettings(start="random", soft_edge=True, smoothness=0.1, restarts=1),
    "fixed stains": AttackSettings(gamut="stain", stains="fixed", start="nuclear"),
    "natural": PRESETS["natural"].attack,
    "nucleus": AttackSettings(texture="nucleus", least_change=True),
}


@pytest.fixture
def victim(linear_victim) -> Victim:
    return linear_victim(scale=0.01)


@pytest.fixture
def mask(tissue) -> np.ndarray:
    return tissue[..., 0] < 150


@pytest.mark.parametrize("name", ATTACKS)
def test_an_attack_its_checks_and_controls(name: str, victim, tissue, mask, monkeypatch) -> None:
    monkeypatch.setattr(controls, "BEST_OF", 1)
    settings = replace(ATTACKS[name], steps=1, confidence=1.0)
    images, masks = to_image(tissue)[None], torch.from_numpy(mask)[None, None]
    with NoDouble():
        check_run(victim, tissue, mask, settings, true_class=1)
        texture = fit_texture(settings, images, masks)
        for _ in run_attack(victim, images, masks, objective=Targeted(0), texture=texture, settings=settings):
            pass
        controls.score_controls(victim, images, masks, settings)


@pytest.mark.parametrize("texture", ["free", "retouch", "nucleus"])
def test_a_universal_patch(texture: Any, victim, tissue, mask) -> None:
    images, masks = to_image(tissue)[None], torch.from_numpy(mask)[None, None]
    settings = UniversalSettings(texture=texture, epochs=1, batch_size=1)
    with NoDouble():
        for _ in train_universal(victim, images, masks, objective=Targeted(0), settings=settings):
            pass


def test_percentiles_are_those_of_torch() -> None:
    for count in (1, 2, 100, 9216):
        values = torch.randn(3, count, 2, generator=torch.Generator().manual_seed(count))
        wanted = torch.quantile(values, torch.tensor([0.01, 0.99]), dim=1)
        for found, other in zip(_percentiles(values), wanted, strict=True):
            assert torch.equal(found, other)


@pytest.mark.parametrize(
    ("cuda", "mps", "chosen"), [(True, True, "cuda"), (False, True, "mps"), (False, False, "cpu")]
)
def test_the_device_is_a_gpu_where_there_is_one(cuda: bool, mps: bool, chosen: str, monkeypatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: cuda)
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: mps)
    assert choose_device().type == chosen
