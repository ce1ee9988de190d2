"""Spatial frequencies with known answers."""

import pytest
import torch

from snapgui.data.making_demo.synthesis import GRAIN, mean_amplitudes, rings, soften_grain


def test_amplitudes_follow_the_frequencies_there_are() -> None:
    wave = torch.cos(2 * torch.pi * 8 * torch.arange(64) / 64).expand(1, 1, 64, 64)
    amplitude = mean_amplitudes(wave)[0]
    assert amplitude[0, 8] > 10 * amplitude[0, 20] and amplitude[8, 0] == pytest.approx(
        float(amplitude[0, 8])
    )
    assert float(amplitude.square().mean()) == pytest.approx(1, abs=1e-4)


def test_rings_count_waves() -> None:
    ring = rings(96, 96)
    assert int(ring[0, 0]) == 0 and int(ring[5, 0]) == 5 and int(ring[0, -7]) == 7 and int(ring[48, 48]) == 68


def test_grain_is_softened_and_structure_stays() -> None:
    generator = torch.Generator().manual_seed(0)
    place = torch.arange(96) / 96
    structure = (2 * torch.cos(2 * torch.pi * 4 * place)).expand(1, 96, 96)
    grain = torch.randn(1, 96, 96, generator=generator)
    target = mean_amplitudes((structure + 0.2 * grain)[None])
    softened = soften_grain(structure + grain, target)
    fine = rings(96, 96) >= GRAIN
    before, after = (torch.fft.fft2(field)[0].abs().square() for field in (structure + grain, softened))
    assert float(after[fine].sum()) < 0.15 * float(before[fine].sum())
    assert torch.allclose(before[~fine], after[~fine], rtol=1e-3)
    assert torch.allclose(soften_grain(structure + 0.2 * grain, target), structure + 0.2 * grain, atol=1e-4)
