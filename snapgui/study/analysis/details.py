"""The rest of an analysis as tables of words: what was answered, by whom, how fast, how alike, and what was
measured on the pictures.
"""

from collections.abc import Sequence

from snapgui.study.analysis.estimate_words import Values, area, decimals, share_alone, share_over, spread
from snapgui.study.analysis.tables import Columns
from snapgui.study.analysis.verdict import primary_words, sham_words
from snapgui.study.design.settings import ExclusionRule
from snapgui.study.design.texts import DESIGN_WORDS, exclusion_words
from snapgui.words import NONE, per_cent, with_interval

QUESTION_WORDS = {"altered": "altered or not", "which": "which of two", "diagnosis": "diagnosis"}
ROLE_WORDS = {
    "practice": "practice",
    "main": "pictures that count",
    "catch": "obvious pictures",
    "repeat": "asked again",
}
# Measures that mean most to people come first.
MEASURE_WORDS = {
    "mean_change_levels": "mean change inside the mask, levels of 255",
    "ssim": "SSIM",
    "psnr_db": "PSNR, dB",
    "mean_de00": "mean CIEDE2000",
    "p95_de00": "CIEDE2000, 95th percentile",
    "flip": "FLIP",
}
REGION_WORDS = {"mask": ", inside the mask", "whole": ", whole picture", "ring": ", ring around the mask"}


def rows_to_columns(names: Sequence[str], rows: Sequence[Sequence[str]]) -> Columns:
    """Rows of words as columns."""
    return {name: [row[place] for row in rows] for place, name in enumerate(names)}


def answers_table(analysis: Values) -> Columns:
    """How many answers there are, of whom and to what."""
    answers = analysis["answers"]
    rows = [("Answers", f"{answers['rows']:,}"), ("Readers", f"{answers['readers']:,}")]
    rows += [
        (f"Answers, {words}", f"{answers['by_role'][role]:,}")
        for role, words in ROLE_WORDS.items()
        if role in answers["by_role"]
    ]
    rows += [(f"Counted, {QUESTION_WORDS[asked]}", f"{n:,}") for asked, n in answers["counted"].items()]
    return rows_to_columns(("What", "Number"), rows)


def sessions_table(analysis: Values) -> Columns:
    """A row a session: how far it is, obvious pictures, and why it does not count."""
    sessions = analysis["sessions"]
    columns = {
        "Reader": [session["participant_id"] for session in sessions],
        "Session": [session["session_id"].removeprefix("ses-") for session in sessions],
        "List": [str(session["list"]) for session in sessions],
        "Answered": [f"{session['answered']} of {session['trials']}" for session in sessions],
        "Trials not answered": [", ".join(map(str, session["missing"])) or NONE for session in sessions],
        "Obvious pictures found": [
            NONE if session["catch"] is None else f"{session['catch']['count']} of {session['catch']['of']}"
            for session in sessions
        ],
        "Counts": ["no: " + session["reasons"] if session["excluded"] else "yes" for session in sessions],
    }
    if not any(session["missing"] for session in sessions):
        del columns["Trials not answered"]
    return columns


def readers_tables(analysis: Values) -> dict[str, Columns]:
    """By question, a row a reader and arm, with the intervals of that reader alone."""
    cells = {"which": _choice_cells, "altered": _detection_cells, "diagnosis": _diagnosis_cells}
    found: dict[str, Columns] = {}
    for question, readers in analysis["readers"].items():
        rows = [
            {
                "Reader": reader["participant_id"],
                "Arm": arm,
                "Answers": str(values["answers"]),
                **cells[question](values),
            }
            for reader in readers
            for arm, values in reader["arms"].items()
        ]
        if rows:
            found[f"Each reader, {QUESTION_WORDS[question]}"] = {
                name: [row[name] for row in rows] for name in rows[0]
            }
    return found


def _choice_cells(values: Values) -> dict[str, str]:
    found = values["two_choice"]
    return {
        "Share right": NONE if not found else spread(found["proportion"], found["interval"], per_cent),
        "d'": NONE if not found else spread(found["d_prime"], found["d_prime_interval"]),
    }


def _diagnosis_cells(values: Values) -> dict[str, str]:
    return {"Diagnosis right": share_alone(values["right"], "exact")}


def _detection_cells(values: Values) -> dict[str, str]:
    found = values["yes_no"]
    return {
        "Called altered": with_interval(values["hit_rate"]),
        "Untouched called altered": with_interval(values["false_alarm_rate"]),
        "d'": NONE if not found else spread(found["d_prime"], found["interval"]),
        "Criterion c": NONE if not found else spread(found["criterion"], None),
        "Area (ROC)": area(values.get("auc")),
        "Area (LROC)": area(values.get("lroc")),
    }


