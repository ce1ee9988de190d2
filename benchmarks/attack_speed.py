"""Speed and strength of the attack beside a bare gradient, a long search and other tools: the table of the
README.

Runs alternate in one process (torchattacks in a child, see benchmarks/README.md); medians with lowest and
highest, ratios first.
"""

import argparse
import contextlib
import importlib.util
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from benchmarks.head_start import EPOCHS, measure_head_start
from benchmarks.measures import Row, measure_overhead, measure_strength
from benchmarks.options import add_common, collect_common, facts, load_common, run_script, strongest
from benchmarks.patches import PatchBatch
from benchmarks.reference import Reference, ReferenceSettings, read_reference
from benchmarks.results import provenance, table, write_section
from benchmarks.timing import device_name
from snapgui.engine.victim.victim import Victim

TITLES = {
    "overhead": "The cost of a step",
    "throughput": "Image-steps a second",
    "strength": "Strength at default settings",
    "reach": "Steps and time to 95 % of the reference's drop",
    "head-start": "A start from the victim's own universal texture",
    "universal": "The universal peer",
}
# Metastases of train on which that texture is made.
HEAD_START_IMAGES = 128
HEAD = ("what", "to reach", "measured", "detail")


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add_common(parser)
    parser.add_argument(
        "--repeats", type=int, default=5, help="timed runs of each, after one that does not count"
    )
    parser.add_argument(
        "--steps", type=int, default=20, help="gradient steps of a timed run where none other is meant"
    )
    parser.add_argument(
        "--block", type=int, default=5, help="steps of ours, then bare ones, in turn, for the cost of a step"
    )
    parser.add_argument("--quick", action="store_true", help="4 images, 2 repeats, 3 steps: does it run?")
    parser.add_argument(
        "--only", nargs="+", choices=TITLES, default=list(TITLES), metavar="NAME", help=", ".join(TITLES)
    )
    parser.add_argument("--cache", type=Path, help="folder that benchmarks/reference.py has filled")
    parser.add_argument("--reference-steps", type=int, default=500)
    parser.add_argument(
        "--art-limit", type=int, default=100, help="most steps that ART is given (its default)"
    )
    parser.add_argument(
        "--art-gamut",
        choices=("free", "range"),
        default="free",
        help="colours of the peers; held to the range, torchattacks is left out",
    )
    parser.add_argument(
        "--torchattacks-python", type=Path, help="Python of the environment with torchattacks"
    )
    parser.add_argument(
        "--universal-steps", type=int, default=100, help="passes of ART's universal patch over its set"
    )
    parser.add_argument("--universal-rate", type=float, default=0.05)
    parser.add_argument("--write", action="store_true", help="write the sections into benchmarks/RESULTS.md")
    args = parser.parse_args()
    if args.quick:
        args.images, args.repeats, args.steps, args.block, args.universal_steps = (
            min(args.images, 4),
            2,
            3,
            2,
            2,
        )
    return args


def section_name(name: str, args: argparse.Namespace) -> str:
    """Its name in the results: another choice of colours is another section."""
    colours = (
        {"ours": args.gamut, "peers": args.art_gamut}
        if name in ("throughput", "reach")
        else {"ours": args.gamut if args.texture == "free" else args.texture}
    )
    usual = {"ours": "range", "peers": "free"}
    return "-".join(
        ["attack-speed", name, *(f"{who}-{what}" for who, what in colours.items() if what != usual[who])]
    )


def say(name: str, seconds: float) -> None:
    """One line a timed run, so that a long benchmark can be followed."""
    print(f"  {name}: {seconds:.3f} s", flush=True)


def find_reference(args: argparse.Namespace, victim: Victim, batch: PatchBatch) -> Reference | None:
    """What the cache holds for this batch."""
    if args.cache is None:
        return None
    settings = ReferenceSettings(victim.card.sha256, args.gamut, args.reference_steps, texture=args.texture)
    return read_reference(batch, settings.folder(args.cache), settings)


