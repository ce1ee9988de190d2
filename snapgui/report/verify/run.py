"""The claims of a run's bundle, made again: mask, area, centre, colours, visibility, and what the model says
here.
"""

from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from snapgui.engine.attack.gamut import fit_gamut, project
from snapgui.engine.attack.packing import flatten, pack
from snapgui.engine.cells.outlines import area_fraction, read_mask, touches_centre
from snapgui.engine.controls import score_controls
from snapgui.engine.images import decode_pixels, sha256, to_image
from snapgui.engine.settings import AttackSettings
from snapgui.engine.victim.victim import Victim
from snapgui.engine.visibility.gamut_shares import GamutShares, gamut_shares
from snapgui.engine.visibility.measures import measure
from snapgui.errors import SnapError
from snapgui.report.bundle.archive import BundleError
from snapgui.report.bundle.manifest import read_json
from snapgui.report.verify.checks import Check, agree, check, is_number
from snapgui.report.verify.naturalness import check_naturalness
from snapgui.report.verify.retouch import allowed_words, beyond_bound
from snapgui.words import as_set, per_cent

# Other processors and libraries add up in another order; the same weights and pixels agree far better than
# this.
SCORE_TOLERANCE = 0.002
NUMBER_TOLERANCE = 0.001
# One level of 255: twice what rounding can do along a channel, since the axes of a gamut lie askew.
ROUNDING = 1 / 255
Read = Callable[[str], bytes]
VictimOf = Callable[[str], Victim | Check]


@dataclass(frozen=True)
class Claims:
    """``result.json`` with the pictures that it speaks of."""

    values: dict[str, Any]
    original: NDArray[np.uint8]
    adversarial: NDArray[np.uint8]
    mask: NDArray[np.bool_]
    attack: AttackSettings


def check_run_claims(manifest: dict[str, Any], read: Read, victim_of: VictimOf) -> Iterator[Check]:
    """Every claim of a run that can be made again; raises BundleError where the claims cannot be read at
    all.
    """
    claims = _read_claims(read)
    try:
        yield from _pictures(manifest, claims)
        yield from _numbers(claims)
        yield from _outcome(claims.values, claims.attack)
        yield from _scores(claims, victim_of)
    except (KeyError, TypeError, ValueError, IndexError, AttributeError, OverflowError) as error:
        yield Check("fails", f"result.json says all that it should ({error!r})")


def _read_claims(read: Read) -> Claims:
    values = read_json(read("result.json"), "result.json")
    try:
        original, adversarial = (
            decode_pixels(read("original.png"), name="original.png"),
            decode_pixels(read("adversarial.png"), name="adversarial.png"),
        )
        mask = read_mask(read("mask.png"), shape=(original.shape[0], original.shape[1]), name="mask.png")
        attack = AttackSettings.from_json(values["attack"])
    except (SnapError, KeyError, TypeError) as error:
        raise BundleError(str(error)) from error
    if adversarial.shape != original.shape:
        raise BundleError("original.png and adversarial.png are of different sizes.")
    return Claims(values, original, adversarial, mask, attack)


def _pictures(manifest: dict[str, Any], claims: Claims) -> Iterator[Check]:
    values = claims.values
    same = (
        manifest["name"] == values["run_id"]
        and manifest["model"]["sha256"] == values["model_sha256"]
        and manifest["inputs"]["rgb_sha256"] == values["image_sha256"]
        and manifest["settings"]["attack"] == values["attack"]
    )
    yield check(
        same,
        "manifest.json and result.json name the same run, model, image and settings",
        "manifest.json and result.json speak of different runs, models, images or settings",
    )
    digest = sha256(claims.original.tobytes())
    yield check(
        digest == values["image_sha256"],
        f"the image has the SHA-256 stated, {digest[:12]}",
        f"the image has SHA-256 {digest[:12]}; {str(values['image_sha256'])[:12]} is stated",
    )
    outside = int((claims.original != claims.adversarial).any(axis=2)[~claims.mask].sum())
    yield check(
        outside == 0,
        "outside the mask every pixel is the same before and after",
        f"{outside} pixels outside the mask were changed",
    )


def _numbers(claims: Claims) -> Iterator[Check]:
    values = claims.values
    area, centre = area_fraction(claims.mask), "open" if touches_centre(claims.mask) else "excluded"
    yield check(
        agree(values["area_fraction"], area, 1e-9),
        f"the mask covers {per_cent(area, 2)} of the pixels, as stated",
        f"the mask covers {per_cent(area, 2)} of the pixels; {_stated(values['area_fraction'])} is stated",
    )
    yield check(
        values["centre"] == centre,
        f"the centre is {centre}, as stated",
        f"the centre is {centre}; {str(values['centre'])[:20]} is stated",
    )
    shares = gamut_shares(claims.original, claims.adversarial, stains=claims.attack.stains)
    stated_shares = values.get("gamut_shares")
    words = (
        f"{shares.changed_px} pixels changed, {_share(shares.outside_range)} of them outside the "
        f"image's range, {_share(shares.outside_stain)} outside its stains"
    )
    if stated_shares is None:
        yield Check("unchecked", f"{words}; the run states no shares")
    else:
        yield check(
            agree(stated_shares, asdict(shares), 0.01),
            f"{words}, as stated",
            f"{words}; other shares are stated",
        )
    # A soft edge mixes the patch with the image's own colours, which only the range is sure to hold.
    if claims.attack.texture != "free":
        if not claims.attack.soft_edge:
            yield _retouched(claims)
    elif claims.attack.gamut == "range" or not claims.attack.soft_edge:
        outside = _outside_gamut(claims, shares)
        yield check(
            outside == 0,
            f"every changed colour lies in the gamut asked for, {claims.attack.gamut}",
            f"{outside} changed pixels have colours outside the gamut asked for, {claims.attack.gamut}",
        )
    measured = {
        region: {name: value if np.isfinite(value) else None for name, value in asdict(numbers).items()}
        for region, numbers in measure(claims.original, claims.adversarial, claims.mask).items()
    }
    stated = values["visibility"]
    right = all(
        region in stated
        and agree({name: stated[region][name] for name in numbers}, numbers, NUMBER_TOLERANCE)
        for region, numbers in measured.items()
    )
    yield check(
        right,
        f"visibility measured again is the same: {_seen(measured)}",
        f"visibility measured again is another: {_seen(measured)}",
    )
    if "naturalness" in values:
        yield from check_naturalness(values["naturalness"], claims.original, claims.adversarial, claims.mask)


