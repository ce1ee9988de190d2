"""What defences are worth, in words and as a table of plain text."""

from typing import Any

from snapgui.transfer.plan import BARE, EXPECTATION
from snapgui.transfer.shard import BLACK_BOX
from snapgui.transfer.words import area_words, cell_of, subject_words
from snapgui.words import NONE, listed, with_interval

HEAD = (
    "defence",
    "accuracy",
    "time",
    "does not know",
    "knows",
    "knows, mean of draws",
    "knows another",
    "black box",
    "sham",
)


def averaged(summary: dict[str, Any], name: str) -> str | None:
    """The source that is a random defence with the mean of many draws as its answer; None where none is."""
    named = (source for source in summary["sources"] if source.startswith(f"{name}, mean of "))
    return next(named, None)


def attacks_on(summary: dict[str, Any], preset: str, name: str) -> dict[str, dict[str, Any] | None]:
    """Of each attacker on a model, share of the metastases that it hides; None where it was not tried. Who
    knows another defence is the strongest of those.
    """

    def flipped(kind: str, source: str) -> dict[str, Any] | None:
        found = cell_of(summary, preset, kind, source, name)
        return found and found["flipped"]

    mean = averaged(summary, name)
    own = (BARE, name, mean)
    others = [
        found
        for source in summary["sources"]
        if source not in own and (found := flipped("SNAP", source)) is not None
    ]
    return {
        "does not know": flipped("SNAP", BARE) if name != BARE else None,
        "knows": flipped("SNAP", name),
        "expectation": flipped("SNAP", mean) if mean else None,
        "knows another": max(others, key=lambda found: found["share"], default=None),
        "black box": flipped(BLACK_BOX, name),
        "sham": flipped("sham", name),
    }


def defence_rows(summary: dict[str, Any], preset: str) -> list[list[str]]:
    """As lines of words: head first, then one line a model, the undefended before all. What nobody tried has
    no column.
    """
    bare = summary["clean"].get(BARE)
    lines = [list(HEAD)]
    for name in summary["models"]:
        clean = summary["clean"].get(name)
        times = clean["seconds_per_patch"] / bare["seconds_per_patch"] if clean and bare else None
        attacks = attacks_on(summary, preset, name).values()
        lines.append(
            [
                name,
                clean_words(clean) if clean else NONE,
                NONE if times is None else f"{times:.1f} x",
                *(with_interval(found) if found else NONE for found in attacks),
            ]
        )
    filled = [n for n in range(len(HEAD)) if any(line[n] != NONE for line in lines[1:])]
    return [[line[n] for n in filled] for line in lines]


def clean_words(clean: dict[str, Any]) -> str:
    """Accuracy on untouched patches, and on how many of them a defence that has alarms raises one."""
    alarms = clean.get("false_alarms")
    told = f", false alarms {with_interval(alarms)}" if alarms else ""
    return f"{with_interval(clean['accuracy'])}{told}"


def alarm_words(summary: dict[str, Any]) -> str:
    """What alarms mean in the table; empty where no defence has any."""
    if not any("false_alarms" in clean for clean in summary["clean"].values()):
        return ""
    return (
        " False alarms: untouched patches in which the localiser finds altered cells, or at which SpaNN says "
        "look yourself. An alarm of SpaNN counts as metastasis, so as not fooled; to an attacker who knows "
        "them, both give a gradient that leads away from their alarms."
    )


def worst_of(summary: dict[str, Any], preset: str, name: str) -> dict[str, Any] | None:
    """The most that any attacker who knows the defence, or asks it, reached: what it is worth."""
    attacks = attacks_on(summary, preset, name)
    tried = [found for key, found in attacks.items() if found and key != "sham"]
    return max(tried, key=lambda found: found["share"], default=None)


def verdict_words(summary: dict[str, Any], preset: str) -> list[str]:
    """What it means for a hospital, a sentence a defence; and where a number must not be believed."""
    bare = worst_of(summary, preset, BARE)
    sentences = []
    for name in summary["models"]:
        found = worst_of(summary, preset, name)
        if name == BARE or found is None or bare is None:
            continue
        naive = attacks_on(summary, preset, name)["does not know"]
        before = f"lets through {with_interval(naive)} of the patches made without it" if naive else ""
        halved = found["interval"][1] <= bare["share"] / 2
        held = "halves what an attacker who knows it reaches" if halved else "does not stop one who knows it"
        sentences.append(
            f"{name} {before}{' and ' if before else ''}{held}: {with_interval(found)}, against "
            f"{with_interval(bare)} undefended"
        )
        if better := masked(summary, preset, name):
            sentences.append(
                f"{name}: {better} more often than those made through it. Its gradient is masked, and the "
                "number of the attack through it is too low"
            )
    return sentences


# What an attacker does who does not follow the defence's own gradient.
ELSEWHERE = {
    "does not know": "patches made on the undefended model fool it",
    "knows another": "patches made through another defence fool it",
    "black box": "patches found by scores alone fool it",
}


def masked(summary: dict[str, Any], preset: str, name: str) -> str | None:
    """What the strongest attacker does (as in `ELSEWHERE`) who surely beats the one who attacks through the
    defence, which nothing but a useless gradient explains (Athalye et al., arXiv 1802.00420); None where none
    does.
    """
    attacks = attacks_on(summary, preset, name)
    through = [found["share"] for key in ("knows", "expectation") if (found := attacks[key])]
    elsewhere = [(found["interval"][0], words) for key, words in ELSEWHERE.items() if (found := attacks[key])]
    low, words = max(elsewhere, default=(0.0, ""))
    return words if through and low > max(through) else None


def methods_words(about: dict[str, Any], summary: dict[str, Any]) -> str:
    """What was done, as a paragraph for a paper."""
    names = listed([name for name in summary["models"] if name != BARE])
    queries = about["settings"]["queries"]
    search = (
        f", and by a random search of {queries:,} queries that sees scores alone (after Sparse-RS, arXiv "
        "2006.12834)"
        if queries
        else ""
    )
    return (
        f"Defences ({names}) were tried with SNAP Studio {about['versions'].get('snap-studio', '')}. "
        f"{subject_words(summary)} Patches of the presets {listed(list(summary['presets']))} were made on "
        "the undefended model, and through each defence with the steps that have no gradient passed straight "
        f"through (BPDA, arXiv 1802.00420); of a random defence also through the mean of {EXPECTATION} or "
        f"more draws (arXiv 1707.07397){search}. Every altered picture was scored through every defence, "
        "as it was saved in an 8-bit PNG; a defence is worth what the strongest of these attackers leaves. "
        f"Intervals are Wilson's 95 %.{alarm_words(summary)}"
    )


def defence_text(summary: dict[str, Any]) -> str:
    """All presets as tables of plain text."""
    parts = [subject_words(summary)]
    for preset in summary["presets"]:
        rows = defence_rows(summary, preset)
        widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
        table = [
            "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
            for row in rows
        ]
        parts += ["", f"{preset}: metastases called normal", *table, area_words(summary, preset)]
        parts += [f"{sentence}." for sentence in verdict_words(summary, preset)]
    return "\n".join(
        [
            *parts,
            "",
            "Brackets are Wilson's 95 % intervals. Does not know: patches made on the undefended model. "
            "Knows: made through the defence, its steps without a gradient passed straight through (BPDA). "
            "Knows, mean of draws: through the mean over many draws of a random defence. "
            "Knows another: made through another defence, the strongest of those. "
            "Black box: random search by scores alone. Sham: the change that was made through the defence, "
            "mirrored within its cells. Accuracy and time: on untouched patches of both classes."
            + alarm_words(summary),
        ]
    )
