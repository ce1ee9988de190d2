"""Small studies of drawn pictures, as in the tests of the studies."""

from tests.study.conftest import draw_source

__all__ = ["draw_source"]
