"""One image, one mask, one attack: from request to a result that was re-scored from its saved file."""

import datetime
import hashlib
import secrets
import statistics
import time
from collections.abc import Callable, Generator

import torch

from snapgui.engine.attack.loop import run_attack
from snapgui.engine.attack.objectives import Targeted
from snapgui.engine.attack.pool import Step
from snapgui.engine.attack.texture import fit_texture
from snapgui.engine.cells.outlines import area_fraction, touches_centre
from snapgui.engine.checks import check_run
from snapgui.engine.controls import score_controls
from snapgui.engine.detector.linear import shipped_detector
from snapgui.engine.generator.files import generator_of
from snapgui.engine.images import decode_pixels, encode_png, to_image, to_pixels
from snapgui.engine.victim.victim import Victim
from snapgui.engine.visibility.measures import measure
from snapgui.engine.visibility.naturalness import measure_naturalness
from snapgui.errors import MaskError
from snapgui.provenance import device_name, library_versions
from snapgui.runs.records import CurvePoint, Progress, RunRequest, RunResult


def run_snap(
    victim: Victim, request: RunRequest, *, stop: Callable[[], bool] | None = None, run_id: str | None = None
) -> Generator[Progress, None, RunResult]:
    """Attack one image; yields progress each step and returns the result.

    Args:
        victim: the classifier.
        request: image, mask and settings.
        stop: asked after each step; True keeps the best so far.
        run_id: name of the run; a new one if there is none.

    Raises:
        MaskError: a finding of `check_run` says that the run cannot be made.
        ModelError: the shipped detector cannot be read.
    """
    detector = shipped_detector()
    started = datetime.datetime.now(datetime.UTC)
    findings = check_run(victim, request.pixels, request.mask, request.attack, true_class=request.true_class)
    if findings and findings[0].level == "error":
        raise MaskError(findings[0].text)
    device = victim.mean.device
    images = to_image(request.pixels)[None].to(device)
    masks = torch.from_numpy(request.mask)[None, None].to(device)
    settings = request.attack
    steps = run_attack(
        victim,
        images,
        masks,
        objective=Targeted(settings.target),
        texture=fit_texture(settings, images, masks),
        settings=settings,
    )
    p_before = _probabilities(victim, images)
    curve: list[CurvePoint] = []
    times_ms: list[float] = []
    stopped = False
    limit = settings.steps * (settings.restarts + 1)
    begin = last = time.perf_counter()
    for step in steps:
        now = time.perf_counter()
        times_ms.append((now - last) * 1000)
        last = now
        progress = _progress(step, limit, times_ms)
        curve.append(CurvePoint(progress.step, progress.p, progress.best_p_target))
        yield progress
        last = time.perf_counter()
        if stop and stop() and bool(step.running.any()):
            stopped = True
            break
    adversarial = decode_pixels(encode_png(to_pixels(step.best_images[0])))
    p_after = _probabilities(victim, to_image(adversarial)[None].to(device))
    target = settings.target
    return RunResult(
        run_id=run_id or new_run_id(),
        request=request,
        adversarial=adversarial,
        curve=tuple(curve),
        best_step=int(step.best_step[0]),
        steps=int(step.taken[0]),
        p_before=p_before,
        p_after=p_after,
        success=p_after[target] >= settings.confidence,
        flipped=_top(p_before) != target and _top(p_after) == target,
        stopped=stopped,
        area_fraction=area_fraction(request.mask),
        centre="open" if touches_centre(request.mask) else "excluded",
        seconds=time.perf_counter() - begin,
        classes=victim.card.classes,
        model_name=victim.card.name,
        model_sha256=victim.card.sha256,
        image_sha256=hashlib.sha256(request.pixels.tobytes()).hexdigest(),
        device=device_name(device),
        started=started.isoformat(timespec="seconds"),
        versions=library_versions(),
        controls=score_controls(victim, images, masks, settings),
        visibility=measure(request.pixels, adversarial, request.mask),
        findings=tuple(finding.text for finding in findings),
        naturalness=measure_naturalness(request.pixels, adversarial, request.mask, detector),
        generator_sha256=generator_of(settings.texture),
    )


def new_run_id() -> str:
    """A name for a run: when it was asked for, and six random digits."""
    return f"{datetime.datetime.now(datetime.UTC):%Y%m%d-%H%M%S}-{secrets.token_hex(3)}"


def _probabilities(victim: Victim, images: torch.Tensor) -> tuple[float, ...]:
    return tuple(map(float, victim.predict(images)[0]))


def _top(p: tuple[float, ...]) -> int:
    return max(range(len(p)), key=p.__getitem__)


def _progress(step: Step, steps: int, times_ms: list[float]) -> Progress:
    median_ms = statistics.median(times_ms[-50:])
    return Progress(
        step=int(step.taken[0]),
        steps=steps,
        p=tuple(map(float, step.logits[0].softmax(0))),
        best_step=int(step.best_step[0]),
        best_p_target=float(step.best_confidence[0]),
        ms_per_step=median_ms,
        left_s=(steps - int(step.taken[0])) * median_ms / 1000,
        preview=to_pixels(step.best_images[0]),
    )
