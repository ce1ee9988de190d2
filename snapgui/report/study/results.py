"""What a study asked, how, of whom, and what its results do not say: the sentences of a report around its
numbers.
"""

from snapgui.report.study.axes import Values
from snapgui.report.study.methods import ASKED
from snapgui.study.analysis.tables import Columns, main_table
from snapgui.study.analysis.verdict import primary_words, sham_words
from snapgui.study.design.settings import ExclusionRule
from snapgui.study.design.texts import exclusion_words
from snapgui.study.records import Kind
from snapgui.words import counted, listed

QUESTIONS: dict[Kind, str] = {
    "A": "Can readers tell altered pictures from untouched ones, shown one at a time, and where?",
    "B": "Can readers tell an altered picture from the untouched one beside it?",
    "C": "Do altered pictures change what readers diagnose, and can readers who are told of alterations tell "
    "the pictures from untouched ones?",
    "D": "Can readers tell altered pictures from untouched ones at a glance?",
}
FEW_READERS = 10
# A matrix of which less is filled says less than a table of pairs.
MATRIX_FILLED = 0.5


def question_sentences(analysis: Values) -> tuple[str, ...]:
    """The question, and the outcome that was to answer it."""
    study = analysis["study"]
    named = (
        f"Primary outcome, named before the first trial: {primary_words(study['primary'])}."
        if "primary" in study
        else "The design named no primary outcome."
    )
    return QUESTIONS[study["kind"]], named


def design_sentences(analysis: Values) -> tuple[str, ...]:
    """How it was asked, and the rules that were fixed beforehand."""
    study = analysis["study"]
    arms = list(_arms(analysis))
    shown = f" Altered pictures were of {counted(len(arms), 'arm')}: {listed(arms)}." if arms else ""
    shams = f" Shams: {sham_words(study['shams'])}." if "shams" in study else ""
    return (
        f"Readers did not know which picture was which. {ASKED[study['kind']]}. A Latin square of "
        f"{counted(study['lists'], 'list')} decided who saw which picture in which arm, so that no reader "
        "met a field twice in a session but in a declared repeat."
        f"{shown}{shams}",
        f"{exclusion_words(ExclusionRule.from_json(study['exclusion']))} Questions, pictures, lists, margin "
        "and this rule were frozen before the first trial.",
    )


def reader_sentences(analysis: Values) -> tuple[str, ...]:
    """Who took part, what they answered, and who does not count and why."""
    sessions = analysis["sessions"]
    answers = sum(analysis["answers"]["counted"].values())
    catch = [session["catch"] for session in sessions if session["catch"] and not session["excluded"]]
    looked = ""
    if catch:
        found, of = sum(one["count"] for one in catch), sum(one["of"] for one in catch)
        looked = f" Of the obvious pictures they found {found:,} of {of:,}."
    left_out = [
        f"{session['participant_id']} ({session['reasons']})" for session in sessions if session["excluded"]
    ]
    without = f" Left out: {listed(left_out)}." if left_out else ""
    return (f"{analysis['verdict'][0]} They gave {counted(answers, 'answer')} that count.{looked}{without}",)


def limit_sentences(analysis: Values) -> tuple[str, ...]:
    """What the results do not say."""
    study, sessions = analysis["study"], analysis["sessions"]
    readers = len({session["participant_id"] for session in sessions if not session["excluded"]})
    told = "In the second part readers" if study["kind"] == "C" else "Readers"
    words = [
        "The intervals hold for other readers and other pictures of the same kind: small fields, shown by "
        "themselves, on the readers' own screens. They say nothing of whole slides or of other models.",
        f"{told} knew that some pictures are altered and looked for it; who is not told may notice less.",
        (
            "Only the primary outcome was named beforehand; the other results are not adjusted for their "
            "number."
            if "primary" in study
            else "No outcome was named beforehand, so each result is one of many; none is adjusted for their "
            "number."
        ),
    ]
    if 0 < readers < FEW_READERS:
        words.append(
            f"{counted(readers, 'reader')} {'says' if readers == 1 else 'say'} little of how readers differ, "
            "and the intervals are as wide as that makes them."
        )
    if any(session["missing"] for session in sessions):
        words.append(
            "Some sessions are not complete: this is how it stands so far, and who stops once the result "
            "pleases makes every interval too narrow."
        )
    return tuple(words)


def secondary_tables(analysis: Values) -> dict[str, Columns]:
    """The main table without the estimates that take all answers for independent, which the appendix has."""
    tables = {}
    for title, columns in main_table(analysis).items():
        names = columns[""]
        kept = [place for place, name in enumerate(names) if not name.startswith("…")]
        tables[title] = {name: [cells[place] for place in kept] for name, cells in columns.items()}
    return tables


def has_agreement_matrix(analysis: Values) -> bool:
    """Whether enough pairs of readers saw the same pictures for a matrix of them."""
    for found in analysis["agreement"].values():
        readers = {pair[side] for pair in found["pairs"] for side in ("first", "second")}
        if len(readers) >= 3:
            return bool(len(found["pairs"]) >= MATRIX_FILLED * len(readers) * (len(readers) - 1) / 2)
    return False


def _arms(analysis: Values) -> dict[str, None]:
    found: dict[str, None] = {}
    for part in ("detection", "choices", "diagnosis"):
        found |= dict.fromkeys((analysis[part] or {}).get("arms", {}))
    return {name: None for name in found if name != "untouched"}
