"""Is the memory of an audit flat in the number of images? Peak resident memory of whole audits of growing
size, each a process of its own.

One gradient step an attack: memory is asked here, not strength.
"""

import argparse
import resource
import subprocess
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from benchmarks.options import run_script, victim_facts
from benchmarks.patches import find_data
from benchmarks.results import provenance, table, write_section
from snapgui import shipped
from snapgui.engine.victim.victim import Victim


def peak_mb(data: Path, split: str, limit: int) -> float:
    """Peak resident memory of one audit, in megabytes."""
    with tempfile.TemporaryDirectory() as out:
        command = [
            sys.executable,
            str(Path(__file__).resolve()),
            "--child",
            "audit",
            str(data),
            "--split",
            split,
            "--limit",
            str(limit),
            "--preset",
            "paper",
            "--steps",
            "1",
            "--out",
            out,
            "--threads",
            "1",
            "--device",
            "cpu",
            "--shard-size",
            "32",
        ]
        done = subprocess.run(command, capture_output=True, text=True, check=True)
    return float(done.stdout.split()[-1])


def child(arguments: list[str]) -> None:
    """Audit, then say the peak."""
    from snapgui.cli import main as command_line

    code = command_line(arguments)
    if code:
        sys.exit(code)
    unit = 1024 if sys.platform != "darwin" else 1024**2
    print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / unit)


def main() -> None:
    if sys.argv[1:2] == ["--child"]:
        child(sys.argv[2:])
        return
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--data", type=Path, default=None, help="folder of the patches; else what SNAP_HCD_DIR names"
    )
    parser.add_argument("--split", default="train")
    parser.add_argument("--sizes", type=int, nargs="+", default=[64, 256, 1024], help="images of each audit")
    parser.add_argument("--write", action="store_true", help="write the section into benchmarks/RESULTS.md")
    args = parser.parse_args()
    data = find_data(args.data).resolve()
    rows = []
    for size in args.sizes:
        rows.append((f"{size:,}", f"{peak_mb(data, args.split, size):,.0f} MB"))
        print(*rows[-1], flush=True)
    body = table(("images", "peak resident memory"), rows)
    if args.write:
        write_section(
            "audit-memory",
            "Memory of an audit",
            f"{body}\n\n{provenance(sys.argv, victim_facts(Victim.load(shipped.MODEL)))}",
        )


if __name__ == "__main__":
    run_script(main)