def _retouched(claims: Claims) -> Check:
    bound = claims.attack.bound if claims.attack.texture == "retouch" else None
    beyond = int(beyond_bound(claims.original, claims.adversarial, bound).sum())
    allowed = allowed_words(bound)
    return check(
        beyond == 0,
        f"every changed colour is {allowed}, and what these do not explain is as before",
        f"{beyond} changed pixels have colours that are {'not' if bound is None else 'more than'} {allowed}",
    )


def _outside_gamut(claims: Claims, shares: GamutShares) -> int:
    """Changed pixels whose colour lies further from the gamut than rounding to 8 bits brings it."""
    if claims.attack.gamut == "stain":
        return round((shares.outside_stain or 0) * shares.changed_px)
    changed = torch.from_numpy((claims.original != claims.adversarial).any(axis=2))
    if not changed.any():
        return 0
    packed = pack(changed[None, None])
    colours = flatten(to_image(claims.adversarial)[None])[packed.places]
    distance = (
        (project(fit_gamut(claims.attack.gamut, to_image(claims.original)[None]), colours, packed) - colours)
        .abs()
        .amax(dim=1)
    )
    return int((distance > ROUNDING).sum())


def _outcome(values: dict[str, Any], attack: AttackSettings) -> Iterator[Check]:
    before, after, target = values["p_before"], values["p_after"], attack.target
    success = after[target] >= attack.confidence
    flipped = int(np.argmax(before)) != target and int(np.argmax(after)) == target
    stated = (values["success"], values["flipped"], values["p_target_before"], values["p_target_after"])
    yield check(
        agree(list(stated), [success, flipped, before[target], after[target]], 1e-12),
        "outcome and probabilities stated agree with each other",
        "the outcome stated does not follow from the probabilities stated",
    )


def _scores(claims: Claims, victim_of: VictimOf) -> Iterator[Check]:
    values = claims.values
    victim = victim_of(str(values["model_sha256"]))
    if isinstance(victim, Check):
        yield victim
        return
    yield Check("holds", f"the model here is the one stated: SHA-256 {victim.card.sha256[:12]}")
    names = list(values["classes"])
    for name, pixels, stated in (
        ("original.png", claims.original, values["p_before"]),
        ("adversarial.png", claims.adversarial, values["p_after"]),
    ):
        p = victim.predict(to_image(pixels)[None])[0].tolist()
        yield check(
            agree(stated, p, SCORE_TOLERANCE),
            f"{name}, scored here: {_answer(names, p)}, as stated within {as_set(SCORE_TOLERANCE)}",
            f"{name}, scored here: {_answer(names, p)}; stated is {_answer(names, stated)}",
        )
    yield from _controls(claims, victim)


def _controls(claims: Claims, victim: Victim) -> Iterator[Check]:
    stated = claims.values["p_target_controls"]
    images = to_image(claims.original)[None].to(victim.mean.device)
    masks = torch.from_numpy(claims.mask)[None, None].to(images.device)
    scored = score_controls(victim, images, masks, claims.attack)
    target = claims.values["classes"][claims.attack.target]
    for name, stated_p in stated.items():
        if name not in scored:
            yield Check("unchecked", f"control {name[:40]}: it cannot be made from the bundle")
            continue
        words = f"control {name}, made and scored here: {target} {per_cent(scored[name], 2)}"
        yield check(
            agree(stated_p, scored[name], SCORE_TOLERANCE),
            f"{words}, as stated within {as_set(SCORE_TOLERANCE)}",
            f"{words}; stated is {_stated(stated_p)}",
        )


def _answer(names: list[str], p: Any) -> str:
    return ", ".join(f"{name} {_stated(value)}" for name, value in zip(names, p, strict=True))


def _stated(share: Any) -> str:
    """A share as it is stated, which may be anything."""
    return per_cent(share, 2) if is_number(share) else str(share)[:20]


def _share(value: float | None) -> str:
    return "none" if value is None else per_cent(value)


def _seen(measured: dict[str, dict[str, Any]]) -> str:
    return "; ".join(
        f"{region} CIEDE2000 {numbers['mean_de00']:.2f}, SSIM {numbers['ssim']:.3f}"
        for region, numbers in measured.items()
    )
