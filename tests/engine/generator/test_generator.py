"""A generator of nuclei gives back what it is shown, learns, goes on where it stopped, says what is wrong."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch

from snapgui import shipped
from snapgui.engine.generator.files import VERSION, generator_path, load_generator, save_generator
from snapgui.engine.generator.fitting import Fitting
from snapgui.engine.generator.flow import CODES, Generator
from snapgui.engine.generator.grids import GRID, VALUES, nuclei_grids, relative_amounts, stain_range
from snapgui.engine.generator.quality import distances_to_nearest, draws, rim_profile, sample_sheet
from snapgui.errors import ModelError

CARD = {"area_px": {"low": 20.0, "high": 140.0}}


@pytest.fixture(scope="module")
def nuclei() -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Two kinds of nuclei, dark ones and pale ones with a dark rim: no normal distribution."""
    rng = np.random.default_rng(0)
    y, x = np.mgrid[-1 : 1 : GRID * 1j, -1 : 1 : GRID * 1j]
    grids = []
    for each in range(400):
        radius = np.hypot(x * rng.uniform(0.8, 1.2), y * rng.uniform(0.8, 1.2))
        dark = each % 2
        rim = 0 if dark else 0.5 * (abs(radius - 0.8) < 0.2)
        haematoxylin = (0.8 if dark else 0.3) * (radius < 0.8) + rim
        noise = rng.normal(0, 0.05, (GRID, GRID, 2))
        grids.append(np.stack([haematoxylin, 0.4 - 0.3 * haematoxylin], -1) + noise)
    values = torch.from_numpy(np.stack(grids).reshape(-1, VALUES)).float()
    return values, torch.linspace(25, 120, 400), torch.arange(400) // 10


def fitted(nuclei, epochs: int) -> Fitting:
    return Fitting(*nuclei, epochs=epochs, seed=3)


def test_codes_and_nuclei_are_two_sides_of_one_map(nuclei) -> None:
    fitting = fitted(nuclei, 25)
    list(fitting.run())
    generator, (grids, areas, _) = fitting.generator, nuclei
    codes = torch.randn(7, CODES, generator=torch.Generator().manual_seed(1))
    back = generator.encode(generator.decode(codes, areas[:7]), areas[:7])
    assert torch.allclose(back, codes, atol=2e-3)
    # Principal components leave a part out, which the flow does not add to.
    seen = generator.decode(generator.encode(grids[:7], areas[:7]), areas[:7])
    assert torch.allclose(seen, generator.from_components(generator.components_of(grids[:7])), atol=1e-4)
    small, large = generator.decode(codes, areas[:7]), generator.decode(codes, areas[-7:])
    assert not torch.allclose(small, large, atol=1e-3)


def test_it_learns_what_a_normal_distribution_does_not_say(nuclei) -> None:
    epochs = list(fitted(nuclei, 25).run())
    assert [epoch.number for epoch in epochs] == list(range(1, 26))
    assert epochs[-1].held_out < epochs[-1].normal - 1


def test_a_training_that_was_stopped_goes_on_to_the_same_weights(nuclei) -> None:
    whole = fitted(nuclei, 3)
    list(whole.run())
    begun = fitted(nuclei, 3)
    next(begun.run())
    state = begun.state()
    resumed = fitted(nuclei, 3)
    resumed.go_on_from(state)
    assert [epoch.number for epoch in resumed.run()] == [2, 3]
    for name, values in whole.generator.state_dict().items():
        assert torch.equal(values, resumed.generator.state_dict()[name]), name


def test_nuclei_of_a_picture_are_cut_in_its_own_stains(tissue: np.ndarray) -> None:
    grids, areas = nuclei_grids(tissue)
    assert grids.shape == (len(areas), VALUES) and len(areas) > 3 and (areas >= 20).all()
    own = stain_range(tissue)
    middle = grids.reshape(-1, GRID, GRID, 2)[:, 6:10, 6:10, 0].mean()
    assert middle > relative_amounts(tissue, own)[..., 0].mean(), "nuclei hold more"


def test_draws_are_no_copies_and_the_sheet_shows_them(nuclei, tissue) -> None:
    fitting = fitted(nuclei, 2)
    list(fitting.run())
    made = draws(fitting.generator, 20)
    assert torch.equal(made, draws(fitting.generator, 20)) and not torch.equal(made[0], made[1])
    assert distances_to_nearest(fitting.generator, nuclei[0][:5], nuclei[0]) == pytest.approx(0, abs=1e-5)
    assert (distances_to_nearest(fitting.generator, made, nuclei[0]) > 0.1).all()
    assert sample_sheet([made, made], scale=2).shape == (2 * 18 * 2, 20 * 18 * 2, 3)
    profile = rim_profile([tissue])
    assert profile[-1] > profile[0], "more haematoxylin inside than outside"


def test_what_is_saved_is_loaded_and_damage_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "mine.safetensors"
    generator = Generator()
    save_generator(generator, path, CARD)
    monkeypatch.setenv("SNAP_GENERATOR", str(path))
    assert generator_path() == path
    loaded, card = load_generator()
    assert card["version"] == VERSION and torch.equal(loaded.orders, generator.orders)
    path.write_bytes(path.read_bytes()[:-1] + b"x")
    with pytest.raises(ModelError, match=r"mine.safetensors is damaged"):
        load_generator(path)
    card = json.loads(path.with_suffix(".json").read_text(encoding="utf-8"))
    path.with_suffix(".json").write_text(json.dumps(card | {"version": "nuclei-0"}), encoding="utf-8")
    path.touch()
    with pytest.raises(ModelError, match=r"is of version nuclei-0 and this program reads nuclei-1"):
        load_generator(path)
    path.with_suffix(".json").write_text("[]", encoding="utf-8")
    path.touch()
    with pytest.raises(ModelError, match=r"card mine.json .* cannot be read"):
        load_generator(path)
    path.unlink()
    with pytest.raises(ModelError, match=r"mine.safetensors is not there. Restore assets/textures"):
        load_generator()


def test_the_shipped_one_is_small_and_draws_no_copies() -> None:
    _, card = load_generator(shipped.GENERATOR)
    assert shipped.GENERATOR.stat().st_size < 10e6
    near = card["nearest_learned"]
    assert near["draws"]["1 %"] > near["held out"]["1 %"], "no nearer than real ones"
    assert card["nats_a_nucleus_less_than_normal"] > 20 and card["nuclei"] >= 8000
