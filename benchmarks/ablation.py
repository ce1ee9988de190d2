"""Which rule, start and naturalness term carry the attack: one change at a time, on patches the victim was
trained on.

Never on validation patches: what wins here becomes the default, and the default is judged there.
"""

import argparse
import csv
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from benchmarks.arms import Outcome, compare, restart_arms, run_arm, setting_arms, summarise
from benchmarks.options import add_common, facts, load_common, run_script
from benchmarks.patches import PatchBatch
from benchmarks.results import provenance, table, write_section
from snapgui.engine.settings import AttackSettings
from snapgui.engine.victim.victim import Victim

CHECKPOINTS = (5, 10, 20, 30, 50, 100)
COLUMNS = (
    "part",
    "arm",
    "steps",
    "images",
    "mean_drop",
    "difference",
    "low",
    "high",
    "reached",
    "share",
    "median_steps",
)


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add_common(parser, images=100, split="train")
    parser.add_argument("--chunk", type=int, default=25, help="images at once")
    parser.add_argument(
        "--budget", type=int, default=120, help="gradient steps that each number of restarts has in all"
    )
    parser.add_argument(
        "--only", nargs="+", choices=("settings", "restarts"), default=["settings", "restarts"]
    )
    parser.add_argument(
        "--arms", nargs="+", default=[], metavar="WORD", help="only arms whose name has one of these words"
    )
    parser.add_argument("--quick", action="store_true", help="2 images, few steps: does it run?")
    parser.add_argument("--csv", type=Path, help="write all rows there")
    parser.add_argument(
        "--write", action="store_true", help="write benchmarks/RESULTS.md and benchmarks/ablation.csv"
    )
    args = parser.parse_args()
    if args.split != "train":
        parser.error("an ablation chooses defaults: it runs on train alone")
    if args.quick:
        args.images, args.budget = min(args.images, 2), 12
    if args.budget % 12:
        parser.error("the budget must divide by 12, so that every number of restarts gets the same steps")
    if args.write and args.csv is None and not args.arms:
        args.csv = Path(__file__).with_name("ablation.csv")
    return args


def run_part(
    part: str, args: argparse.Namespace, victim: Victim, batch: PatchBatch
) -> tuple[list[dict[str, Any]], dict[str, Outcome], Sequence[int]]:
    """All arms of one part: their rows, outcomes and checkpoints."""
    checkpoints: Sequence[int] = (2, 5) if args.quick else CHECKPOINTS
    if part == "settings":
        arms = setting_arms(AttackSettings(steps=max(checkpoints)))
    else:
        arms, checkpoints = restart_arms(AttackSettings(), args.budget), (args.budget,)
    first = next(iter(arms))
    outcomes: dict[str, Outcome] = {}
    for name, settings in arms.items():
        if name == first or not args.arms or any(word in name for word in args.arms):
            outcomes[name] = run_arm(victim, batch, settings, checkpoints, chunk=args.chunk)
            print(f"  {name}: {summarise(outcomes[name])}", flush=True)
    rows = [{"part": part, **row} for row in compare(outcomes, checkpoints)]
    for row in rows:
        found = summarise(outcomes[row["arm"]])
        row |= {key: found[key] for key in ("reached", "share", "median_steps")}
    return rows, outcomes, checkpoints


def as_table(rows: list[dict[str, Any]], outcomes: dict[str, Outcome], checkpoints: Sequence[int]) -> str:
    """One line an arm: mean drop at each checkpoint, with the difference from the first arm and its
    interval.
    """
    cells = {(row["arm"], row["steps"]): row for row in rows}
    lines = []
    for name, outcome in outcomes.items():
        found = summarise(outcome)
        median = "" if found["median_steps"] is None else f"{found['median_steps']:g}"
        drops = [_cell(cells.get((name, steps))) for steps in checkpoints]
        lines.append(
            [name, *drops, f"{found['share']:.0%} ({found['low']:.0%} to {found['high']:.0%})", median]
        )
    return table(
        ["arm", *(f"{steps} steps" for steps in checkpoints), "p >= 0.95", "median steps to it"], lines
    )


def _cell(row: dict[str, Any] | None) -> str:
    if row is None:
        return ""
    if "difference" not in row:
        return f"{row['mean_drop']:.2f}"
    return f"{row['mean_drop']:.2f} [{row['difference']:+.2f}: {row['low']:+.2f} to {row['high']:+.2f}]"


def main() -> None:
    args = parse()
    victim, batch = load_common(args)
    known = facts(args, victim)
    print("\n".join(f"{name}: {value}" for name, value in known.items()), flush=True)
    written: list[dict[str, Any]] = []
    for part in args.only:
        rows, outcomes, checkpoints = run_part(part, args, victim, batch)
        written += rows
        body = as_table(rows, outcomes, checkpoints)
        print(f"\n{body}\n", flush=True)
        if args.write:
            title = {
                "settings": "Ablation: one setting at a time",
                "restarts": "Ablation: restarts at equal gradient steps",
            }[part]
            legend = (
                "Mean drop of the metastasis margin on saved pictures; in brackets the difference from the "
                "first arm with its paired bootstrap 95 % interval over images. The last columns: images "
                "that reach p >= 0.95 at any step, and when."
            )
            # A choice of arms is a section of its own: it does not replace the whole.
            write_section(
                "-".join(["ablation", part, *args.arms]),
                ", ".join([title, *args.arms]),
                f"{legend}\n\n{body}\n\n{provenance(sys.argv, known)}",
            )
    if args.csv:
        with args.csv.open("w", newline="", encoding="utf-8") as file:
            writer = csv.DictWriter(file, COLUMNS, restval="")
            writer.writeheader()
            writer.writerows(written)


if __name__ == "__main__":
    run_script(main)
