"""The choice of the demo patches among candidates: by a model's confidence, and never a copy."""

import json
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from snapgui.data.demo import DEMO_FILE
from snapgui.data.making_demo.candidates import CLASSES, Candidate, candidate_pixels, read_candidates
from snapgui.engine.images import encode_png, sha256, to_image
from snapgui.engine.victim.victim import Victim
from snapgui.errors import DataError
from snapgui.workspace import write_whole

LEAST_CONFIDENCE = 0.9
LEAST_EACH = 12
MOST_WINDOW_CORRELATION = 0.5
STATEMENT = (
    "These patches are synthetic. Each began as random noise and was shaped until its colours and its "
    "texture statistics, averaged over six real patches of one class, were theirs; none is a picture of "
    "tissue from a person, and none may be used for diagnosis. The true class is the class of the patches "
    "whose statistics were used."
)


def choose_demo(
    candidates_folder: Path,
    victim: Victim,
    out: Path,
    *,
    keep: int,
    without: Sequence[str] = (),
) -> dict[str, Any]:
    """Write the demo folder: at most ``keep`` patches a class, and ``demo.json``; old pictures of these
    classes go.

    A candidate is chosen if the victim gives its class at least 90 % and no copy is suspected: it must lie no
    nearer to a `train` patch than real patches can to each other, and none of its quarters may match its
    sources. Among more than ``keep``, the most confident are taken.

    Args:
        candidates_folder: made by `make_candidates`.
        victim: the model that people will attack.
        out: folder to write.
        keep: patches of each class.
        without: names that a person rejected by eye.

    Returns:
        What ``demo.json`` says.

    Raises:
        DataError: no candidates, unknown names, or too few that fit.
    """
    candidates = read_candidates(candidates_folder)
    plan_path = candidates_folder / "plan.json"
    if not candidates or not plan_path.is_file():
        raise DataError(
            f"{candidates_folder} holds no candidates. Make them first with --data DIR and --teacher FILE."
        )
    unknown = sorted(set(without) - {candidate.name for candidate in candidates})
    if unknown:
        raise DataError(
            f"There is no candidate {', '.join(unknown)} in {candidates_folder}. Check the names "
            "given to --without."
        )
    plan = json.loads(plan_path.read_text(encoding="utf-8"))
    typical = plan["typical"]
    judged = [(confidence_in(candidate, candidates_folder, victim), candidate) for candidate in candidates]
    entries, pictures = [], {}
    for true_class, label in enumerate(CLASSES):
        fitting = [
            (p, candidate)
            for p, candidate in judged
            if candidate.true_class == true_class
            and candidate.name not in without
            and p >= LEAST_CONFIDENCE
            and not is_copy(candidate, typical)
        ]
        if len(fitting) < min(keep, LEAST_EACH):
            raise DataError(
                f"Only {len(fitting)} candidates of the class {label} fit (confidence at least "
                f"{LEAST_CONFIDENCE}, no copy, not "
                f"rejected); {min(keep, LEAST_EACH)} are needed. Make more with a greater --per-class."
            )
        best = sorted(fitting, key=lambda pair: -pair[0])[:keep]
        for number, (p, candidate) in enumerate(sorted(best, key=lambda pair: pair[1].name), start=1):
            data = encode_png(candidate_pixels(candidates_folder, candidate))
            name = f"{label}_{number:02d}"
            pictures[f"{name}.png"] = data
            entries.append(
                {
                    **asdict(candidate),
                    "name": name,
                    "file": f"{name}.png",
                    "sha256": sha256(data),
                    "confidence": round(p, 4),
                }
            )
    values = {
        "synthetic": True,
        "statement": STATEMENT,
        "classes": list(CLASSES),
        "model": {"name": victim.card.name, "sha256": victim.card.sha256},
        "train_patches": plan["train_patches"],
        "typical": {
            "unit": "levels of 8 bits; medians over `train` patches evenly filled with tissue",
            **typical,
        },
        "patches": entries,
    }
    about = {DEMO_FILE: (json.dumps(values, indent=1) + "\n").encode()}
    write_whole(out, pictures | about, advice="Free space or choose another folder for --out.")
    for label in CLASSES:
        for old in out.glob(f"{label}_[0-9][0-9].png"):
            if old.name not in pictures:
                old.unlink()
    return values


def confidence_in(candidate: Candidate, folder: Path, victim: Victim) -> float:
    """The probability that a victim gives to the true class of a candidate, as saved."""
    return float(victim.predict(to_image(candidate_pixels(folder, candidate))[None])[0, candidate.true_class])


def is_copy(candidate: Candidate, typical: dict[str, float]) -> bool:
    """Whether a candidate lies nearer to `train` than real patches do, or shows a piece of one of its
    sources.
    """
    return (
        candidate.rms_to_nearest_train < typical["rms_to_nearest_train_least"]
        or candidate.window_correlation > MOST_WINDOW_CORRELATION
    )