def agreement_table(analysis: Values) -> Columns:
    """Agreement between readers and of readers with themselves, an estimate a row."""
    rows = []
    for question, found in analysis["agreement"].items():
        kappa = found["fleiss"]
        rows.append(
            (
                f"Between readers, {QUESTION_WORDS[question]}: Fleiss' kappa",
                NONE if kappa is None else spread(kappa["kappa"], kappa["interval"]),
                f"{found['pictures_shared']} of {found['pictures']} pictures seen by two or more",
            )
        )
    for question, found in (analysis["repeats"] or {}).items():
        same, ratings = found["same_answer"], found["ratings"]
        head = f"With oneself, {QUESTION_WORDS[question]}:"
        rows.append((f"{head} same answer again", share_over(same), f"{same['of']} repeats"))
        if ratings is not None:
            kappa, of = ratings["kappa"], f"{ratings['trials']} repeats"
            rows += [
                (f"{head} same rating again", spread(ratings["same"], ratings["interval"], per_cent), of),
                (f"{head} rating within one step", per_cent(ratings["within_one_step"]), of),
                (
                    f"{head} kappa of the ratings, quadratic weights",
                    spread(kappa["kappa"], kappa["interval"]),
                    of,
                ),
            ]
    return rows_to_columns(("Agreement", "Estimate", "Of"), rows)


def pairs_table(analysis: Values) -> Columns:
    """Every pair of readers who saw the same pictures."""
    rows = [
        (
            f"{pair['first']}, {pair['second']}",
            QUESTION_WORDS[question],
            f"{pair['counts'][0][0] + pair['counts'][1][1]} of {pair['pictures']}",
            spread(pair["cohen"]["kappa"], pair["cohen"]["interval"]),
        )
        for question, found in analysis["agreement"].items()
        for pair in found["pairs"]
    ]
    return rows_to_columns(("Readers", "Question", "Answered alike", "Cohen's kappa"), rows)


def repeats_table(analysis: Values) -> Columns:
    """How often each reader gave the same answer again."""
    rows = [
        (reader, QUESTION_WORDS[question], f"{values['same']} of {values['of']}")
        for question, found in (analysis["repeats"] or {}).items()
        for reader, values in found["by_reader"].items()
    ]
    return rows_to_columns(("Reader", "Question", "Same answer again"), rows)


def times_table(analysis: Values) -> Columns:
    """Reaction times: ratios of geometric means between arms."""
    rows = [
        (pair, NONE if ratio is None else spread(ratio["ratio"], ratio["interval"]))
        for found in analysis["reaction_times"].values()
        for pair, ratio in found["ratios"].items()
    ]
    return rows_to_columns(("Time of", "Ratio"), rows)


def medians_table(analysis: Values) -> Columns:
    """Reaction times: medians with quartiles and numbers, by arm, for right and wrong answers."""
    rows = [
        (f"{arm}, {QUESTION_WORDS[question]}", *(_median(times[kind]) for kind in ("all", "right", "wrong")))
        for question, found in analysis["reaction_times"].items()
        for arm, times in found["arms"].items()
    ]
    return rows_to_columns(
        ("Median (quartiles), s; answers", "All answers", "Right answers", "Wrong answers"), rows
    )


def _median(times: Values) -> str:
    return f"{spread(times['median'], times['quartiles'])}; {times['n']}" if times["n"] else NONE


def visibility_table(analysis: Values) -> Columns:
    """Every measure of visibility: rank correlation with the share of readers who found the picture, an arm a
    column.
    """
    arms = analysis["visibility"] or {}
    names = sorted({name for found in arms.values() for name in found["measures"]})
    return {"Measure": [measure_words(name) for name in names]} | {
        f"{arm} ({len(found['pictures'])} pictures)": [
            NONE
            if not (values := found["measures"].get(name))
            else spread(values["spearman"], values["interval"])
            for name in names
        ]
        for arm, found in arms.items()
    }


def pictures_tables(analysis: Values) -> dict[str, Columns]:
    """By arm, every picture: how many readers found it, and what it measures."""
    tables = {}
    for arm, found in (analysis["visibility"] or {}).items():
        names = sorted(
            {name for picture in found["pictures"] for name in picture} - {"stim_id", "found", "of"}
        )
        tables[arm] = rows_to_columns(
            ("Picture", "Found", *(measure_words(name) for name in names)),
            [
                (
                    picture["stim_id"],
                    f"{picture['found']} of {picture['of']}",
                    *(f"{picture[name]:.3g}" if name in picture else NONE for name in names),
                )
                for picture in found["pictures"]
            ],
        )
    return tables


def measure_words(name: str) -> str:
    """A measure's name for people."""
    region, _, what = name.rpartition(".")
    where = REGION_WORDS.get(region.split(".")[-1], f", {region}" if region else "")
    return MEASURE_WORDS.get(what, what.replace("_", " ")) + where


def design_table(analysis: Values) -> Columns:
    """What was asked, and the rules that were fixed beforehand."""
    study = analysis["study"]
    later = [
        (title, words(study[key]))
        for key, title, words in (
            ("primary", "Primary outcome", primary_words),
            ("shams", "Shams", sham_words),
        )
        if key in study
    ]
    rows = (
        ("Title", study["title"]),
        *later,
        ("Design", f"{study['kind']}: {DESIGN_WORDS[study['kind']][0]}"),
        ("Lists", str(study["lists"])),
        ("Seed", str(study["seed"])),
        ("Counts as practically unnoticed", f"a share right, or an area, up to {decimals(study['margin'])}"),
        ("Left out", exclusion_words(ExclusionRule.from_json(study["exclusion"]))),
        ("Level of confidence", per_cent(study["level"])),
        ("SHA-256 of the frozen design", study["sha256"]),
    )
    return rows_to_columns(("What", "Value"), rows)
