"""What a run's bundle claims: ``result.json`` with the pictures that it speaks of. It is compared with the
manifest, with itself and with the texts inside the pictures, and what of it no file can show is named.
"""

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from snapgui import __version__
from snapgui.engine.cells.outlines import draw_mask, read_mask
from snapgui.engine.cells.proposals import propose_cells
from snapgui.engine.generator.files import VARIABLE, generator_of
from snapgui.engine.images import decode_pixels
from snapgui.engine.settings import AttackSettings, CellSettings
from snapgui.engine.victim.victim import Victim
from snapgui.errors import ImageError, MaskError, ModelError, SnapError
from snapgui.provenance import library_versions
from snapgui.report.bundle.archive import BundleError
from snapgui.report.bundle.manifest import NOTICE, read_json
from snapgui.report.verify.checks import Check, check, compare
from snapgui.runs.picture_text import text_of

RUN_FILES = ("original.png", "adversarial.png", "mask.png", "curve.csv", "result.json", "figure.png")
MASK_SOURCES = ("proposed", "drawn", "edited", "imported")
# Made again or compared with something, see the modules beside this one.
CHECKED = {
    *("run_id", "success", "flipped", "stopped", "p_target_before", "p_target_after", "p_before", "p_after"),
    *("classes", "target", "steps", "best_step", "area_fraction", "centre", "gamut", "seed", "attack"),
    *("cells", "model_sha256", "image_sha256", "p_target_controls", "visibility", "gamut_shares", "findings"),
    *("naturalness", "generator_sha256"),
}
# Nothing in a file can show them; the manifest says the same.
STATED = ("image_name", "synthetic", "true_class", "mask_source", "started", "seconds", "device", "versions")
ABOUT_MANIFEST = {
    *("format", "tool", "notice", "kind", "name", "started", "model", "inputs", "settings", "device"),
    *("made_with", "exported_with", "files"),
}
Read = Callable[[str], bytes]
VictimOf = Callable[[str], Victim | Check]


@dataclass(frozen=True)
class Claims:
    """``result.json``, the pictures, and the settings in it."""

    values: dict[str, Any]
    original: NDArray[np.uint8]
    adversarial: NDArray[np.uint8]
    mask: NDArray[np.bool_]
    attack: AttackSettings
    cells: CellSettings | None

    @property
    def earlier(self) -> bool:
        """Whether another version of this program wrote the run: its sentences, controls and figure may be
        others than today's.
        """
        return bool(self.values["versions"].get("snap-studio") != __version__)


def read_claims(read: Read) -> Claims:
    """The claims of a bundle; raises BundleError where they cannot be read at all."""
    values = read_json(read("result.json"), "result.json")
    try:
        original, adversarial = (
            decode_pixels(read("original.png"), name="original.png"),
            decode_pixels(read("adversarial.png"), name="adversarial.png"),
        )
        mask = read_mask(read("mask.png"), shape=(original.shape[0], original.shape[1]), name="mask.png")
        attack = AttackSettings.from_json(values["attack"])
        cells = CellSettings.from_json(values["cells"]) if values["cells"] is not None else None
    except (SnapError, KeyError, TypeError) as error:
        raise BundleError(str(error)) from error
    if adversarial.shape != original.shape:
        raise BundleError("original.png and adversarial.png are of different sizes.")
    return Claims(values, original, adversarial, mask, attack, cells)


def check_record(manifest: dict[str, Any], claims: Claims, read: Read) -> Iterator[Check]:
    """Contradictions within the record; raises KeyError or TypeError where it says too little."""
    values, attack = claims.values, claims.attack
    same = {
        "name": manifest["name"] == values["run_id"],
        "started": manifest["started"] == values["started"],
        "model": manifest["model"] == {"name": values["model_name"], "sha256": values["model_sha256"]},
        "image": manifest["inputs"]
        == {
            "image": values["image_name"],
            "synthetic": values["synthetic"],
            "rgb_sha256": values["image_sha256"],
        },
        "settings": manifest["settings"] == {"attack": values["attack"], "cells": values["cells"]},
        "device": manifest["device"] == values["device"],
        "versions": manifest["made_with"] == values["versions"],
        "notice": manifest["notice"] == NOTICE,
    }
    other = [name for name, right in same.items() if not right]
    yield compare(
        not other,
        "manifest.json and result.json name the same run, model, image and settings",
        "manifest.json and result.json speak of different runs, models, images or settings: they differ in "
        + ", ".join(other),
    )
    repeated = (values["target"], values["gamut"], values["seed"])
    yield compare(
        repeated == (attack.target, attack.gamut, attack.seed),
        "target, gamut and seed are those of the settings",
        f"target, gamut and seed {str(repeated)[:60]} are not those of the settings, "
        f"{(attack.target, attack.gamut, attack.seed)}",
    )
    yield _true_class(values)
    yield from _texts(claims, read)
    yield from _mask_source(claims)


