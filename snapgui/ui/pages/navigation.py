"""What is run for every browser: page config and navigation."""

import streamlit as st

from snapgui.shipped import PACKAGE, ROOT
from snapgui.ui.resources import prepare_process
from snapgui.ui.state import get_state, init_state

PAGES = PACKAGE / "ui" / "pages"
MARK, NAME = (str(ROOT / "assets" / name) for name in ("mark.svg", "name.svg"))

if "study" in st.query_params:
    # A reader's address: nothing else of the app is there.
    st.set_page_config(page_title="Reading", layout="wide")
    st.navigation([st.Page(PAGES / "reader.py", title="Reading", default=True)], position="hidden").run()
    st.stop()

st.set_page_config(page_title="SNAP Studio", page_icon=MARK, layout="wide")
st.logo(NAME)
st.html(PACKAGE / "ui" / "style.css")
prepare_process()
init_state()
page = st.navigation(
    [
        st.Page(PAGES / "workbench.py", title="Workbench", default=True),
        st.Page(PAGES / "audit.py", title="Audit"),
        st.Page(PAGES / "naturalness.py", title="Naturalness"),
        st.Page(PAGES / "transfer.py", title="Transfer"),
        st.Page(PAGES / "defences.py", title="Defences"),
        st.Page(PAGES / "studies.py", title="Studies"),
        st.Page(PAGES / "analysis.py", title="Analysis"),
        st.Page(PAGES / "runs.py", title="Runs"),
        st.Page(PAGES / "model.py", title="Model"),
    ],
    position="top",
)
state = get_state()
if state.page != page.title:
    # What was pressed on a page that was left before it could begin does not begin on the return to it.
    state.page = page.title
    state.pressed.clear()
if state.going_to is not None and state.going_to[0] != page.title.lower():
    st.switch_page(PAGES / f"{state.going_to[0]}.py", query_params=state.going_to[1])
page.run()
# Not before the page is drawn to its end: what the browser sends before it knows of the switch, such as the
# window's size, has the page before drawn once more.
state.going_to = None
