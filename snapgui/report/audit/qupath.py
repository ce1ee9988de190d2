"""The pictures of an audit with cells and altered pixels as GeoJSON, for QuPath."""

import re
from collections.abc import Sequence

from snapgui.audit.choose import chosen_rows, images_of
from snapgui.audit.read import FinishedAudit
from snapgui.engine.cells.qupath import cells_geojson
from snapgui.engine.images import encode_png
from snapgui.errors import DataError
from snapgui.report.audit.bundle import MAX_PICTURES
from snapgui.report.bundle.archive import zip_bytes


def audit_geojson(audit: FinishedAudit, *, pictures: Sequence[str] = ()) -> bytes:
    """A ZIP of the pictures named, else of all that the audit kept, at most 2,000: of each ``NAME.png``, as
    SNAP left it, ``NAME-before.png`` where the data set is still there, and ``NAME.geojson``, to be dragged
    onto either in QuPath: one annotation for each cell, and one of the pixels that were altered where the
    picture before is known.

    Raises:
        DataError: there is none.
    """
    kept = [str(name) for name in audit.rows["picture"].dropna().unique()]
    files: dict[str, bytes] = {}
    for image in images_of(audit, chosen_rows(audit, [*pictures][:MAX_PICTURES] or kept[:MAX_PICTURES])):
        said = re.sub(r"[^A-Za-z0-9]+", "-", image.row["id"])[:80]
        name = f"{image.row['picture'].removesuffix('.png')}-{said}"
        altered = None if image.before is None else (image.before != image.after).any(axis=2)
        files[f"{name}.png"] = encode_png(image.after)
        if image.before is not None:
            files[f"{name}-before.png"] = encode_png(image.before)
        files[f"{name}.geojson"] = cells_geojson(image.mask, altered)
    if not files:
        raise DataError(f"{audit.folder.name} has no pictures of SNAP, so there are no cells to export.")
    return zip_bytes(files)
