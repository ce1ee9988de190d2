"""The claims of an audit's bundle, made again: its summary from its table, its pictures by the model, and
what its untouched pictures allow.
"""

import io
import json
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import torch

from snapgui import __version__
from snapgui.audit.rows import LATER, SCHEMA, UNTOUCHED
from snapgui.audit.settings import SNAP, AuditSettings, conditions_of
from snapgui.audit.summary import summarise
from snapgui.engine.cells.outlines import area_fraction, read_mask, touches_centre
from snapgui.engine.images import decode_pixels, sha256, to_image
from snapgui.engine.victim.victim import Victim
from snapgui.errors import SnapError
from snapgui.report.bundle.archive import BundleError
from snapgui.report.bundle.manifest import MANIFEST, NOTICE, SUMS, read_json
from snapgui.report.verify.checks import Check, agree, check, check_names, compare
from snapgui.report.verify.originals import Pictures, check_controls, check_looks, originals_differ, remade
from snapgui.report.verify.record import ABOUT_MANIFEST, check_generator
from snapgui.report.verify.run import SCORE_TOLERANCE
from snapgui.report.verify.table import check_table
from snapgui.runs.picture_text import text_of
from snapgui.words import as_set, counted, listed, per_cent

# Of so many pictures visibility and naturalness are measured again, of so many the controls are made again.
MEASURED, REMADE = 32, 8
AUDIT_FILES = {"audit.json", "summary.json", "rows.parquet"}
# What a summary says beyond its table: the time that it took.
COSTS = ("seconds_per_image", "image_steps")
ABOUT = {
    *("fingerprint", "settings", "model", "model_sha256", "data", "images", "shards", "classes", "device"),
    *("versions", "method", "remarks", "started", "detector", "generator_sha256"),
}
Read = Callable[[str], bytes]
VictimOf = Callable[[str], Victim | Check]


def check_audit_claims(
    manifest: dict[str, Any], names: list[str], read: Read, victim_of: VictimOf
) -> Iterator[Check]:
    """Every claim of an audit that can be made again; raises BundleError where the claims cannot be read at
    all.
    """
    about, summary, rows = (
        read_json(read("audit.json"), "audit.json"),
        read_json(read("summary.json"), "summary.json"),
        _read_rows(read),
    )
    try:
        settings = AuditSettings.from_json(about["settings"])
    except (SnapError, KeyError, TypeError, AttributeError, ValueError) as error:
        raise BundleError(f"the settings in audit.json are none of an audit ({str(error)[:80]}).") from error
    failed = False
    try:
        for one in _each(manifest, about, summary, rows, settings, names, read):
            failed |= one.state == "fails"
            yield one
        yield from _pictures(rows, about, settings, names, read, victim_of, failed)
        yield _name_the_rest(manifest, about, rows, settings)
    except (KeyError, TypeError, ValueError, IndexError, AttributeError, OverflowError) as error:
        yield Check("fails", f"audit.json and summary.json say all that they should ({repr(error)[:120]})")


def _read_rows(read: Read) -> pd.DataFrame:
    try:
        table = pq.read_table(io.BytesIO(read("rows.parquet")))
        there = [name for name in SCHEMA.names if name in table.column_names or name not in LATER]
        return table.select(there).to_pandas()
    except (pa.ArrowException, OSError, ValueError, KeyError) as error:
        raise BundleError(f"rows.parquet is no table of an audit ({str(error)[:80]}).") from error


