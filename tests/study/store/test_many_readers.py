"""Many readers at once, through programs that are killed."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]


@pytest.mark.parametrize("database", ["sqlite", "postgresql"])
def test_many_readers_lose_no_answer_though_the_programs_are_killed_ten_times(database: str) -> None:
    """The full size, 200 readers of 60 trials and all processes killed at once, is the benchmark's
    default.
    """
    if database == "postgresql" and not os.environ.get("SNAP_TEST_DATABASE_URL"):
        pytest.skip("SNAP_TEST_DATABASE_URL is not set: no PostgreSQL")
    options = [
        "--one",
        "--readers",
        "12",
        "--trials",
        "24",
        *(["--postgresql"] if database == "postgresql" else []),
    ]
    done = subprocess.run(
        [sys.executable, str(ROOT / "benchmarks" / "study_store.py"), *options],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=200,
    )
    assert done.returncode == 0, done.stderr
    counts = json.loads(done.stdout)
    assert (counts["database"], counts["processes"], counts["kills"]) == (database, 8, 10)
    assert counts["lost"] == counts["doubled"] == counts["wrong"] == 0 and counts["resent"] > 0
