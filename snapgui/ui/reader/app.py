"""The reader page of one study and nothing else of the app; started by ``python -m snapgui study serve``."""

from pathlib import Path

import streamlit as st

st.set_page_config(page_title="Reading", layout="wide")
st.navigation(
    [st.Page(Path(__file__).parents[1] / "pages" / "reader.py", title="Reading", default=True)],
    position="hidden",
).run()
