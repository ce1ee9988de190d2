"""Folders as people paste them, remembered for every page."""

from pathlib import Path

import pytest

from snapgui.ui.parts.folders import KEPT, recent_folders, remember_folder, typed_path


@pytest.mark.parametrize(
    ("typed", "path"),
    [
        ('"C:\\data\\my patches"', "C:\\data\\my patches"),
        (" '/data/set' ", "/data/set"),
        ("\u201c/data/set\u201d", "/data/set"),
        ("file:///data/my%20set", "/data/my set"),
        ("FILE:///C:/data", "C:/data"),
        ("~/set", str(Path.home() / "set")),
        ("  ", ""),
        ("/data/a'b", "/data/a'b"),
    ],
)
def test_quotes_and_addresses_of_files_are_taken_off(typed, path):
    assert typed_path(typed) == path


def test_the_workspace_keeps_the_last_folders(own_workspace, tmp_path):
    made = [tmp_path / str(number) for number in range(KEPT + 2)]
    for folder in made:
        folder.mkdir()
        remember_folder(str(folder))
    remember_folder(str(made[5]))
    assert recent_folders()[:2] == [str(made[5]), str(made[-1])] and len(recent_folders()) == KEPT
    made[5].rmdir()
    assert recent_folders()[0] == str(made[-1])
    (own_workspace / "folders.json").write_text("{", encoding="utf-8")
    assert recent_folders() == []


def test_a_folder_given_on_one_page_stands_on_the_next(app, page, stained_patch, patches):
    folder = str(patches[0].path.parent)
    app.switch_page(page("model")).run()
    app.text_input(key="predict_folder").set_value(f'"{folder}"').run()
    app.switch_page(page("workbench")).run()
    app.button_group(key="image_source").set_value("Folder").run()
    assert app.text_input(key="image_folder").value == folder and not app.exception
    app.button(key="image_folder-up").click().run()
    app.button(key="image_folder-take").click().run()
    assert app.text_input(key="image_folder").value == str(Path(folder).parent)
    app.button(key=f"image_folder-recent-{folder}").click().run()
    assert app.text_input(key="image_folder").value == folder