def _each(
    manifest: dict[str, Any],
    about: dict[str, Any],
    summary: dict[str, Any],
    rows: pd.DataFrame,
    settings: AuditSettings,
    names: list[str],
    read: Read,
) -> Iterator[Check]:
    """What the files say of each other."""
    same = {
        "name": manifest["name"] == f"audit-{str(about['fingerprint'])[:12]}",
        "fingerprint": manifest["fingerprint"] == about["fingerprint"],
        "model": manifest["model"] == {"name": about["model"], "sha256": about["model_sha256"]},
        "data": manifest["inputs"] == {"data": about["data"], "images": about["images"]},
        "settings": any(
            agree(manifest["settings"], one, 0)
            for one in (about["settings"], json.loads(json.dumps(settings.to_json())))
        ),
        "started": manifest["started"] == about["started"],
        "device": manifest["device"] == about["device"],
        "versions": manifest["made_with"] == about["versions"],
        "notice": manifest["notice"] == NOTICE,
        "shards": about["shards"] == -(-about["images"] // settings.shard_size),
    }
    other = [name for name, right in same.items() if not right]
    yield compare(
        not other,
        "manifest.json and audit.json name the same audit and model",
        "manifest.json and audit.json speak of different audits or models: they differ in "
        + ", ".join(other),
    )
    stated = {name: value for name, value in summary.items() if name != "seconds"}
    stated["conditions"] = [
        {name: value for name, value in row.items() if name not in COSTS} for row in stated["conditions"]
    ]
    yield check(
        agree(stated, summarise(rows), 1e-9),
        f"summary.json follows from the {len(rows):,} rows of rows.parquet",
        "summary.json does not follow from rows.parquet",
    )
    yield from check_table(rows, settings, int(about["images"]))
    snap = rows[(rows["condition"] == SNAP) & rows["picture"].notna()].sort_values(
        "p_label_after", kind="stable"
    )
    packed, there = manifest["pictures"]["packed"], manifest["pictures"]["of"]
    surest = [str(name) for name in snap["picture"].head(int(packed))]
    yield compare(
        there == len(snap) and 0 <= packed == len(surest),
        f"{packed} of {there} pictures are packed, those that fooled the model most surely",
        f"{str(packed)[:20]} of {str(there)[:20]} pictures are said to be packed; the table has {len(snap)}",
    )
    wanted = {f"pictures/{name}" for name in surest}
    wanted |= {name.replace(".png", "-mask.png") for name in wanted}
    originals = {f"originals/{name}" for name in surest}
    yield from check_names(names, AUDIT_FILES | wanted, originals)
    yield from _texts(manifest, about, sorted((wanted | originals) & set(names)), read)


def _texts(manifest: dict[str, Any], about: dict[str, Any], names: list[str], read: Read) -> Iterator[Check]:
    wanted = {
        "Software": f"SNAP Studio {about['versions'].get('snap-studio', '')}".strip(),
        "Audit": manifest["name"],
        "Model SHA-256": about["model_sha256"],
    }
    wrong = []
    for name in names:
        try:
            text = text_of(read(name))
            told = json.loads(text.get("Settings", ""))
        except (SnapError, ValueError, RecursionError):
            wrong.append(name)
            continue
        if told != about["settings"] or any(text.get(key) != value for key, value in wanted.items()):
            wrong.append(name)
    yield compare(
        not wrong,
        f"the texts inside the {len(names)} pictures name the same audit, model and settings",
        "texts inside pictures contradict audit.json or are gone: " + ", ".join(wrong[:5]),
    )


def _pictures(
    rows: pd.DataFrame,
    about: dict[str, Any],
    settings: AuditSettings,
    names: list[str],
    read: Read,
    victim_of: VictimOf,
    failed: bool,
) -> Iterator[Check]:
    """What the model says here of every picture, and what is measured on some of them."""
    snap = rows[(rows["condition"] == SNAP) & rows["picture"].notna()]
    packed = snap[("pictures/" + snap["picture"].astype(str)).isin(names)]
    if not len(packed):
        yield Check("unchecked", "there are no pictures to score again")
        return
    victim = victim_of(str(about["model_sha256"]))
    if isinstance(victim, Check):
        yield victim
        return
    yield Check("holds", f"the model here is the one stated: SHA-256 {victim.card.sha256[:12]}")
    classes = check(
        list(about["classes"]) == list(victim.card.classes),
        f"its classes are those stated: {listed(list(victim.card.classes))}",
        f"its classes are {listed(list(victim.card.classes))}; others are stated",
    )
    yield classes
    if about["model"] != victim.card.name:
        yield Check("stated", f"the name of the model: here it is called {victim.card.name}")
    wrong = []
    for row in packed.to_dict("records"):
        try:
            reason = _why_wrong(row, read, victim)
            if not reason and f"originals/{row['picture']}" in names:
                before, after, mask = _read_pictures(row, read)
                reason = originals_differ(before, after, mask, row, victim)
        except SnapError as error:
            reason = str(error)
        if reason:
            wrong.append(Check("fails", f"{row['picture']}: {reason}"))
    yield from wrong
    yield check(
        not wrong,
        f"{len(packed) - len(wrong)} of {len(packed)} pictures (of {len(snap):,}) score here as stated "
        f"within {as_set(SCORE_TOLERANCE)}, on the area and centre stated",
    )
    yield from _looks(
        rows, packed, about, settings, names, read, victim, failed or bool(wrong) or classes.state == "fails"
    )


def _looks(
    rows: pd.DataFrame,
    packed: pd.DataFrame,
    about: dict[str, Any],
    settings: AuditSettings,
    names: list[str],
    read: Read,
    victim: Victim,
    failed: bool,
) -> Iterator[Check]:
    """What needs the untouched pictures."""
    with_original = packed[("originals/" + packed["picture"].astype(str)).isin(names)]
    what = "before, visibility, naturalness and controls"
    if len(with_original) < len(packed):
        yield Check(
            "stated",
            f"{what} of {counted(len(packed) - len(with_original), 'picture')}, whose untouched image is not "
            "in the bundle",
        )
    if failed:
        yield Check("stated", f"{what}: they are made again where all else holds")
        return
    if not len(with_original):
        return
    yield Check(
        "holds",
        f"{counted(len(with_original), 'untouched picture')}: outside the mask as after, and scored here as "
        "stated",
    )
    # Nobody knows beforehand which, as they hang on the table itself.
    seed = int(sha256(read("rows.parquet"))[:12], 16)
    order = np.random.default_rng(seed).permutation(len(with_original))
    some = with_original.iloc[np.sort(order[:MEASURED])]
    pictures: Pictures = {int(row["position"]): _read_pictures(row, read) for row in some.to_dict("records")}
    yield from check_looks(some, pictures, about.get("detector"))
    generator = check_generator(
        settings.attack.texture,
        about.get("generator_sha256"),
        earlier=about["versions"].get("snap-studio") != __version__,
    )
    if generator is not None:
        yield generator
        if generator.state != "holds":
            yield Check("stated", "controls: they are painted from that file")
            return
    yield from check_controls(
        rows, with_original.iloc[np.sort(order[: min(REMADE, MEASURED)])], pictures, settings, victim
    )


def _read_pictures(row: dict[str, Any], read: Read) -> tuple[Any, Any, Any]:
    name = row["picture"]
    before, after = (
        decode_pixels(read(f"{folder}/{name}"), name=f"{folder}/{name}")
        for folder in ("originals", "pictures")
    )
    return before, after, _read_mask(row, after.shape, read)


def _read_mask(row: dict[str, Any], shape: tuple[int, ...], read: Read) -> Any:
    name = f"pictures/{row['picture']}".replace(".png", "-mask.png")
    return read_mask(read(name), shape=(shape[0], shape[1]))


def _why_wrong(row: dict[str, Any], read: Read, victim: Victim) -> str:
    name = f"pictures/{row['picture']}"
    pixels = decode_pixels(read(name), name=name)
    mask = _read_mask(row, pixels.shape, read)
    with torch.no_grad():
        p = float(victim.predict(to_image(pixels)[None])[0][int(row["label"])])
    if not agree(row["p_label_after"], p, SCORE_TOLERANCE):
        return (
            f"scored here {per_cent(p, 2)} for its true class; stated is {per_cent(row['p_label_after'], 2)}"
        )
    if not agree(row["area"], area_fraction(mask), 1e-9) or (row["centre"] == "open") != touches_centre(mask):
        return "its mask has another area or another centre than stated"
    return ""


def _name_the_rest(
    manifest: dict[str, Any], about: dict[str, Any], rows: pd.DataFrame, settings: AuditSettings
) -> Check:
    """One line that names what nothing in the bundle can show."""
    again = {SNAP, UNTOUCHED, *(one.name for one in conditions_of(settings) if remade(one))}
    others = [str(name)[:40] for name in rows["condition"].unique() if name not in again]
    images = len(rows[rows["condition"] == UNTOUCHED])
    packed = manifest["pictures"]["packed"]
    parts = [
        "data, labels, ids, splits, fingerprint, started, device, versions, seconds, image_steps, remarks, "
        "errors, exported_with and the comments inside the pictures: no file can show them",
        "settings by which images were chosen, cells proposed, the attack made and the work divided: only "
        "what controls are made of was used again",
        f"the rows of the {images - packed:,} images whose pictures are not in the bundle, and steps and the "
        "step kept of all: they were only compared with each other",
    ]
    if others:
        parts.append(f"the pictures of {listed(others[:20])}: they are not in the bundle")
    unknown = [str(name)[:30] for name in sorted(set(about) - ABOUT)]
    known = ABOUT_MANIFEST | {"fingerprint", "pictures", MANIFEST, SUMS}
    unknown += [f"{str(name)[:30]} of manifest.json" for name in sorted(set(manifest) - known)]
    if unknown:
        parts.append(f"{', '.join(unknown[:20])}: this version knows no such fields")
    return Check("stated", "; ".join(parts))
