"""Check a bundle on any computer: every file by its hash, then every claim that can be made again from the
files.

Hashes show that the files belong together, not who made them: whoever changes a file can make new hashes.
What cannot be made up is the answer of a model whose hash is known, which is why pictures are scored again.
"""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from snapgui.report.bundle.archive import BundleError, entry_names, hash_entry, open_archive, read_entry
from snapgui.report.bundle.manifest import MANIFEST, NOTICE, SUMS, TOOL, read_manifest, read_sums
from snapgui.report.verify.checks import Check, check

if TYPE_CHECKING:
    import zipfile

    from snapgui.engine.victim.victim import Victim

# Files that claims are read from; pictures are read one by one.
MAX_TEXT_BYTES = 64 << 20
Read = Callable[[str], bytes]


def verify_bundle(path: Path, victim_of: "Callable[[str], Victim | Check]") -> Iterator[Check]:
    """Check a bundle, one claim after another.

    Args:
        path: the ZIP.
        victim_of: gives the model of a SHA-256, or a check that says why there is none.

    Raises:
        BundleError: the file is no bundle, or must not be read.
    """
    with open_archive(path) as archive:
        names = entry_names(archive)
        for needed in (MANIFEST, SUMS):
            if needed not in names:
                raise BundleError(
                    f"{Path(path).name} holds no {needed}, so it is no bundle of this tool. Export "
                    "it again as a ZIP."
                )
        sums, manifest = read_sums(_read_small(archive, SUMS)), read_manifest(_read_small(archive, MANIFEST))
        yield from check_files(archive, names, sums, manifest)

        def read(name: str) -> bytes:
            return _read_small(archive, name)

        try:
            yield from _claims(manifest, names, read, victim_of)
        except (BundleError, OverflowError) as error:
            yield Check("fails", f"the claims of the bundle can be read: {error}")


def check_files(
    archive: "zipfile.ZipFile", names: list[str], sums: dict[str, str], manifest: dict[str, Any]
) -> Iterator[Check]:
    """Every file against SHA256SUMS and the manifest; one line for all that hold, one for each that does
    not.
    """
    held = 0
    for name, stated in sums.items():
        try:
            measured = hash_entry(archive, name)
        except BundleError as error:
            yield Check("fails", f"{name}: {error}")
            continue
        if measured == stated:
            held += 1
        else:
            yield Check(
                "fails", f"{name} has SHA-256 {measured[:12]}, {SUMS} says {stated[:12]}: it was changed"
            )
    yield check(held == len(sums) and held > 0, f"{held} of {len(sums)} files have the SHA-256 of {SUMS}")
    for name in sorted(set(names) - set(sums) - {SUMS}):
        yield Check("fails", f"{name} is not listed in {SUMS}")
    listed = {
        name: entry.get("sha256") if isinstance(entry, dict) else None
        for name, entry in manifest["files"].items()
    }
    for name, entry in manifest["files"].items():
        size = archive.getinfo(name).file_size if name in names else None
        if size is not None and isinstance(entry, dict) and entry.get("bytes") != size:
            yield Check("fails", f"{name} has {size:,} bytes; {MANIFEST} states another number")
    if (manifest.get("tool"), manifest.get("notice")) != (TOOL, NOTICE):
        yield Check("fails", f"{MANIFEST} names another tool or another notice than every bundle has")
    yield check(
        listed == {name: digest for name, digest in sums.items() if name != MANIFEST},
        f"{MANIFEST} and {SUMS} list the same {len(listed)} files and hashes",
        f"{MANIFEST} and {SUMS} list different files or hashes",
    )


def _claims(
    manifest: dict[str, Any], names: list[str], read: Read, victim_of: "Callable[[str], Victim | Check]"
) -> Iterator[Check]:
    if manifest["kind"] == "run":
        from snapgui.report.verify.run import check_run_claims

        yield from check_run_claims(manifest, names, read, victim_of)
    elif manifest["kind"] == "audit":
        from snapgui.report.verify.audit import check_audit_claims

        yield from check_audit_claims(manifest, names, read, victim_of)
    elif manifest["kind"] == "universal":
        from snapgui.report.verify.universal import check_universal_claims

        yield from check_universal_claims(manifest, names, read, victim_of)
    else:
        from snapgui.report.verify.study import check_study_claims

        yield from check_study_claims(manifest, names, read)


def _read_small(archive: "zipfile.ZipFile", name: str) -> bytes:
    try:
        size = archive.getinfo(name).file_size
    except KeyError as error:
        raise BundleError(f"{name} is missing.") from error
    if size > MAX_TEXT_BYTES:
        raise BundleError(f"{name} has {size >> 20} MB; at most {MAX_TEXT_BYTES >> 20} MB are read.")
    return read_entry(archive, name)
