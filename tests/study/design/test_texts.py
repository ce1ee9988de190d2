"""What readers are told beforehand."""

from snapgui.study.design.settings import ExclusionRule
from snapgui.study.design.texts import CONTACT, SECOND_PART, consent_text, exclusion_words, instructions_text
from snapgui.study.records import KINDS


def test_texts_hint_at_nothing_before_a_diagnosis() -> None:
    for kind in KINDS:
        both = f"{consent_text(kind)} {instructions_text(kind)}"
        assert CONTACT in both and "eight letters" in both
        assert ("alter" in both or "changed the colours" in both) == (kind != "C")
    assert "changed the colours" in SECOND_PART
    assert exclusion_words(ExclusionRule()) == (
        "A session is left out if fewer than 75 % of the obvious pictures were found, more than 20 % of the "
        "answers came faster than 200 ms or not every trial was answered."
    )
    assert exclusion_words(ExclusionRule(0, 0, 0, 1, 0)) == "No session is left out."
