"""An audit's files as a bundle: what was asked, the table, the numbers, and the pictures that SNAP made."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from snapgui.audit.read import FinishedAudit, audited_patches, picture_file, snap_mask
from snapgui.audit.settings import SNAP
from snapgui.audit.shard import read_or_why
from snapgui.engine.images import encode_png, read_pixels
from snapgui.errors import DataError, SnapError
from snapgui.report.bundle.manifest import make_bundle
from snapgui.runs.picture_text import MADE_TO_FOOL, add_text, audit_text

MAX_PICTURES = 2000
# Where the files lay on the computer that made them: nobody else's business, and nothing that decides a
# figure.
PRIVATE = ("data_path", "model_path")


def audit_bundle(audit: FinishedAudit, *, most: int = MAX_PICTURES) -> bytes:
    """``audit.json`` without its paths, ``summary.json``, ``rows.parquet``, and at most so many pictures with
    their masks and, where the data set is still as it was audited, the untouched images.

    Where there are more pictures, those go in that fooled the model most surely; the manifest says how many
    there were.

    Raises:
        DataError: a file is gone.
    """
    about = {name: value for name, value in audit.about.items() if name not in PRIVATE}
    snap = audit.rows[(audit.rows["condition"] == SNAP) & audit.rows["picture"].notna()].sort_values(
        "p_label_after", kind="stable"
    )
    chosen = sorted(str(name) for name in snap["picture"].head(most))
    files = {"audit.json": (json.dumps(about, indent=2) + "\n").encode()}
    files |= {name: _read(audit.folder / name) for name in ("summary.json", "rows.parquet")}
    for name in chosen:
        for path, comment in (
            (picture_file(audit, name), MADE_TO_FOOL),
            (
                picture_file(audit, name.replace(".png", "-mask.png")),
                "White marks where pixels may change.",
            ),
        ):
            files[f"pictures/{path.name}"] = add_text(
                _read(path), audit_text(about, audit.folder.name, comment)
            )
    for name, pixels in _originals(audit, snap[snap["picture"].isin(chosen)]).items():
        text = audit_text(about, audit.folder.name, "The picture before.")
        files[f"originals/{name}"] = encode_png(pixels, text=text)
    return make_bundle(files, _about(audit, len(chosen), len(snap)))


def _originals(audit: FinishedAudit, rows: pd.DataFrame) -> dict[str, NDArray[np.uint8]]:
    """The untouched images of rows by name of the picture; those that are gone or others now are left out."""
    try:
        patches = audited_patches(audit)
    except SnapError:
        return {}
    found = {}
    for row in rows.sort_values("position").to_dict("records"):
        picture, position = str(row["picture"]), int(row["position"])
        before = read_or_why(patches, position)
        if isinstance(before, str) or patches.ids[position] != row["id"]:
            continue
        after = read_pixels(picture_file(audit, picture))
        if (
            before.shape == after.shape
            and not (before != after).any(axis=2)[~snap_mask(audit, picture, after)].any()
        ):
            found[picture] = before
    return found


def _about(audit: FinishedAudit, packed: int, there: int) -> dict[str, Any]:
    about = audit.about
    return {
        "kind": "audit",
        "name": audit.folder.name,
        "started": about.get("started"),
        "fingerprint": about.get("fingerprint"),
        "model": {"name": about.get("model"), "sha256": about.get("model_sha256")},
        "inputs": {"data": about.get("data"), "images": about.get("images")},
        "settings": audit.settings.to_json(),
        "device": about.get("device"),
        "made_with": about.get("versions"),
        "pictures": {"packed": packed, "of": there},
    }


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise DataError(
            f"{path.name} is gone from the audit ({error.strerror}), so it makes no bundle. Run the "
            "audit again."
        ) from error
