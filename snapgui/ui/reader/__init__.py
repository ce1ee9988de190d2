"""A reader's page by itself, for ``study serve``.

In a folder of its own: Streamlit would offer every page of a ``pages`` folder beside it.
"""
