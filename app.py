"""SNAP Studio: ``streamlit run app.py`` or ``snap app`` starts it; its pages are in ``snapgui/ui/pages/``."""

from streamlit.starlette import App

from snapgui.server import keep_to_this_computer
from snapgui.shipped import PACKAGE

# Streamlit imports this before it answers the first request.
keep_to_this_computer()
app = App(PACKAGE / "ui" / "pages" / "navigation.py")
