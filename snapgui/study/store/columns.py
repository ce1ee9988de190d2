"""What the columns of a study's exported answers mean."""

from typing import Any

Row = dict[str, Any]
MISSING = "n/a"
# Names as in BIDS; what is not known is n/a.
COLUMNS: dict[str, dict[str, Any]] = {
    "participant_id": {"Description": "Pseudonym that the tool made"},
    "session_id": {"Description": "Session of the reader, from ses-1"},
    "list": {"Description": "Latin-square list, from 0"},
    "trial_index": {"Description": "Place in the session, from 0"},
    "trial_type": {
        "Description": "What is asked",
        "Levels": {
            "altered": "Altered or not?",
            "which": "Which of two is altered?",
            "diagnosis": "Normal or metastasis?",
        },
    },
    "design": {
        "Description": "Design of the study",
        "Levels": {
            "A": "yes/no and click",
            "B": "two-alternative forced choice",
            "C": "diagnosis, then detection",
            "D": "timed exposure",
        },
    },
    "role": {
        "Description": "Why the trial is there",
        "Levels": {
            "practice": "with feedback",
            "main": "counts",
            "catch": "obvious",
            "repeat": "asked again",
        },
    },
    "repeat_of": {"Description": "trial_index of the earlier trial with the same picture"},
    "stim_id": {"Description": "Opaque name of the picture; in a choice between two, of the altered one"},
    "stim_left": {"Description": "Picture on the left, in a choice between two"},
    "stim_right": {"Description": "Picture on the right, in a choice between two"},
    "source_id": {"Description": "Image that the picture was made from"},
    "arm": {"Description": "How the picture was made"},
    "altered": {
        "Description": "Whether the picture (or one of two) was altered",
        "Levels": {"0": "no", "1": "yes"},
    },
    "truth": {"Description": "Class of the source", "Levels": {"0": "normal", "1": "metastasis"}},
    "model_fooled": {
        "Description": "Whether the picture fools the model, where this was asked",
        "Levels": {"0": "no", "1": "yes"},
    },
    "response": {"Description": "The reader's answer"},
    "correct_response": {"Description": "The true answer"},
    "correct": {"Description": "Whether they agree", "Levels": {"0": "no", "1": "yes"}},
    "rating": {
        "Description": (
            "1 surely the first answer (no, left, normal) to 6 surely the second (yes, right, metastasis)"
        )
    },
    "response_time": {"Description": "From the picture to the answer, by the browser's clock", "Units": "s"},
    "exposure_asked": {"Description": "Time for which the picture was to be shown", "Units": "s"},
    "exposure_shown": {"Description": "Time for which it was shown, measured in the browser", "Units": "s"},
    "click_x": {"Description": "Click, from the left edge", "Units": "pixel of the picture"},
    "click_y": {"Description": "Click, from the top edge", "Units": "pixel of the picture"},
    "click_hit": {
        "Description": "Whether the click lies in the altered cells",
        "Levels": {"0": "no", "1": "yes"},
    },
    "comment": {"Description": "Free text; a leading quote keeps spreadsheets from computing it"},
    "answered": {"Description": "When the answer arrived, ISO 8601, UTC"},
    "excluded": {
        "Description": "Whether the frozen exclusion rule leaves the session out",
        "Levels": {"0": "no", "1": "yes"},
    },
    "exclusion_reasons": {"Description": "Why"},
}
