"""The images of an audit that fooled the model most surely, in its report and on a contact sheet of their
own.
"""

from collections.abc import Sequence
from typing import Any

from snapgui.engine.images import encode_png
from snapgui.engine.visibility.measures import outline_picture
from snapgui.report.audit.files import Attacked, AuditFiles, attacked_images
from snapgui.report.audit.words import area_and_centre, audit_verdict, provenance
from snapgui.report.bundle.manifest import NOTICE
from snapgui.report.pages.contact_sheet import Sheet, Tile
from snapgui.report.pages.document import Picture, Section
from snapgui.words import per_cent

GALLERY, SHEET = 10, 24
# All pictures of the gallery together, so that the page stays under 5 MB whatever the patches' size.
GALLERY_BYTES = 2_500_000
SHOWN_PX = 200


def audit_sheet(audit: AuditFiles, count: int = SHEET) -> Sheet:
    """The worst failures on one sheet; where nothing was fooled, the images that came nearest."""
    fooled, rest = attacked_images(audit, count)
    shown, what = (
        (fooled, "the images that fooled the model most surely")
        if fooled
        else (rest, "no image fooled the model; these came nearest")
    )
    pictures = (
        "left before, right after"
        if all(one.before is not None for one in shown)
        else "after the attack, beside it with the cells outlined"
    )
    caption = (
        audit_verdict(audit),
        f"Shown: {what} ({pictures}); chosen for that, so they are no sample. {area_and_centre(audit)}",
        (
            f"Model {audit.about['model']} (SHA-256 {str(audit.about['model_sha256'])[:12]}); "
            f"{audit.folder.name}, {str(audit.about['started'])[:10]}. {NOTICE}"
        ),
    )
    tiles = tuple(Tile(_pair(one, shown), _image_words(audit, one)) for one in shown)
    return Sheet(
        f"SNAP audit of {audit.about['data']}: worst failures",
        caption,
        tiles,
        provenance(audit, f"Contact sheet. {NOTICE}"),
    )


def gallery_sections(audit: AuditFiles) -> tuple[Section, ...]:
    """The worst failures and the images that came nearest to holding, before and after; outlined where the
    data set is gone.
    """
    fooled, rest = attacked_images(audit, GALLERY)
    sections = []
    for title, shown in (
        ("Worst failures: images that fooled the model most surely", fooled),
        ("Images that came nearest to holding", rest),
    ):
        pictures: list[Picture] = []
        for one in shown:
            words = "; ".join(_image_words(audit, one))
            zoom = max(1, SHOWN_PX // one.after.shape[1])
            exact = one.after.shape[1] * zoom
            before = (
                []
                if one.before is None
                else [Picture(encode_png(one.before), f"{one.row['id']}, before", exact, exact=True)]
            )
            after = Picture(
                encode_png(one.after, text=provenance(audit, "Adversarial picture")),
                f"After: {words}",
                exact,
                exact=True,
            )
            outlined = Picture(
                encode_png(outline_picture(one.after, one.mask, zoom)),
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


def _pair(one: Attacked, all_shown: Sequence[Attacked]) -> tuple[Any, ...]:
    if all(other.before is not None for other in all_shown):
        return (one.before, one.after)
    return (one.after, outline_picture(one.after, one.mask, 1))


def _image_words(audit: AuditFiles, one: Attacked) -> tuple[str, ...]:
    row = one.row
    true = audit.about["classes"][int(row["label"])]
    return (
        str(row["id"]),
        f"{true} {row['p_label_before']:.2f} -> {row['p_label_after']:.2f}",
        f"{per_cent(row['area'])} of the pixels, centre {row['centre']}",
    )
