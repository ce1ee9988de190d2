"""One shard of an audit: some images under every condition, measured on the pictures as they would be
saved.
"""

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np
import torch
from numpy.typing import NDArray

from snapgui.audit.alter import Altered, MaskCache, Subjects, alter, masks_for
from snapgui.audit.rows import UNTOUCHED, Row, naturalness_columns, new_row, visibility_columns
from snapgui.audit.settings import SNAP, AuditSettings, Condition, conditions_of
from snapgui.data.datasets import PatchSet
from snapgui.engine.cells.outlines import Mask, area_fraction, touches_centre
from snapgui.engine.detector.linear import shipped_detector
from snapgui.engine.images import decode_pixels, encode_png, to_image
from snapgui.engine.victim.victim import Victim
from snapgui.engine.visibility.measures import measure
from snapgui.engine.visibility.naturalness import measure_naturalness
from snapgui.errors import ImageError, MaskError

SOURCE_LABELS = {"metastasis": (1,), "normal": (0,), "both": (0, 1)}


@dataclass
class ShardResult:
    """Rows of the table, pictures by file name, and what each condition cost.

    Seconds and image-steps are kept apart from the rows, which are the same every time.
    """

    rows: list[Row] = field(default_factory=list)
    pictures: dict[str, bytes] = field(default_factory=dict)
    seconds: dict[str, float] = field(default_factory=dict)
    image_steps: dict[str, int] = field(default_factory=dict)


def run_shard(
    victim: Victim,
    patches: PatchSet,
    positions: Sequence[int],
    textures: Sequence[NDArray[np.uint8]],
    settings: AuditSettings,
) -> Iterator[str | ShardResult]:
    """Measure the patches at some positions; yields the name of each condition before it begins, and the
    result last.

    ``textures`` are of nuclei of normal patches, for the control that pastes them. The rows depend on the
    arguments alone.
    """
    threads_before = torch.get_num_threads()
    torch.set_num_threads(settings.threads)
    try:
        result = ShardResult()
        yield UNTOUCHED
        subjects = _predict(victim, patches, positions, settings, result)
        if subjects.ids:
            masks: MaskCache = {}
            for condition in conditions_of(settings):
                yield condition.name
                _measure(victim, patches, subjects, condition, settings, masks, textures, result)
    finally:
        torch.set_num_threads(threads_before)
    yield result


def _predict(
    victim: Victim, patches: PatchSet, positions: Sequence[int], settings: AuditSettings, result: ShardResult
) -> Subjects:
    """Record every image as it is, and give those that are to be attacked."""
    begin = time.perf_counter()
    read = {position: read_or_why(patches, position) for position in positions}
    pixels = {position: picture for position, picture in read.items() if not isinstance(picture, str)}
    p = probabilities(victim, list(pixels.values()), settings.batch_size)
    rows = dict(zip(pixels, p, strict=True))
    chosen = []
    for position in positions:
        if position not in rows:
            result.rows.append(
                new_row(patches, position, UNTOUCHED, status="unreadable", error=read[position])
            )
            continue
        label, predicted = int(patches.labels[position]), int(rows[position].argmax())
        attacked = label in SOURCE_LABELS[settings.source] and predicted == label
        status = "attacked" if attacked else "wrong before" if predicted != label else "other class"
        own = float(rows[position][label])
        result.rows.append(
            new_row(
                patches,
                position,
                UNTOUCHED,
                status=status,
                predicted_before=predicted,
                predicted_after=predicted,
                p_label_before=own,
                p_label_after=own,
            )
        )
        if attacked:
            chosen.append(position)
    result.seconds[UNTOUCHED] = time.perf_counter() - begin
    return Subjects(
        positions=chosen,
        ids=[patches.ids[i] for i in chosen],
        labels=patches.labels[chosen],
        pixels=[pixels[i] for i in chosen],
        p=np.array([rows[i] for i in chosen]),
    )