def _true_class(values: dict[str, Any]) -> Check:
    true_class = values["true_class"]
    known = isinstance(true_class, int) and not isinstance(true_class, bool)
    return compare(
        true_class is None or (known and 0 <= true_class < len(values["classes"])),
        "the true class is one of the classes, or unknown",
        f"the true class {str(true_class)[:20]} is none of the {len(values['classes'])} classes",
    )


def _texts(claims: Claims, read: Read) -> Iterator[Check]:
    """The provenance inside each picture against the record."""
    values = claims.values
    wanted = {
        "Software": f"SNAP Studio {values['versions'].get('snap-studio', '')}".strip(),
        "Run": values["run_id"],
        "Model SHA-256": values["model_sha256"],
        "Image SHA-256": values["image_sha256"],
    }
    settings = {"attack": values["attack"], "cells": values["cells"]}
    wrong = []
    for name in RUN_FILES:
        if not name.endswith(".png"):
            continue
        try:
            text = text_of(read(name))
        except ImageError:
            text = {}
        wrong += [f"{key} of {name}" for key, value in wanted.items() if text.get(key) != value]
        try:
            told = json.loads(text.get("Settings", ""))
        except (ValueError, RecursionError):
            told = None
        if told != settings:
            wrong.append(f"Settings of {name}")
    yield compare(
        not wrong,
        "the texts inside the pictures name the same run, model, image and settings",
        f"the texts inside the pictures contradict result.json or are gone: {', '.join(wrong)}",
    )


def _mask_source(claims: Claims) -> Iterator[Check]:
    """Whether a mask can have come from where it is said to."""
    source, cells = claims.values["mask_source"], claims.cells
    known = source in MASK_SOURCES and not (source == "proposed" and cells is None)
    if not known or cells is None or source != "proposed":
        yield compare(
            known,
            f"the mask was {source}, which nothing contradicts",
            f"the mask is said to be {str(source)[:20]}, "
            + ("without settings that propose one" if source == "proposed" else "which no mask is"),
        )
        if cells is not None:
            yield Check("stated", "settings of the cells: the mask is not as they propose it")
        return
    if cells.placement in ("gain", "trim") or claims.values["versions"] != library_versions():
        yield Check("stated", "settings of the cells: the mask was not proposed again")
        return
    try:
        proposed = draw_mask(propose_cells(claims.original, cells), claims.mask.shape)
    except MaskError:
        proposed = np.zeros_like(claims.mask)
    if not claims.earlier or np.array_equal(proposed, claims.mask):
        yield check(
            np.array_equal(proposed, claims.mask),
            "the mask is the one that the settings of the cells propose",
            "the mask is said to be proposed, but the settings of the cells propose another",
        )


def check_generator(texture: str, stated: Any, *, earlier: bool) -> Check | None:
    """Whether the file here from which nuclei are painted is the one stated; None where none is needed."""
    if texture != "nucleus":
        if stated is None:
            return None
        return Check("fails", "a file of nuclei is stated, which the texture does not use")
    if stated is None:
        words = "the file from which nuclei were painted: it is not stated"
        return Check("stated" if earlier else "fails", words)
    try:
        here = str(generator_of(texture))
    except ModelError as error:
        return Check("unchecked", f"what is painted from a file of nuclei: {error}")
    if here == stated and earlier:
        return Check(
            "stated",
            f"the file of nuclei here is the one stated: SHA-256 {here[:12]}; another version of the program "
            "painted from it, by rules of its own",
        )
    if here == stated:
        return Check("holds", f"the file of nuclei here is the one stated: SHA-256 {here[:12]}")
    return Check(
        "unchecked",
        f"what is painted from a file of nuclei: the one stated has SHA-256 {str(stated)[:12]}, the one here "
        f"{here[:12]}; name the file in the environment variable {VARIABLE}",
    )


def name_the_rest(manifest: dict[str, Any], values: dict[str, Any]) -> Check:
    """One line that names every field that nothing in the bundle can show, and those that are not known."""
    unknown = sorted(str(name)[:30] for name in set(values) - CHECKED - set(STATED) - {"model_name"})
    unknown += [f"{str(name)[:30]} of manifest.json" for name in sorted(set(manifest) - ABOUT_MANIFEST)]
    told = [name for name in STATED if values.get(name) is not None]
    words = f"{', '.join(told)}, exported_with and the comments inside the pictures: no file can show them"
    if unknown:
        words += f"; {', '.join(unknown[:20])}: this version knows no such fields"
    return Check("stated", words)
