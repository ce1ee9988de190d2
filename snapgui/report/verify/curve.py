"""Whether ``curve.csv`` can be the way of a run that ended as it is stated; the run's attack, made again."""

import csv
import io
import itertools
import math
from collections.abc import Iterator

import numpy as np
import torch

from snapgui.engine.attack.loop import run_attack
from snapgui.engine.attack.objectives import Targeted
from snapgui.engine.attack.texture import fit_texture
from snapgui.engine.images import to_image, to_pixels
from snapgui.engine.victim.victim import Victim
from snapgui.provenance import device_name, library_versions
from snapgui.report.bundle.archive import BundleError
from snapgui.report.verify.checks import Check, agree, compare
from snapgui.report.verify.record import Claims, check_generator

# The six digits of the file.
DIGITS = 2e-6
# A GPU attacks with the 8 digits of bfloat16 and scores the saved picture with 24.
CPU_TOLERANCE, GPU_TOLERANCE = 0.002, 0.05
# What only the attack itself shows.
LEFT = "seed, start and rule of the attack, and the steps of curve.csv between its first and the one kept"


def read_curve(data: bytes, classes: list[str]) -> list[tuple[int, list[float], float]]:
    """Step, probability of each class and the best so far of the target, row by row; raises BundleError for
    another file.
    """
    try:
        rows = list(csv.reader(io.StringIO(data.decode(), newline="")))
        found = [(int(row[0]), [float(value) for value in row[1:-1]], float(row[-1])) for row in rows[1:]]
    except (UnicodeDecodeError, csv.Error, ValueError, IndexError) as error:
        raise BundleError(f"curve.csv is no table of steps ({str(error)[:80]}).") from error
    if not found or rows[0] != ["step", *(f"p_{name}" for name in classes), "best_p_target"]:
        raise BundleError("curve.csv has other columns than step, one for each class, and best_p_target.")
    if any(len(row) != len(rows[0]) for row in rows):
        raise BundleError("curve.csv has rows of different lengths.")
    return found


def check_curve(claims: Claims, data: bytes) -> Iterator[Check]:
    """One line: the curve agrees with itself, with steps, the step kept and the end, or why not."""
    try:
        reason = _why_not(claims, data)
    except BundleError as error:
        reason = str(error)
    yield compare(
        not reason,
        f"curve.csv, {claims.values['steps']} steps and the kept step {claims.values['best_step']} agree "
        "with each other, with the settings and with the answer on adversarial.png",
        f"curve.csv, steps and outcome contradict each other: {reason}",
    )


def _why_not(claims: Claims, data: bytes) -> str:
    values, attack = claims.values, claims.attack
    curve = read_curve(data, list(values["classes"]))
    steps = [step for step, _, _ in curve]
    aimed = [p[attack.target] for _, p, _ in curve]
    best = [value for _, _, value in curve]
    jumps = {later - one for one, later in itertools.pairwise(steps)}
    if steps[0] != 0 or jumps - ({0, 1} if attack.restarts else {1}):
        return "its steps do not follow one another"
    if steps[-1] != values["steps"]:
        return f"it ends at step {steps[-1]}; {str(values['steps'])[:20]} steps are stated"
    limit = attack.steps * (attack.restarts + 1)
    if not 0 <= values["best_step"] <= steps[-1] <= limit:
        return (
            f"the step kept, {str(values['best_step'])[:20]}, or the last is beyond what the settings allow"
        )
    if any(not 0 <= value <= 1 for _, p, _ in curve for value in p) or any(
        not math.isclose(sum(p), 1, abs_tol=len(p) * DIGITS) for _, p, _ in curve
    ):
        return "its probabilities do not add up to 1"
    for row, value in enumerate(best):
        if min(abs(value - one) for one in aimed[: row + 1]) > DIGITS:
            return f"the best of step {steps[row]} is no probability up to it"
    plain = not attack.least_change and not attack.smoothness and len(curve[0][1]) == 2
    if plain and any(value < max(aimed[: row + 1]) - DIGITS for row, value in enumerate(best)):
        return "its best is not the highest so far"
    tolerance = CPU_TOLERANCE if values["device"] == "CPU" else GPU_TOLERANCE
    kept = [p for step, p, _ in curve if step == values["best_step"]]
    if not any(agree(list(values["p_after"]), p, tolerance) for p in kept):
        return "the step kept has another answer than adversarial.png"
    if not any(abs(p[attack.target] - best[-1]) <= DIGITS for p in kept):
        return "its last best is not that of the step kept"
    if values["stopped"] == _ended(claims, steps[-1], aimed, limit):
        return (
            f"it {'ended by itself' if values['stopped'] else 'neither reached the goal nor took all steps'}"
        )
    return ""


def _ended(claims: Claims, last: int, aimed: list[float], limit: int) -> bool:
    """Whether a run ends by itself at its last step."""
    attack = claims.attack
    goal = attack.confidence - DIGITS if attack.confidence < 1 else math.inf
    if attack.least_change:
        reached = last > 0 and last % attack.steps == 0 and max(aimed) >= goal
    else:
        reached = aimed[-1] >= goal
    return last == limit or reached


def attack_again(claims: Claims, victim: Victim, curve_csv: bytes) -> Iterator[Check]:
    """One line: the attack with the settings stated ends in the same picture, by the same curve; or that it
    does not here, which proves nothing: other processors round otherwise.

    Called where all else holds.
    """
    values = claims.values
    if claims.earlier or values["versions"] != library_versions():
        yield Check("stated", f"{LEFT}: other versions made the run than are here")
        return
    if values["device"] != device_name(victim.mean.device):
        yield Check("stated", f"{LEFT}: the run was made on another device than is here")
        return
    generator = check_generator(claims.attack.texture, values.get("generator_sha256"), earlier=False)
    if generator is not None and generator.state != "holds":
        yield Check("stated", f"{LEFT}: the nuclei were painted from another file than is here")
        return
    images = to_image(claims.original)[None].to(victim.mean.device)
    masks = torch.from_numpy(claims.mask)[None, None].to(images.device)
    settings, curve = claims.attack, []
    steps = run_attack(
        victim,
        images,
        masks,
        objective=Targeted(settings.target),
        texture=fit_texture(settings, images, masks),
        settings=settings,
    )
    for step in steps:
        curve.append([int(step.taken[0]), step.logits[0].softmax(0).tolist(), float(step.best_confidence[0])])
        if values["stopped"] and int(step.taken[0]) >= values["steps"]:
            break
    stated = [list(row) for row in read_curve(curve_csv, list(values["classes"]))]
    if (
        np.array_equal(to_pixels(step.best_images[0]), claims.adversarial)
        and int(step.best_step[0]) == values["best_step"]
        and agree(stated, curve, CPU_TOLERANCE)
    ):
        yield Check(
            "holds",
            f"the attack, made again with seed and settings stated, gives adversarial.png pixel by pixel and "
            f"curve.csv within {CPU_TOLERANCE:g}",
        )
    else:
        yield Check(
            "stated",
            f"{LEFT}: the attack, made again, ends in another picture here, as on another processor it may",
        )
