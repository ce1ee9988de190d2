"""Who falls: a table of groups of images, each with how many of them fooled the model."""

import streamlit as st

from snapgui.audit.read import FinishedAudit
from snapgui.audit.shown.cohorts import Cohort, by_class, by_nuclei, by_slide, by_sureness
from snapgui.audit.shown.tiles import Tile
from snapgui.errors import SnapError
from snapgui.ui.audit.resources import audit_tiles, audited_set, nuclei_counts
from snapgui.ui.parts.text import plain, plain_rows
from snapgui.words import duration, with_interval

# Counting takes about so long for each picture; above the limit it is asked for first.
SECONDS_EACH, MOST_UNASKED = 0.05, 200
HELP = (
    "Images that SNAP attacked, in groups. Thirds hold about as many images each. Intervals (95 %, Wilson) "
    "that overlap widely say that the groups may not differ; with several groups one may stand out by chance."
)


def show_cohorts(audit: FinishedAudit) -> None:
    """Draw the table: by class, slide, how sure the model was, and the number of nuclei."""
    tiles = audit_tiles(audit)
    groups = {
        "True class": by_class(tiles, audit.about["classes"]),
        "Slide": by_slide(tiles),
        "How sure the model was before": by_sureness(tiles),
        "Number of nuclei in the patch": _by_nuclei(audit, tiles),
    }
    st.table(plain_rows(cohort_table(groups)), hide_index=True)
    st.caption(HELP)
    if not groups["Slide"]:
        st.caption("The names of these patches do not tell their slides, so they cannot be grouped by slide.")


def cohort_table(groups: dict[str, list[Cohort]]) -> dict[str, list[str]]:
    """The groups as columns of words; what they are grouped by is said once each."""
    rows = [
        (title if place == 0 else "", cohort)
        for title, cohorts in groups.items()
        for place, cohort in enumerate(cohorts)
    ]
    return {
        "By": [title for title, _ in rows],
        "Group": [cohort.name for _, cohort in rows],
        "Fooled": [f"{cohort.fooled['count']:,} of {cohort.fooled['of']:,}" for _, cohort in rows],
        "Share (95 % interval)": [with_interval(cohort.fooled) for _, cohort in rows],
    }


def _by_nuclei(audit: FinishedAudit, tiles: list[Tile]) -> list[Cohort]:
    """Thirds by the number of nuclei; none, with a sentence or a switch, where they are not counted."""
    try:
        patches = audited_set(audit)
    except SnapError as error:
        st.caption(f"{plain(error)} So nuclei cannot be counted.")
        return []
    if len(tiles) > MOST_UNASKED and not st.toggle(
        f"Also by the number of nuclei: counting takes about {duration(SECONDS_EACH * len(tiles))}",
        key="count_nuclei",
        persist_state="session",
    ):
        return []
    return by_nuclei(tiles, nuclei_counts(audit, tiles, patches))
