"""The demo patches that come with the program: enough, sure, stained, and no copies."""

from snapgui.data.demo import DEMO_FOLDER, demo_patches, read_demo
from snapgui.engine.images import read_pixels


def test_shipped_patches_are_many_and_say_that_they_are_synthetic() -> None:
    patches = demo_patches()
    assert all(patch.path.parent == DEMO_FOLDER for patch in patches)
    for true_class, label in enumerate(("normal", "metastasis")):
        of_class = [patch for patch in patches if patch.true_class == true_class]
        assert len(of_class) >= 12
        assert all(patch.name.startswith(label) for patch in of_class)
    assert all(read_pixels(patch.path).shape == (96, 96, 3) for patch in patches)
    assert "synthetic" in read_demo()["statement"]


def test_shipped_patches_are_sure_and_no_copies_by_their_own_figures() -> None:
    values = read_demo()
    assert len(values["model"]["sha256"]) == 64
    for patch in values["patches"]:
        assert patch["confidence"] >= 0.9
        assert patch["rms_to_nearest_train"] >= values["typical"]["rms_to_nearest_train_least"]
        assert patch["window_correlation"] <= 0.5


def test_shipped_patches_look_stained() -> None:
    for patch in demo_patches():
        red, green, blue = read_pixels(patch.path).reshape(-1, 3).mean(axis=0)
        assert green < red and green < blue, patch.name