def _measure(
    victim: Victim,
    patches: PatchSet,
    subjects: Subjects,
    condition: Condition,
    settings: AuditSettings,
    cache: MaskCache,
    textures: Sequence[NDArray[np.uint8]],
    result: ShardResult,
) -> None:
    """Append the rows of each subject."""
    begin = time.perf_counter()
    masks = masks_for(victim, subjects, condition, cache)
    fit = [(i, mask) for i, mask in enumerate(masks) if not isinstance(mask, MaskError)]
    errors = {i: str(mask) for i, mask in enumerate(masks) if isinstance(mask, MaskError)}
    some = subjects.of([i for i, _ in fit])
    rows: dict[int, list[Row]] = {}
    snap = None
    if condition.kind == "sham":
        snap = [decode_pixels(result.pictures[_picture_name(position)]) for position in some.positions]
    steps = 0
    for draw in range(condition.draws if fit else 0):
        try:
            altered = alter(
                victim,
                some,
                [mask for _, mask in fit],
                condition,
                textures,
                batch_size=settings.batch_size,
                draw=draw,
                snap=snap,
            )
        except MaskError as error:
            errors = dict.fromkeys(range(len(masks)), str(error))
            break
        saved = [encode_png(pixels) for pixels in altered.pixels]
        p_after = probabilities(victim, [decode_pixels(data) for data in saved], settings.batch_size)
        for k, (i, mask) in enumerate(fit):
            row = _row(patches, some, k, mask, condition, altered, p_after[k])
            row["draw"] = draw if condition.draws > 1 else None
            rows.setdefault(i, []).append(row)
            if condition.name == SNAP:
                _keep_picture(result, row, saved[k], mask)
                pictures = some.pixels[k], altered.pixels[k]
                row |= naturalness_columns(measure_naturalness(*pictures, mask, shipped_detector()))
        steps += sum(taken or 0 for taken in altered.steps)
    for i, why in errors.items():
        rows[i] = [new_row(patches, subjects.positions[i], condition.name, status="no room", error=why)]
    result.rows += [row for i in sorted(rows) for row in rows[i]]
    result.image_steps[condition.name] = steps
    result.seconds[condition.name] = time.perf_counter() - begin


def _row(
    patches: PatchSet,
    subjects: Subjects,
    k: int,
    mask: Mask,
    condition: Condition,
    altered: Altered,
    p_after: NDArray[np.float64],
) -> Row:
    label = int(subjects.labels[k])
    own = float(p_after[label])
    return new_row(
        patches,
        subjects.positions[k],
        condition.name,
        status="measured",
        predicted_before=label,
        predicted_after=int(p_after.argmax()),
        p_label_before=float(subjects.p[k, label]),
        p_label_after=own,
        flipped=int(p_after.argmax()) != label,
        reached_goal=1 - own >= condition.attack.confidence,
        best_step=altered.best_step[k],
        steps=altered.steps[k],
        area=area_fraction(mask),
        centre="open" if touches_centre(mask) else "excluded",
        **visibility_columns(measure(subjects.pixels[k], altered.pixels[k], mask)),
    )


def _picture_name(position: int) -> str:
    return f"{position:07d}.png"


def _keep_picture(result: ShardResult, row: Row, png: bytes, mask: Mask) -> None:
    row["picture"] = _picture_name(row["position"])
    result.pictures[row["picture"]] = png
    result.pictures[row["picture"].replace(".png", "-mask.png")] = encode_png(mask.astype(np.uint8) * 255)


def probabilities(
    victim: Victim, pictures: Sequence[NDArray[np.uint8]], batch_size: int
) -> NDArray[np.float64]:
    """Probabilities ``(N, K)`` of pictures uint8 ``(H, W, 3)``, in float64."""
    parts = [
        victim.predict(torch.stack([to_image(pixels) for pixels in pictures[start : start + batch_size]]))
        .cpu()
        .double()
        .numpy()
        for start in range(0, len(pictures), batch_size)
    ]
    return np.concatenate(parts) if parts else np.empty((0, len(victim.card.classes)))


def read_or_why(patches: PatchSet, position: int) -> NDArray[np.uint8] | str:
    """A patch's pixels, or why it cannot be read."""
    try:
        return patches.pixels(position)
    except (ImageError, OSError) as error:
        return str(error)


# A shard's number with what is being done in it, or with its result, or with why it failed.
Event = tuple[int, str | ShardResult | Exception]
