"""The shipped detector: plain numbers that are read with care, and that find what cannot be a nucleus."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from snapgui import shipped
from snapgui.engine.detector.crops import nuclei_places, take_crops
from snapgui.engine.detector.features import FEATURES
from snapgui.engine.detector.linear import load_detector, shipped_detector
from snapgui.engine.images import sha256
from snapgui.errors import ModelError


def test_the_shipped_one_is_small_and_its_card_speaks_of_it() -> None:
    data = shipped.DETECTOR.read_bytes()
    card = json.loads(shipped.DETECTOR.with_name("card.json").read_text(encoding="utf-8"))
    assert len(data) < 1 << 20
    assert card["sha256"] == sha256(data) == shipped_detector().sha256
    assert card["false_alarms"]["share"] == shipped_detector().false_alarm_rate < 0.1
    low, high = card["false_alarms"]["interval"]
    assert low < card["false_alarms"]["share"] < high
    natural, paper = (card["detection"]["conditions"][name] for name in ("natural", "paper"))
    assert natural["altered"]["share"] > natural["same_places_before"]["share"]
    assert paper["altered"]["share"] > 0.8


def test_noise_in_any_colour_is_picked_out_and_a_higher_threshold_picks_less(tissue: np.ndarray) -> None:
    detector = shipped_detector()
    middles = nuclei_places(tissue).middles
    noise = np.random.default_rng(0).integers(0, 256, tissue.shape).astype(np.uint8)
    crops = take_crops(noise, middles)
    assert detector.picks(crops).all() and len(crops) > 20
    scores = detector.score(crops)
    middle = replace(detector, threshold=float(np.median(scores)))
    assert middle.picks(crops).sum() == (scores > np.median(scores)).sum()
    assert not replace(detector, threshold=float(scores.max())).picks(crops).any()
    assert detector.picks(crops[:0]).shape == (0,)


def test_what_is_written_is_read_again(tmp_path: Path) -> None:
    (tmp_path / "d.json").write_bytes(shipped_detector().to_bytes())
    assert load_detector(tmp_path / "d.json").sha256 == shipped_detector().sha256


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"features": [*FEATURES[:-1], "warmth"]}, "other features than this version"),
        ({"weight": [1.0]}, f"must have {len(FEATURES)} numbers"),
        ({"mean": [float("nan")] * len(FEATURES)}, "not all of its numbers are finite"),
        ({"deviation": [0.0] * len(FEATURES)}, "deviations must be above 0"),
        ({"false_alarm_rate": 2}, "from 0 to 1"),
        ({"threshold": "high"}, "could not convert"),
        ({"intercept": None}, "NoneType"),
    ],
)
def test_a_file_of_another_version_or_a_damaged_one_gives_a_sentence(
    tmp_path: Path, changes: dict, sentence: str
) -> None:
    path = tmp_path / "d.json"
    path.write_text(json.dumps(json.loads(shipped_detector().to_bytes()) | changes), encoding="utf-8")
    with pytest.raises(ModelError, match=f"d.json is no detector of this version.*{sentence}"):
        load_detector(path)


@pytest.mark.parametrize("content", [b"", b"\x80\x04K\x01.", b"[1, 2]", b'{"features": []}'])
def test_what_is_no_detector_gives_a_sentence(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "d.json").write_bytes(content)
    with pytest.raises(ModelError, match="Fetch the program's assets again"):
        load_detector(tmp_path / "d.json")


def test_a_missing_file_gives_a_sentence(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="cannot be read"):
        load_detector(tmp_path / "none.json")
