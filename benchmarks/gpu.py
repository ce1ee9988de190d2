"""All that a GPU has to show, in one command and one time limit, the most valuable first.

`python benchmarks/gpu.py --patches FILE... --teacher FILE --out DIR [--limit-s 480]` runs, each in a process
of its own that is ended at its limit and with a result file of its own:

- ``tests.json``: the tests in tests/device, on the GPU;
- ``speed.json``: what benchmarks/gpu_speed.py measures;
- ``training.json``: what benchmarks/gpu_training.py trains in the time that is left, with weights and card.

`--smoke` does the same in small on a CPU.
"""

import argparse
import subprocess
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from benchmarks.gpu_scale import add_gpu_options, shared_words, write_result

ROOT = Path(__file__).resolve().parents[1]
PARTS = ("tests", "speed", "training")
TESTS_LIMIT_S = SPEED_LIMIT_S = 75.0
# A training that keeps to its time ends before; one that does not is ended.
GRACE_S = 5.0


def run_tests(out: Path, limit_s: float) -> int | None:
    """Run the tests of tests/device, every outcome in the file; their exit code, None where they were
    ended.
    """
    words = [sys.executable, "-m", "pytest", str(ROOT / "tests" / "device"), "-v", "-p", "no:cacheprovider"]
    # Other versions of the libraries may warn of other things.
    words += ["-o", "filterwarnings=default"]
    with tempfile.TemporaryFile() as log:
        try:
            code = subprocess.run(words, cwd=ROOT, stdout=log, stderr=log, timeout=limit_s).returncode
        except subprocess.TimeoutExpired:
            code = None
        log.seek(0)
        lines = log.read().decode("utf-8", "replace").splitlines()
    outcomes = [line for line in lines if "::" in line and ("PASSED" in line or "FAILED" in line)]
    write_result(out, "tests", {"exit_code": code, "outcomes": outcomes, "end": lines[-60:]})
    return code


def run_part(name: str, args: argparse.Namespace, left_s: float) -> int | None:
    """Run one part in the time that it may take; its exit code, None where it was ended."""
    if name == "tests":
        return run_tests(args.out, left_s if args.smoke else min(left_s, TESTS_LIMIT_S))
    words = shared_words(args, patches=name == "training")
    if name == "speed":
        limit_s = left_s if args.smoke else min(left_s, SPEED_LIMIT_S)
    else:
        limit_s = left_s
        words = [*words, "--limit-s", str(left_s - GRACE_S)]
    try:
        script = str(ROOT / "benchmarks" / f"gpu_{name}.py")
        return subprocess.run([sys.executable, script, *words], timeout=limit_s).returncode
    except subprocess.TimeoutExpired:
        return None


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add_gpu_options(parser, patches=True)
    parser.add_argument("--limit-s", type=float, default=480.0, help="for everything together")
    parser.add_argument("--parts", nargs="+", choices=PARTS, default=list(PARTS), help="which parts")
    args = parser.parse_args()
    args.out.mkdir(parents=True, exist_ok=True)
    end = time.monotonic() + args.limit_s
    codes = {}
    for name in (part for part in PARTS if part in args.parts):
        began = time.monotonic()
        codes[name] = run_part(name, args, max(1.0, end - began))
        print(f"{name}: {time.monotonic() - began:.0f} s, exit code {codes[name]}", flush=True)
    sys.exit(any(codes.values()))


if __name__ == "__main__":
    main()
