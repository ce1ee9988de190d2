"""The switch that lets the local network read a study; on this computer its address is always open."""

import streamlit as st

from snapgui.errors import SnapError
from snapgui.study.reading.serving import NETWORK_WARNING
from snapgui.ui.parts.text import plain
from snapgui.ui.studies.resources import reader_servers
from snapgui.ui.studies.servers import Offer


def show_serving(study_name: str) -> None:
    """The switch that lets the local network in, with its warning; address and access code while it is on."""
    servers = reader_servers()
    key = f"serve-{study_name}"
    offer = servers.offer(study_name)
    st.session_state[key] = offer is not None and offer.running
    st.toggle(
        "Let other computers of the local network read", key=key, on_change=_switch, args=(study_name, key)
    )
    if trouble := st.session_state.pop(f"{key}-trouble", ""):
        st.error(plain(trouble))
    if offer is None:
        st.caption(f"Off: nobody else reaches it. {NETWORK_WARNING}")
    elif not offer.running:
        st.error(
            f"The reader page has ended by itself. {plain(_last_line(offer))} Switch it on again, or "
            "start it in a terminal with “study serve”."
        )
    else:
        _show_offer(study_name)


def _switch(study_name: str, key: str) -> None:
    servers = reader_servers()
    try:
        if st.session_state[key]:
            servers.start(study_name)
        else:
            servers.stop(study_name)
    except SnapError as error:
        st.session_state[f"{key}-trouble"] = str(error)


def _show_offer(study_name: str) -> None:
    """Address and code; looks again by itself until the page can be opened."""
    offer = reader_servers().offer(study_name)
    ready = offer is not None and offer.answers()

    @st.fragment(run_every=None if ready else 1.0)
    def show() -> None:
        now = reader_servers().offer(study_name)
        if now is None or not now.running or (not ready and now.answers()):
            st.rerun()
        assert now is not None
        st.warning(NETWORK_WARNING)
        st.markdown(
            "Readers on this network open"
            if ready
            else "Starting; in a few seconds readers on this network open"
        )
        st.code(now.serving.address, language=None)
        st.markdown("and type this access code once:")
        st.code(now.serving.code, language=None)
        st.caption(
            "It ends when you switch it off or end the app. Answers are kept; readers continue where "
            "they were when it is offered again."
        )

    show()


def _last_line(offer: Offer) -> str:
    lines = (
        offer.log.read_text(errors="replace", encoding="utf-8").strip().splitlines()
        if offer.log.is_file()
        else []
    )
    return f"The last line of its log: “{lines[-1][:200]}”." if lines else ""
