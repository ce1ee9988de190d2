"""The trials of one session: practice, then sources by condition, with repeats and obvious pictures among
them.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from snapgui.study.records import Kind, Question, Role, Stimulus, StudyError, Trial

Source = Mapping[str, Stimulus]


@dataclass(frozen=True)
class Shown:
    """How a source is shown: its arm, and in a choice between two whether the altered picture is on the
    right.
    """

    arm: str
    right: bool = False
    exposure_ms: int | None = None


@dataclass(eq=False)
class _Entry:
    """A trial whose place is not known yet; ``of`` is the entry that it repeats."""

    stimuli: tuple[str, ...]
    question: Question
    role: Role
    exposure_ms: int | None = None
    of: "_Entry | None" = None


def build_session(
    sources: Sequence[Source],
    practice: Mapping[str, Source],
    catch: Mapping[str, Source],
    conditions: Sequence[Shown],
    *,
    shift: int,
    mirrored: bool,
    kind: Kind,
    repeats: int,
    gap: int,
    seed: tuple[int, int, int],
) -> tuple[Trial, ...]:
    """The trials of one list and session.

    Order: blocks that hold each condition once, in random order within and among themselves, so that no arm
        gathers early or
    late; a mirrored list takes its partner's order backwards. Design C asks for every diagnosis before it
    says that anything may be altered, then shows the same pictures again, in another order, as declared
    repeats; its obvious pictures and its altered practice pictures come in that second part, where they can
    give nothing away.

    Args:
        sources: main sources, each a stimulus by arm; source ``i`` is shown under condition ``i + shift``.
        practice, catch: further sources by name.
        conditions: of the study.
        shift: of the Latin square.
        mirrored: opposite order.
        kind: of the study.
        repeats: trials to be asked again.
        gap: least distance of a repeat.
        seed: of the study, the list and the session.
    """
    study, k, session = seed
    rng = np.random.default_rng([study, 2, k, session])
    order_rng = np.random.default_rng([study, 3, shift % len(conditions), session])
    questions: dict[str, Question] = {"A": "altered", "B": "which", "C": "diagnosis", "D": "altered"}
    question = questions[kind]
    levels = [shown.exposure_ms for shown in conditions if shown.exposure_ms]
    easy = max(levels) if levels else None

    def extra(
        group: Mapping[str, Source], question: Question, role: Role, altered: bool | None = None
    ) -> list[_Entry]:
        """One entry per source, arms taking turns; ``altered`` keeps to one sort."""
        entries = []
        for i, own in enumerate(group.values()):
            fit = [shown for shown in own.values() if altered is None or shown.arm.altered == altered]
            if fit:
                ids = (
                    _pair(own, fit[i % len(fit)], bool(rng.integers(2)))
                    if kind == "B"
                    else (fit[i % len(fit)].id,)
                )
                entries.append(_Entry(ids, question, role, easy))
        return [entries[i] for i in rng.permutation(len(entries))]

    main = _order(
        [
            _Entry(
                _ids(own, conditions[(i + shift) % len(conditions)], kind),
                question,
                "main",
                conditions[(i + shift) % len(conditions)].exposure_ms,
            )
            for i, own in enumerate(sources)
        ],
        len(conditions),
        shift,
        order_rng,
    )
    main = main[::-1] if mirrored else main
    if kind != "C":
        wanted = True if kind == "B" else None
        entries = [
            *extra(practice, question, "practice", wanted),
            *_among(_repeat(main, repeats, gap, rng), extra(catch, question, "catch", True)),
        ]
        return _number(entries, kind)
    asked_again = [_Entry(entry.stimuli, "altered", "main", of=entry) for entry in main]
    again = [asked_again[i] for i in order_rng.permutation(len(main))]
    again = again[::-1] if mirrored else again
    first = _repeat(main, repeats, gap, rng)
    untouched = {
        name: own
        for name, own in practice.items()
        if not any(stimulus.arm.altered for stimulus in own.values())
    }
    primed = {name: own for name, own in practice.items() if name not in untouched}
    second = _among(_repeat(again, repeats, gap, rng), extra(catch, "altered", "catch", True))
    return _number(
        [*extra(untouched, "diagnosis", "practice"), *first, *extra(primed, "altered", "practice"), *second],
        kind,
    )


def _ids(own: Source, shown: Shown, kind: Kind) -> tuple[str, ...]:
    return _pair(own, own[shown.arm], shown.right) if kind == "B" else (own[shown.arm].id,)


def _pair(own: Source, altered: Stimulus, right: bool) -> tuple[str, str]:
    untouched = next(stimulus for stimulus in own.values() if not stimulus.arm.altered)
    return (untouched.id, altered.id) if right else (altered.id, untouched.id)


def _order(entries: Sequence[_Entry], conditions: int, shift: int, rng: np.random.Generator) -> list[_Entry]:
    groups = []
    for condition in range(conditions):
        group = [entry for i, entry in enumerate(entries) if (i + shift) % conditions == condition]
        groups.append([group[i] for i in rng.permutation(len(group))])
    blocks = [[group[b] for group in groups if b < len(group)] for b in range(max(map(len, groups)))]
    return [blocks[b][i] for b in rng.permutation(len(blocks)) for i in rng.permutation(len(blocks[b]))]


def _repeat(entries: Sequence[_Entry], count: int, gap: int, rng: np.random.Generator) -> list[_Entry]:
    """Some entries asked again, each at least ``gap`` trials after the first time."""
    early = len(entries) - gap + 1
    if count > max(early, 0):
        raise StudyError(
            f"{count} repeats at least {gap} trials later do not fit into {len(entries)} trials. "
            f"Ask for at most {max(early, 0)}, a smaller gap or more sources."
        )
    after: dict[int, list[_Entry]] = {}
    for i in rng.permutation(early)[:count] if count else ():
        first = entries[i]
        again = _Entry(first.stimuli, first.question, "repeat", first.exposure_ms, of=first)
        after.setdefault(int(rng.integers(i + gap - 1, len(entries))), []).append(again)
    return [entry for i, first in enumerate(entries) for entry in (first, *after.get(i, ()))]


def _among(entries: Sequence[_Entry], more: Sequence[_Entry]) -> list[_Entry]:
    """``more`` spread evenly among the entries."""
    places = [(i + 0.5) * len(entries) / max(len(more), 1) for i in range(len(more))]
    keyed = [(float(i), entry) for i, entry in enumerate(entries)] + [
        (place - 0.25, entry) for place, entry in zip(places, more, strict=True)
    ]
    return [entry for _, entry in sorted(keyed, key=lambda pair: pair[0])]


def _number(entries: Sequence[_Entry], kind: Kind) -> tuple[Trial, ...]:
    place = {id(entry): i for i, entry in enumerate(entries)}
    return tuple(
        Trial(
            i,
            kind,
            entry.question,
            entry.stimuli,
            entry.role,
            place[id(entry.of)] if entry.of else None,
            entry.exposure_ms,
        )
        for i, entry in enumerate(entries)
    )
