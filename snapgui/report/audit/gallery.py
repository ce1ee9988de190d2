"""The images of an audit that fooled the model most surely, in its report and on a contact sheet of their
own.
"""

from collections.abc import Sequence
from typing import Any

from snapgui.audit.choose import AttackedImage, attacked_images, chosen_rows, images_of
from snapgui.audit.read import FinishedAudit
from snapgui.audit.shown.words import answer
from snapgui.audit.words import area_and_centre, verdict
from snapgui.engine.images import encode_png
from snapgui.engine.visibility.measures import outline_picture
from snapgui.report.audit.origin import provenance
from snapgui.report.bundle.manifest import NOTICE
from snapgui.report.pages.contact_sheet import MOST, Sheet, Tile
from snapgui.report.pages.document import Picture, Section
from snapgui.words import CENTRE_FOUND, counted, per_cent

GALLERY, SHEET = 10, 24
# All pictures of the gallery together, so that the page stays under 5 MB whatever the patches' size.
GALLERY_BYTES = 2_500_000
SHOWN_PX = 200


def audit_sheet(audit: FinishedAudit, count: int = SHEET, *, pictures: Sequence[str] = ()) -> Sheet:
    """The pictures named, at most 60, else the worst failures on one sheet; where nothing was fooled, the
    images that came nearest to it.
    """
    if pictures:
        shown = images_of(audit, chosen_rows(audit, pictures[:MOST]))
        fooled, title = sum(bool(image.row["flipped"]) for image in shown), "chosen pictures"
        more = f", the first {MOST} of {len(pictures)}" if len(pictures) > MOST else ""
        what = f"{counted(len(shown), 'picture')} chosen by hand{more}, {fooled} of them fooled the model"
    else:
        surest, rest = attacked_images(audit, count)
        shown, what = (
            (surest, "the images that fooled the model most surely")
            if surest
            else (rest, "no image fooled the model; these came nearest to it")
        )
        title = "worst failures" if surest else "nearest to fooling"
    sides = (
        "left before, right after"
        if all(image.before is not None for image in shown)
        else "after the attack, beside it with the cells outlined"
    )
    caption = (
        verdict(audit),
        f"Shown: {what} ({sides}); chosen, so they are no sample. {area_and_centre(audit)}",
        (
            f"Model {audit.about['model']} (SHA-256 {audit.about['model_sha256'][:12]}); "
            f"{audit.folder.name}, {audit.about['started'][:10]}. {NOTICE}"
        ),
    )
    tiles = tuple(Tile(_pair(image, shown), _image_words(audit, image)) for image in shown)
    return Sheet(
        f"SNAP audit of {audit.about['data']}: {title}",
        caption,
        tiles,
        provenance(audit, f"Contact sheet. {NOTICE}"),
    )


def gallery_sections(audit: FinishedAudit) -> tuple[Section, ...]:
    """The worst failures and those that were hardest to fool, before and after; outlined where the
    data set is gone.
    """
    fooled, rest = attacked_images(audit, GALLERY)
    sections = []
    for title, shown in (
        ("Worst failures: images that fooled the model most surely", fooled),
        ("Images that were hardest to fool", rest),
    ):
        pictures: list[Picture] = []
        for image in shown:
            words = "; ".join(_image_words(audit, image))
            zoom = max(1, SHOWN_PX // image.after.shape[1])
            exact = image.after.shape[1] * zoom
            before = (
                []
                if image.before is None
                else [Picture(encode_png(image.before), f"{image.row['id']}, before", exact, exact=True)]
            )
            after = Picture(
                encode_png(image.after, text=provenance(audit, "Adversarial picture")),
                f"After: {words}",
                exact,
                exact=True,
            )
            outlined = Picture(
                encode_png(outline_picture(image.after, image.mask, zoom)),
                "After, cells outlined",
                exact,
                exact=True,
            )
            pictures += [*before, after] if before else [after, outlined]
        while sum(len(picture.png) for picture in pictures) > GALLERY_BYTES / 2:
            pictures = pictures[:-2]
        if pictures:
            sections.append(
                Section(
                    title,
                    ("These were chosen, so they are no sample. Enlarged pixel by pixel.",),
                    tuple(pictures),
                )
            )
    return tuple(sections)


def _pair(image: AttackedImage, shown: Sequence[AttackedImage]) -> tuple[Any, ...]:
    if all(beside.before is not None for beside in shown):
        return (image.before, image.after)
    return (image.after, outline_picture(image.after, image.mask, 1))


def _image_words(audit: FinishedAudit, image: AttackedImage) -> tuple[str, ...]:
    row = image.row
    label = int(row["label"])
    return (
        str(row["id"]),
        f"{answer(audit, label, row['p_label_before'])} -> {answer(audit, label, row['p_label_after'])}",
        f"{per_cent(row['area'])} of the pixels, {CENTRE_FOUND[row['centre']]}",
    )
