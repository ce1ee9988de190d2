"""Where the weight of an answer lies: shares, sentences and colours, and the part of the Model page."""

import numpy as np
import pytest
import torch
from torch import nn

from snapgui.engine.images import encode_png
from snapgui.engine.settings import AttackSettings
from snapgui.engine.victim.card import ModelCard
from snapgui.engine.victim.sight import GRAD_CAM, ROLLOUT
from snapgui.engine.victim.victim import Victim
from snapgui.progress import drain
from snapgui.runs.records import RunRequest
from snapgui.runs.run import run_snap
from snapgui.runs.store import save_run
from snapgui.ui.model.weights import Weights, caption, overlay, sentences, share_rows
from snapgui.ui.pixels import heat_colours


def weights_of(*maps: np.ndarray, mask: np.ndarray | None = None, method: str = GRAD_CAM) -> Weights:
    return Weights(np.stack(maps), method, (4, 4), "normal", mask)


def half(*, left: float) -> np.ndarray:
    """A map with this share of its weight in the left half."""
    values = np.full((96, 96), 1 - left, np.float32)
    values[:, :48] = left
    return values


LEFT = np.arange(96)[None].repeat(96, 0) < 48
NOTHING = np.zeros((96, 96), np.float32)


def test_a_sentence_says_where_the_weight_went() -> None:
    moved = sentences(weights_of(half(left=0.18), half(left=0.34), mask=LEFT))
    assert moved == [
        "After the attack 34 % of the weight for normal lies on the altered cells, where before it was 18 %; "
        "the cells are 50 % of the picture.",
        "The central 32 px, on which the label rests, hold 11 % of it, where before they held 11 %; they are "
        "11 % of the picture.",
    ]
    rolled = sentences(weights_of(half(left=0.2), half(left=0.3), mask=LEFT, method=ROLLOUT))
    assert rolled[0].startswith("After the attack 30 % of the attention lies on the altered cells")


@pytest.mark.parametrize(
    ("maps", "begin"),
    [
        (
            (NOTHING, half(left=0.3)),
            "Before the attack nothing in the picture speaks for normal by this map. After it 30 %",
        ),
        (
            (half(left=0.3), NOTHING),
            "After the attack nothing in the picture speaks for normal by this map. Before it 30 %",
        ),
        ((NOTHING, NOTHING), "Neither before nor after the attack does anything in the picture speak for"),
    ],
)
def test_a_map_of_nothing_is_said_to_be_one(maps: tuple[np.ndarray, ...], begin: str) -> None:
    weights = weights_of(*maps, mask=LEFT)
    assert sentences(weights)[0].startswith(begin)
    rows = share_rows(weights)
    for title, one in zip(("Before", "After"), maps, strict=True):
        assert ("–" in rows[title]) == (not one.any())
    assert sentences(weights_of(NOTHING)) == ["Nothing in this picture speaks for normal by this map."]


def test_shares_by_region_add_up() -> None:
    rows = share_rows(weights_of(half(left=0.2), half(left=0.7), mask=LEFT))
    assert rows["Where"] == ["Altered cells", "Rest of the central 32 px", "Elsewhere"]
    assert rows["Area"] == ["50 %", "6 %", "44 %"]
    assert rows["After"] == ["70 %", "3 %", "27 %"]
    assert share_rows(weights_of(half(left=0.5)))["Weight"] == ["11 %", "89 %"]


def test_the_caption_says_how_coarse_a_map_is_and_what_it_is_not() -> None:
    words = caption(weights_of(half(left=0.5)))
    assert "4 x 4 places of 24 px (23 µm)" in words and "too coarse to point at a single nucleus" in words
    assert "not why" in words and "not why" in caption(weights_of(half(left=0.5), method=ROLLOUT))


def test_the_colours_are_those_of_the_scale() -> None:
    pixels = np.full((96, 96, 3), 90, np.uint8)
    colours = np.array(heat_colours())
    drawn = overlay(pixels, half(left=0.5), 2, opacity=1.0)
    # An even spread is one of four steps up.
    assert drawn.shape == (192, 192, 3) and (drawn == colours[64]).all()
    assert (overlay(pixels, NOTHING, 1, opacity=0.5) == np.rint(45 + colours[0] / 2)).all()
    rims = overlay(pixels, NOTHING, 1, opacity=0.0, mask=LEFT)
    assert (rims[0, :48] == 255).all() and (rims[:, 48:] == 90).all() and (rims[1:-1, 1:47] == 90).all()


def convolutional_victim() -> Victim:
    """Metastasis where places are red."""
    network = nn.Sequential(
        nn.Conv2d(3, 2, 12, stride=12), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(2, 2)
    )
    with torch.no_grad():
        network[0].weight.zero_()
        network[0].weight[0, 0] = network[0].weight[1, 2] = 1 / 144
        network[0].bias.zero_()
        network[4].weight.copy_(torch.tensor([[-40.0, 20.0], [40.0, -20.0]]))
        network[4].bias.copy_(torch.tensor([14.0, -14.0]))
    card = ModelCard("seen", "small", input_size_px=96, mean=(0, 0, 0), std=(1, 1, 1), sha256="cd" * 32)
    return Victim(network, card)


def test_the_page_shows_a_run_before_and_after_and_a_patch_of_a_folder(
    app, page, text_of, tmp_path, stained_patch, monkeypatch
) -> None:
    victim = convolutional_victim()
    monkeypatch.setattr(Victim, "load", lambda path, **_: victim)
    pixels = stained_patch(1, 190)
    request = RunRequest(pixels, pixels[..., 0] < 120, AttackSettings(steps=2), image_name="kept.png")
    save_run(drain(run_snap(victim, request)))
    (tmp_path / "more").mkdir()
    (tmp_path / "more" / "p.png").write_bytes(encode_png(stained_patch(2, 190)))
    shown = app.run().switch_page(page("model")).run()
    text = text_of(shown)
    assert "After the attack" in text and "lies on the altered cells" in text and "Grad-CAM" in text
    assert "**Before**: metastasis" in text and len(shown.get("image")) == 4
    shown.text_input(key="predict_folder").set_value(str(tmp_path / "more")).run()
    shown.segmented_control(key="sight_source").set_value("The folder above").run()
    assert "on which the label rests; spread evenly it would be 11\u00a0%" in text_of(shown)
    assert len(shown.get("image")) == 2


def test_a_model_without_places_gets_a_sentence(app, page, text_of) -> None:
    assert "no last map of features by place" in text_of(app.run().switch_page(page("model")).run())
