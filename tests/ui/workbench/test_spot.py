"""“Spot it”: asked once, six guesses, what came out, and never again."""

import shutil

import pytest
from streamlit.testing.v1 import AppTest

from snapgui.errors import DataError
from snapgui.ui.workbench.spot import SIDES, spot_words
from snapgui.ui.workbench.spot_pairs import ANSWERED, FOLDER, PAIRS, read_pairs


def test_shipped_pairs_fool_the_model_and_differ(tmp_path):
    pairs = read_pairs()
    assert len(pairs) == len(SIDES) == PAIRS and 0 < sum(SIDES) < PAIRS
    assert all(pair.fooled and (pair.original != pair.altered).any() for pair in pairs)
    assert spot_words([True, False], pairs[:2]) == "You found 1 of 2; the model was fooled by 2."
    copy = shutil.copytree(FOLDER, tmp_path / "spot")
    (copy / "metastasis_01.png").write_bytes(b"other")
    with pytest.raises(DataError, match="not the picture that was shipped"):
        read_pairs(copy)


def test_it_is_asked_once(app, text_of, own_workspace):
    assert "Can you spot it?" in text_of(app.run())
    app.button(key="spot_skip").click().run()
    assert "Can you spot it?" not in text_of(app) and (own_workspace / ANSWERED).exists()
    again = AppTest.from_file(app._script_path, default_timeout=30)
    assert "Can you spot it?" not in text_of(again.run())


def test_six_guesses_are_told(app, text_of, own_workspace):
    app.run()
    app.button(key="spot_try").click().run()
    for place in range(PAIRS):
        assert f"Pair {place + 1} of 6" in text_of(app)
        app.button(key=f"spot-Left-{place}").click().run()
        # A dialog is a fragment: here the page is drawn anew, which shuts it.
        if place < PAIRS - 1:
            app.button(key="spot_try").click().run()
    app.button(key="spot_try").click().run()
    assert f"You found {sum(SIDES)} of 6; the model was fooled by 6." in text_of(app)
    app.button(key="spot_close").click().run()
    assert "Can you spot it?" not in text_of(app)