@contextlib.contextmanager
def torchattacks_child(args: argparse.Namespace, batch: PatchBatch, names: set[str]) -> Iterator[Any]:
    """The child process where its Python is named and a measurement wants it, else None."""
    if args.torchattacks_python is None or args.art_gamut != "free" or not names & {"throughput", "reach"}:
        yield None
        return
    from benchmarks.peers import ArtRule
    from benchmarks.torchattacks_peer import start_torchattacks

    with start_torchattacks(args.torchattacks_python, args.model, batch, step_size=ArtRule().step) as child:
        yield child


def measure(
    name: str, args: argparse.Namespace, victim: Victim, batch: PatchBatch, child: Any
) -> list[Row] | str:
    """The rows of one measurement, or why there are none."""
    settings = strongest(args.texture)
    if args.texture != "free" and name not in ("overhead", "strength"):
        return "the peers have free colours alone"
    judged = name in ("strength", "reach", "head-start")
    reference = find_reference(args, victim, batch) if judged else None
    if judged and reference is None:
        return "there is no reference for these images; run benchmarks/reference.py and name its --cache"
    if name == "overhead":
        return measure_overhead(victim, batch, settings, block=args.block, repeats=args.repeats, say=say)
    if name == "strength":
        assert reference is not None
        return measure_strength(victim, batch, settings, reference)
    if name == "head-start":
        if args.gamut != "range":
            return "it begins in the gamut range alone"
        assert reference is not None
        training = collect_common(args, victim, "train", count=4 if args.quick else HEAD_START_IMAGES)
        epochs = 2 if args.quick else EPOCHS
        return measure_head_start(victim, training, batch, settings, reference, epochs=epochs)
    if importlib.util.find_spec("art") is None:
        return "ART is not installed; pip install -r benchmarks/requirements.txt"
    if name == "universal":
        from benchmarks.universal_peer import measure_universal

        return measure_universal(
            victim,
            collect_common(args, victim, "train"),
            batch,
            area=args.area,
            steps=args.universal_steps,
            rate=args.universal_rate,
        )
    from benchmarks import peer_measures
    from benchmarks.peers import load_plain

    plain = load_plain(args.model).to(batch.images.device)
    peer_measures.check_same(victim, plain, batch)
    rules = peer_measures.RULES[:1] if args.quick else peer_measures.RULES
    peers = peer_measures.Peers(plain, child, args.art_gamut == "range", rules, args.art_limit)
    if name == "throughput":
        return peer_measures.measure_throughput(
            victim, peers, batch, settings, steps=args.steps, repeats=args.repeats, say=say
        )
    assert reference is not None
    return peer_measures.measure_reach(
        victim, peers, batch, settings, reference, repeats=args.repeats, say=say
    )


def main() -> None:
    args = parse()
    victim, batch = load_common(args)
    known = facts(args, victim, "adversarial-robustness-toolbox")
    with torchattacks_child(args, batch, set(args.only)) as child:
        if child:
            known["versions"] += ", child: " + ", ".join(
                f"{name} {version}" for name, version in child.versions.items()
            )
        print("\n".join(f"{name}: {value}" for name, value in known.items()), flush=True)
        for name in args.only:
            print(f"\n{TITLES[name]} on {device_name(batch.images.device)}", flush=True)
            rows = measure(name, args, victim, batch, child)
            if isinstance(rows, str):
                print(f"not measured: {rows}")
                continue
            body = table(HEAD, [(row.what, row.to_reach, row.measured, row.detail) for row in rows])
            print(body, flush=True)
            if args.write:
                section = section_name(name, args)
                colours = (
                    ""
                    if section == f"attack-speed-{name}"
                    else f" ({section.removeprefix(f'attack-speed-{name}-')})"
                )
                write_section(section, TITLES[name] + colours, f"{body}\n\n{provenance(sys.argv, known)}")


if __name__ == "__main__":
    run_script(main)
