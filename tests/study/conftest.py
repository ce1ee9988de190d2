"""Small studies of drawn pictures: no model, no data set."""

import os
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from sqlalchemy import create_engine, make_url, text

from snapgui.engine.sham import Source
from snapgui.study.design.freeze import freeze
from snapgui.study.design.settings import StudySettings
from snapgui.study.design.study import Study, make_study
from snapgui.study.pictures.stimuli import make_stimuli
from snapgui.study.records import OBVIOUS, SHAM, SNAP, UNTOUCHED, Arm, Stimulus
from snapgui.study.store.store import StudyStore, open_store

SETTINGS = StudySettings("Which tissue?", seed=2**52 + 7, repeats=2, repeat_gap=3)


@pytest.fixture
def settings() -> StudySettings:
    return SETTINGS


@pytest.fixture
def draw_source() -> Callable[..., Source]:
    """A maker of sources: noise of 24 px with three cells, whose patch is other noise."""

    def make(name: str, *, truth: int = 1, side_px: int = 24) -> Source:
        rng = np.random.default_rng(list(name.encode()))
        pixels = rng.integers(0, 256, (side_px, side_px, 3)).astype(np.uint8)
        mask = np.zeros((side_px, side_px), dtype=bool)
        for top, left in ((2, 2), (2, 14), (13, 5)):
            mask[top : top + 7, left : left + 6] = True
        mask[2, 2] = mask[8, 19] = False
        snap = np.where(mask[..., None], rng.integers(60, 200, pixels.shape), pixels).astype(np.uint8)
        return Source(name, pixels, snap, mask, truth)

    return make


@pytest.fixture
def pictures(draw_source) -> Callable[..., tuple[list[Stimulus], dict[str, bytes]]]:
    """A maker of stimuli and files for main, practice and catch sources."""

    def make(
        count: int = 9, arms: tuple[Arm, ...] = (UNTOUCHED, SNAP, SHAM)
    ) -> tuple[list[Stimulus], dict[str, bytes]]:
        stimuli, files = make_stimuli(
            [draw_source(f"m{i}", truth=i % 2) for i in range(count)], arms, seed=SETTINGS.seed
        )
        for use, more_arms in (("practice", arms), ("catch", (UNTOUCHED, OBVIOUS))):
            more = make_stimuli(
                [draw_source(f"{use}{i}") for i in range(2)], more_arms, seed=SETTINGS.seed, use=use
            )
            stimuli, files = stimuli + more[0], files | more[1]
        return stimuli, files

    return make


@pytest.fixture
def small_study(pictures) -> tuple[Study, dict[str, bytes]]:
    stimuli, files = pictures()
    return make_study(stimuli, SETTINGS), files


@pytest.fixture
def frozen_folder(small_study, tmp_path: Path) -> Path:
    freeze(*small_study, tmp_path / "frozen")
    return tmp_path / "frozen"


@pytest.fixture
def two_session_folder(pictures, tmp_path: Path) -> Path:
    stimuli, files = pictures()
    freeze(make_study(stimuli, replace(SETTINGS, sessions=2)), files, tmp_path / "twice")
    return tmp_path / "twice"


@pytest.fixture(params=["sqlite", "postgresql"])
def database(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """The address of an empty database; on PostgreSQL, where SNAP_TEST_DATABASE_URL names one, a schema of
    the tests' own.
    """
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path / 'studies.db'}"
        return
    given = os.environ.get("SNAP_TEST_DATABASE_URL")
    if not given:
        pytest.skip("SNAP_TEST_DATABASE_URL is not set: no PostgreSQL")
    url = make_url(given).set(drivername="postgresql+psycopg")
    schema = f"snap_test_{os.getpid()}"
    engine = create_engine(url, isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        connection.execute(text(f"CREATE SCHEMA {schema}"))
        yield url.update_query_dict({"options": f"-csearch_path={schema}"}).render_as_string(
            hide_password=False
        )
        connection.execute(text(f"DROP SCHEMA {schema} CASCADE"))
    engine.dispose()


@pytest.fixture
def store(database: str) -> Iterator[StudyStore]:
    opened = open_store(database)
    yield opened
    opened.close()
