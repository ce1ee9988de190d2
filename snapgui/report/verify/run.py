"""The claims of a run's bundle, made again: mask, area, centre, colours, visibility, and what the model says
here.
"""

import functools
import re
from collections.abc import Iterator
from dataclasses import asdict
from typing import Any

import numpy as np
import torch

from snapgui.engine.attack.gamut import fit_gamut, project
from snapgui.engine.attack.packing import flatten, pack
from snapgui.engine.cells.outlines import area_fraction, touches_centre
from snapgui.engine.checks import check_run
from snapgui.engine.controls import score_controls
from snapgui.engine.images import sha256, to_image
from snapgui.engine.settings import AttackSettings
from snapgui.engine.victim.victim import Victim
from snapgui.engine.visibility.gamut_shares import GamutShares, gamut_shares
from snapgui.engine.visibility.measures import measure
from snapgui.report.verify.checks import Check, agree, check, check_names, compare, is_number
from snapgui.report.verify.curve import LEFT, attack_again, check_curve
from snapgui.report.verify.figure import check_figure
from snapgui.report.verify.naturalness import check_naturalness
from snapgui.report.verify.record import (
    RUN_FILES,
    Claims,
    Read,
    VictimOf,
    check_generator,
    check_record,
    name_the_rest,
    read_claims,
)
from snapgui.report.verify.retouch import allowed_words, beyond_bound
from snapgui.words import as_set, listed, per_cent

# Other processors and libraries add up in another order; the same weights and pixels agree far better than
# this.
SCORE_TOLERANCE = 0.002
NUMBER_TOLERANCE = 0.001
# Probabilities in sentences, whose last digit another processor may round otherwise.
ONE_HUNDREDTH = 0.0101
HUNDREDTHS = re.compile(r"\b[01]\.[0-9]{2}\b")
# One level of 255: twice what rounding can do along a channel, since the axes of a gamut lie askew.
ROUNDING = 1 / 255


def check_run_claims(
    manifest: dict[str, Any], names: list[str], read: Read, victim_of: VictimOf
) -> Iterator[Check]:
    """Every claim of a run that can be made again; raises BundleError where the claims cannot be read at
    all.
    """
    victim_of = functools.cache(victim_of)
    failed = False
    for one in check_names(names, set(RUN_FILES)):
        failed |= one.state == "fails"
        yield one
    claims = read_claims(read)
    try:
        for one in _each(manifest, claims, read, victim_of):
            failed |= one.state == "fails"
            yield one
        if failed:
            yield Check("stated", f"figure.png and {LEFT}: they are looked at where all else holds")
            return
        yield from check_figure(manifest, claims, read)
        victim = victim_of(str(claims.values["model_sha256"]))
        if isinstance(victim, Victim):
            yield from attack_again(claims, victim, read("curve.csv"))
        else:
            yield Check("stated", f"{LEFT}: the model is missing")
    except (KeyError, TypeError, ValueError, IndexError, AttributeError, OverflowError) as error:
        yield Check("fails", f"result.json says all that it should ({repr(error)[:120]})")


def _each(manifest: dict[str, Any], claims: Claims, read: Read, victim_of: VictimOf) -> Iterator[Check]:
    yield from check_record(manifest, claims, read)
    yield from _pictures(claims)
    yield from _numbers(claims)
    yield from _outcome(claims.values, claims.attack)
    yield from check_curve(claims, read("curve.csv"))
    yield from _scores(claims, victim_of)
    yield name_the_rest(manifest, claims.values)


def _pictures(claims: Claims) -> Iterator[Check]:
    values = claims.values
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
    if not isinstance(values["visibility"], dict):
        raise TypeError("visibility is no table")
    measured = {
        region: {name: value if np.isfinite(value) else None for name, value in asdict(numbers).items()}
        for region, numbers in measure(claims.original, claims.adversarial, claims.mask).items()
    }
    yield check(
        agree(values["visibility"], measured, NUMBER_TOLERANCE),
        f"visibility measured again is the same: {_seen(measured)}",
        f"visibility measured again is another: {_seen(measured)}",
    )
    if "naturalness" in values:
        yield from check_naturalness(values["naturalness"], claims.original, claims.adversarial, claims.mask)
    else:
        yield Check(
            "stated" if claims.earlier else "fails",
            f"how natural it is: the run {'of another version ' if claims.earlier else ''}does not say",
        )


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
    yield compare(
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
    yield check(
        names == list(victim.card.classes),
        f"its classes are those stated: {listed(names)}",
        f"its classes are {listed(list(victim.card.classes))}; {listed([str(name)[:20] for name in names])} "
        "are stated",
    )
    if values["model_name"] != victim.card.name:
        yield Check("stated", f"the name of the model: here it is called {victim.card.name}")
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
    yield from _findings(claims, victim)


def _controls(claims: Claims, victim: Victim) -> Iterator[Check]:
    values = claims.values
    stated = values["p_target_controls"]
    images = to_image(claims.original)[None].to(victim.mean.device)
    masks = torch.from_numpy(claims.mask)[None, None].to(images.device)
    scored = score_controls(victim, images, masks, claims.attack)
    generator = check_generator(claims.attack.texture, values.get("generator_sha256"), earlier=claims.earlier)
    if generator is not None:
        yield generator
        if generator.state != "holds":
            drawn = set(scored) - {"median colour"}
            yield Check("stated", f"control {listed(sorted(drawn))}: painted from that file")
            scored = {name: p for name, p in scored.items() if name not in drawn}
            stated = {name: p for name, p in stated.items() if name not in drawn}
    target = claims.values["classes"][claims.attack.target]
    for name in scored:
        if name not in stated:
            words = f"control {name}: {target} {per_cent(scored[name], 2)} here; the run does not state it"
            yield Check("stated" if claims.earlier else "fails", words)
    for name, stated_p in stated.items():
        if name not in scored:
            yield Check("unchecked", f"control {name[:40]}: it cannot be made from the bundle")
            continue
        words = f"control {name[:40]}, made and scored here: {target} {per_cent(scored[name], 2)}"
        yield check(
            agree(stated_p, scored[name], SCORE_TOLERANCE),
            f"{words}, as stated within {as_set(SCORE_TOLERANCE)}",
            f"{words}; stated is {_stated(stated_p)}",
        )


def _findings(claims: Claims, victim: Victim) -> Iterator[Check]:
    """The sentences of before the run; those of other versions may be others."""
    values = claims.values
    found = check_run(victim, claims.original, claims.mask, claims.attack, true_class=values["true_class"])
    texts, stated = [one.text for one in found], list(values["findings"])
    same = _same_sentences(stated, texts)
    if not same and claims.earlier:
        yield Check("stated", f"findings: by this version they are {' '.join(texts) or 'none'}")
        return
    yield check(
        same,
        f"the findings, made again, are the same {len(texts)}",
        f"the findings, made again, are others: {' '.join(texts) or 'none'}",
    )


def _same_sentences(stated: list[Any], texts: list[str]) -> bool:
    """Whether sentences are the same but for the last digit of their probabilities."""
    if len(stated) != len(texts) or not all(isinstance(one, str) for one in stated):
        return False
    for one, other in zip(stated, texts, strict=True):
        said, found = ([float(value) for value in HUNDREDTHS.findall(text)] for text in (one, other))
        if HUNDREDTHS.sub("p", one) != HUNDREDTHS.sub("p", other) or not agree(said, found, ONE_HUNDREDTH):
            return False
    return True


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
