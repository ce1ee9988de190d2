"""Choosing an image from a folder of pictures or a labelled data set, one page of thumbnails at a time."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import streamlit as st

from snapgui.data.datasets import is_data_set
from snapgui.engine.images import Told, read_told
from snapgui.engine.victim.victim import Victim
from snapgui.errors import SnapError
from snapgui.ui import resources
from snapgui.ui.filmstrip.batch import batch_controls
from snapgui.ui.filmstrip.resources import folder_files
from snapgui.ui.parts.folders import folder_field
from snapgui.ui.parts.gallery import Thumbnail, gallery
from snapgui.ui.parts.text import plain
from snapgui.ui.parts.words import CLASSES
from snapgui.ui.state import Choice, SnapState, take_picture
from snapgui.words import as_text

PAGE = 24
# Menu, header, and the fields above the thumbnails; below them the button that runs what is ticked.
FIELDS_PX = 530


@dataclass(frozen=True)
class _Shelf:
    """Pictures to choose from; ``thumbnail`` gives an empty string where one cannot be read."""

    names: list[str]
    labels: list[int | None]
    thumbnail: Callable[[int], str]
    read: Callable[[int], Told]


def choose_from_folder(state: SnapState, victim: Victim | None) -> None:
    """Draw path, page and thumbnails; a click puts the picture on the bench."""
    path = folder_field(
        "Folder on this computer",
        key="image_folder",
        placeholder="/path/to/patches",
        words="A folder of pictures, or a labelled data set (train_labels.csv, or PCam's HDF5 files); "
        "then the true class is known.",
    )
    if not path:
        st.caption("Type the path of a folder and press Enter.")
        return
    try:
        # Close together: what is chosen from is to be in sight below what chooses.
        with st.container(gap="xsmall"):
            _choose_from(state, victim, Path(path))
    except SnapError as error:
        st.error(plain(error))


def _choose_from(state: SnapState, victim: Victim | None, folder: Path) -> None:
    wanted = st.text_input(
        "Search", key=f"search-{folder}", placeholder="Search names", label_visibility="collapsed"
    ).strip()
    shelf = _labelled_shelf(folder, wanted) if is_data_set(folder) else _plain_shelf(folder, wanted)
    if not shelf.names:
        st.caption("No picture here has such a name." if wanted else "No picture here is of that kind.")
    pages = max(1, -(-len(shelf.names) // PAGE))
    page = 1
    if pages > 1:
        with st.container(horizontal=True, gap="xsmall", vertical_alignment="center", wrap=False):
            page = st.number_input(
                f"Page, 1 to {pages:,}",
                1,
                pages,
                1,
                key=f"page-{folder}-{pages}",
                label_visibility="collapsed",
                help=f"{len(shelf.names):,} pictures, {PAGE} on a page.",
            )
            st.markdown(f"of {pages:,}", width="content")
    rows = range((page - 1) * PAGE, min(page * PAGE, len(shelf.names)))
    items, unreadable = [], 0
    for row in rows:
        uri = shelf.thumbnail(row)
        unreadable += not uri
        if uri:
            label = shelf.labels[row]
            words = "" if label is None else f"True class: {CLASSES[label]}"
            items.append(
                Thumbnail(
                    shelf.names[row], uri, f"{shelf.names[row]}{', ' if words else ''}{words.lower()}", words
                )
            )
    items.sort(key=lambda item: item.group)
    if unreadable:
        st.caption(f"{unreadable:,} of {len(rows)} files on this page cannot be read as pictures.")
    picked, ticked = gallery(
        items,
        selected=state.picked.get("Folder"),
        key="folder_gallery",
        ticking=True,
        beside_px=FIELDS_PX,
    )
    places = {shelf.names[row]: row for row in rows}

    def of_row(name: str) -> Choice:
        pixels, told = shelf.read(places[name])
        return Choice(pixels, name, shelf.labels[places[name]], told=told)

    if picked in places:
        take_picture(state, of_row(picked))
        state.picked["Folder"] = picked
    batch_controls(state, victim, ticked, of_row)


def _plain_shelf(folder: Path, wanted: str) -> _Shelf:
    files = [path for path in folder_files(str(folder)) if wanted.lower() in path.name.lower()]
    return _Shelf(
        [as_text(path.name) for path in files],
        [None] * len(files),
        lambda row: resources.thumbnail(files[row]),
        lambda row: read_told(files[row]),
    )


def _labelled_shelf(folder: Path, searched: str) -> _Shelf:
    patches = resources.data_set(str(folder))
    splits = sorted(set(patches.splits))
    split = st.selectbox("Split", splits, key=f"split-{folder}", label_visibility="collapsed")
    wanted = st.selectbox(
        "True class", ("metastasis", "normal", "both"), key=f"class-{folder}", label_visibility="collapsed"
    )
    keep = [
        i
        for i, (name, label) in enumerate(zip(patches.splits, patches.labels, strict=True))
        if name == split
        and (wanted == "both" or CLASSES[label] == wanted)
        and searched.lower() in patches.ids[i].lower()
    ]
    return _Shelf(
        [patches.ids[i] for i in keep],
        [int(patches.labels[i]) for i in keep],
        lambda row: resources.patch_thumbnail(str(folder), keep[row], patches),
        lambda row: (patches.pixels(keep[row]), ""),
    )
