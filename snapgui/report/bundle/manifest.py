"""What makes files a bundle: ``manifest.json``, which says what they are, and ``SHA256SUMS``, which
``sha256sum -c`` checks.
"""

import hashlib
import json
from collections.abc import Mapping
from importlib.metadata import version
from typing import Any

from snapgui import __version__
from snapgui.report.bundle.archive import BundleError, zip_bytes

FORMAT, TOOL = 1, "SNAP Studio"
MANIFEST, SUMS = "manifest.json", "SHA256SUMS"
NOTICE = "Research use only, not for diagnosis."
KINDS = ("run", "audit", "study", "universal")


def make_bundle(files: Mapping[str, bytes], about: Mapping[str, Any]) -> bytes:
    """The files and what is known about them as the bytes of a ZIP; the same input gives the same bytes.

    Args:
        files: by name, in the order of reading.
        about: plain values: ``kind`` (one of `KINDS`), ``name``, and whatever tells where the numbers
            come from.
    """
    manifest = {
        "format": FORMAT,
        "tool": TOOL,
        "notice": NOTICE,
        **about,
        "exported_with": exporting_versions(),
        "files": {name: {"bytes": len(data), "sha256": _sha256(data)} for name, data in files.items()},
    }
    whole = {**files, MANIFEST: (json.dumps(manifest, indent=2, allow_nan=False) + "\n").encode()}
    return zip_bytes(
        {**whole, SUMS: sums_text({name: _sha256(data) for name, data in whole.items()}).encode()}
    )


def exporting_versions() -> dict[str, str]:
    """Versions of what draws figures and packs pictures."""
    return {"snap-studio": __version__} | {name: version(name) for name in ("matplotlib", "pillow")}


def sums_text(digests: Mapping[str, str]) -> str:
    """Lines as ``sha256sum`` writes and checks them."""
    return "".join(f"{digest}  {name}\n" for name, digest in digests.items())


def read_sums(data: bytes) -> dict[str, str]:
    """SHA-256 by file name; raises BundleError for a line that ``sha256sum`` would not have written."""
    digests: dict[str, str] = {}
    try:
        lines = data.decode().splitlines()
    except UnicodeDecodeError as error:
        raise BundleError(f"{SUMS} is not text. The bundle was not made by this tool.") from error
    for line in lines:
        digest, mark, name = line[:64], line[64:66], line[66:]
        if (
            mark not in ("  ", " *")
            or not name
            or name in digests
            or set(digest) - set("0123456789abcdef")
            or len(digest) != 64
        ):
            raise BundleError(
                f"{SUMS} has the line “{line[:40]}”, which is no SHA-256 with a name. The bundle "
                "was not made by this tool."
            )
        digests[name] = digest
    return digests


def read_manifest(data: bytes) -> dict[str, Any]:
    """The manifest; raises BundleError where it is none of this format."""
    values = read_json(data, MANIFEST)
    if (
        values.get("format") != FORMAT
        or isinstance(values.get("format"), bool)
        or values.get("kind") not in KINDS
        or not isinstance(values.get("files"), dict)
    ):
        raise BundleError(
            f"{MANIFEST} is of format {str(values.get('format'))[:20]}, kind "
            f"{str(values.get('kind'))[:20]}; this version reads format {FORMAT} of "
            f"{', '.join(KINDS)}. Use the version that made the bundle."
        )
    return values


def read_json(data: bytes, name: str) -> dict[str, Any]:
    """An object from JSON; raises BundleError for anything else, and for what programs read differently: a
    name that stands twice, and NaN or Infinity.
    """
    try:
        values = json.loads(data, object_pairs_hook=_once_each, parse_constant=_no_number)
    except (ValueError, RecursionError) as error:
        raise BundleError(f"{name} is not JSON ({str(error)[:80]}).") from error
    if not isinstance(values, dict):
        raise BundleError(f"{name} holds no object.")
    return values


def _once_each(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    values = dict(pairs)
    if len(values) < len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise ValueError(f"{twice[:40]} stands there twice")
    return values


def _no_number(text: str) -> None:
    raise ValueError(f"{text} is no number of JSON")


def _sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()
