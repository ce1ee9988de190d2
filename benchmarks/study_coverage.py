"""Do the intervals of a reader study hold what they promise? Simulated studies of known truth, counted one by
one.

Readers rate on six steps; what makes a reader bold or keen, and a source odd, is drawn anew for every study.
"""

import argparse
import functools
import json
import math
import sys
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, dataclass, field
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import numpy as np
from numpy.typing import NDArray
from scipy import integrate, stats

from benchmarks.options import run_script
from benchmarks.results import provenance, table, write_section
from benchmarks.study_oracles import area_by_u_statistics, bootstrap_readers_and_cases
from benchmarks.timing import versions
from snapgui.statistics import wilson_interval
from snapgui.study.analysis.visibility import bootstrap_correlation
from snapgui.study.statistics.agreement import cohen, fleiss
from snapgui.study.statistics.detection import exact_interval, yes_no
from snapgui.study.statistics.estimates import Part, Scale, area_parts, estimate, score_part, share_part
from snapgui.study.statistics.roc import lroc_area, roc_area

Floats = NDArray[np.float64]
Interval = tuple[float, float]
Found = dict[str, tuple[Interval, float]]
# Between the six ratings; the third is that of yes and no.
CUTS = np.array([-1.0, -0.4, 0.2, 0.8, 1.5])
# How often a place is found, by rating.
PLACED = np.array([0.05, 0.1, 0.2, 0.5, 0.7, 0.9])
ARMS = ("untouched", "SNAP", "sham")


@dataclass(frozen=True)
class World:
    """Spread of what is drawn for a study, in units of a single answer's spread; shifts of the arms.

    Attributes:
        readers, sources: how many of each.
        shifts: of the mean, by arm.
        bold: of a reader's readiness to say yes.
        keen: of a reader's sight for an arm.
        odd: of how suspicious a source looks in any arm.
        plain: of how visible the change of a source is in an arm.
    """

    readers: int = 6
    sources: int = 60
    shifts: tuple[float, float, float] = (0.0, 0.9, 0.5)
    bold: float = 0.4
    keen: float = 0.25
    odd: float = 0.6
    plain: float = 0.4


NOTE = """Each of {} simulated studies of a kind has its own readers, sources and answers; the truth is that of infinitely many readers and sources (for
kappas: of infinitely many pictures and the same readers). To reach: 93 to 97 % of the intervals hold it. What lies above is too wide, not too narrow:
where readers and sources add nothing of their own, a variance cannot be estimated below that of single answers, and with hardly more readers than
lists what readers add cannot be told from what their lists share, so the plain variance by clusters stands in. Two are what they are and were not
bent: Clopper and Pearson's interval promises at least 95 % for every share, and the U-statistics of iMRMC take pictures of one source for independent
cases, which in a Latin square they are not. The study's own ROC area takes altered and untouched pictures for arms of which each reader has a sight of
their own; where every reader sees every picture, which no design here asks, that is too wide."""
WORLDS = {
    "6 readers, 60 sources": World(),
    "7 readers, 60 sources (lists of unequal size)": World(readers=7),
    "12 readers, 90 sources": World(readers=12, sources=90),
    "6 readers alike, 60 sources": World(keen=0.0, plain=0.0),
    "6 readers unlike, 60 sources": World(keen=0.6, plain=0.2),
    "4 readers, 60 sources (hardly more than lists)": World(readers=4),
}


def draw_study(world: World, rng: np.random.Generator) -> list[Floats]:
    """Ratings ``(R, N)`` by arm of a Latin square, NaN where a source was not seen in the arm."""
    bold, odd = rng.normal(0, world.bold, (world.readers, 1)), rng.normal(0, world.odd, world.sources)
    lists = np.arange(world.readers)[:, None]
    ratings = []
    for k, shift in enumerate(world.shifts):
        keen = rng.normal(0, world.keen, (world.readers, 1)) if k else 0.0
        plain = rng.normal(0, world.plain, world.sources) if k else 0.0
        seen = (np.arange(world.sources) + lists) % 3 == k
        inner = bold + odd + shift + keen + plain + rng.normal(size=(world.readers, world.sources))
        ratings.append(np.where(seen, 1.0 + np.searchsorted(CUTS, inner), np.nan))
    return ratings


def rating_shares(middle: Floats, spread: float) -> Floats:
    """Shares of the six ratings ``(6, ...)`` for a mean and a standard deviation of what is rated."""
    return np.diff(
        stats.norm.cdf((CUTS.reshape(-1, *[1] * middle.ndim) - middle) / spread), axis=0, prepend=0, append=1
    )


@functools.cache
def truths(world: World) -> dict[str, float]:
    """What the figures are for infinitely many readers and sources, by numerical integration over readers."""
    nodes, weights = np.polynomial.hermite_e.hermegauss(25)
    bold, keen = np.meshgrid(nodes * world.bold, nodes * world.keen, indexing="ij")
    weight = np.outer(weights, weights) / weights.sum() ** 2
    spreads = [math.hypot(1, world.odd), *[math.sqrt(1 + world.odd**2 + world.plain**2)] * 2]
    calm = rating_shares(bold, spreads[0])
    below = calm.cumsum(0) - calm / 2
    scores = [(shift - CUTS[2]) / spread for shift, spread in zip(world.shifts, spreads, strict=True)]
    found = {"alarm": float((calm[3:].sum(0) * weight).sum())}
    for k in (1, 2):
        shares = rating_shares(bold + keen + world.shifts[k], spreads[k])
        found |= {
            f"hit {k}": float((shares[3:].sum(0) * weight).sum()),
            f"area {k}": float(((shares * below).sum(0) * weight).sum()),
            f"place {k}": float(((shares * below * PLACED.reshape(-1, 1, 1)).sum(0) * weight).sum()),
            f"d {k}": scores[k] - scores[0],
            f"c {k}": -(scores[k] + scores[0]) / 2,
        }
    return found


def latin_study(world: World, rng: np.random.Generator, *, resamples: int) -> Found:
    """The intervals over readers and sources of one simulated study in a Latin square, each with the
    truth.
    """
    ratings, true = draw_study(world, rng), truths(world)
    said = [np.where(np.isfinite(one), one > 3, np.nan) for one in ratings]
    shares, scores = [share_part(one) for one in said], [score_part(one) for one in said]
    placed = [
        np.where(
            np.isfinite(one),
            rng.random(one.shape) < PLACED[np.nan_to_num(one, nan=1).astype(int) - 1],
            np.nan,
        )
        for one in ratings
    ]
    areas = [area_parts(ratings[k], ratings[0]) for k in (1, 2)]
    places = [area_parts(ratings[k], ratings[0], placed[k]) for k in (1, 2)]

    def over(parts: list[Part], truth: float, scale: Scale = "plain") -> tuple[Interval, float]:
        return estimate(parts, scale=scale).interval, truth

    def less(first: list[Part], second: list[Part]) -> list[Part]:
        return [*first, *(part.times(-1) for part in second)]

    found: Found = {
        "hit rate": over([shares[1]], true["hit 1"], "share"),
        "false-alarm rate": over([shares[0]], true["alarm"], "share"),
        "d'": over(less([scores[1]], [scores[0]]), true["d 1"]),
        "criterion c": over([one.times(-0.5) for one in scores[:2]], true["c 1"]),
        "ROC area": over(areas[0], true["area 1"], "area"),
        "LROC area": over(places[0], true["place 1"], "area"),
        "SNAP minus sham: hit rate": over(less([shares[1]], [shares[2]]), true["hit 1"] - true["hit 2"]),
        "SNAP minus sham: d'": over(less([scores[1]], [scores[2]]), true["d 1"] - true["d 2"]),
        "SNAP minus sham: ROC area": over(less(*areas), true["area 1"] - true["area 2"]),
        "SNAP minus sham: LROC area": over(less(*places), true["place 1"] - true["place 2"]),
    }
    both = np.concatenate([ratings[1], ratings[0]], axis=1)
    found["ROC area by U-statistics (iMRMC), of a Latin square"] = (
        area_by_u_statistics(both, np.repeat([1, 0], world.sources)).interval,
        true["area 1"],
    )
    if resamples:
        found |= _by_bootstrap(ratings, true, rng, resamples)
    return found


def _by_bootstrap(
    ratings: list[Floats], true: dict[str, float], rng: np.random.Generator, resamples: int
) -> Found:
    counts = np.stack([one[:, :, None] == np.arange(1, 7) for one in ratings], axis=2).astype(float)

    def areas(drawn: Floats) -> Floats:
        number = drawn.sum(1)
        shares = number / number.sum(2, keepdims=True)
        below = shares[:, 0].cumsum(1) - shares[:, 0] / 2
        first, second = (shares[:, 1:] * below[:, None]).sum(2).mean(0)
        return np.array([first, first - second])

    kinds = [np.arange(count) % 3 for count in counts.shape[:2]]
    one, difference = bootstrap_readers_and_cases(
        counts, areas, rng, strata=kinds[1], reader_strata=kinds[0], resamples=resamples
    )
    return {
        "bootstrap: ROC area": (one.interval, true["area 1"]),
        "bootstrap: SNAP minus sham, ROC area": (difference.interval, true["area 1"] - true["area 2"]),
    }


def crossed_study(rng: np.random.Generator) -> Found:
    """Fully crossed data: 5 readers, every one sees every case."""
    truth, shift = np.repeat([1, 0], 25), 0.8 + rng.normal(0, 0.2, (5, 1))
    ratings = rng.normal(size=(5, 50)) + rng.normal(0, 0.5, 50) + shift * truth
    right = rng.normal(size=(5, 40)) + rng.normal(0, 0.3, (5, 1)) + rng.normal(0, 0.5, (1, 40)) > 0
    parts = area_parts(*(np.where(truth == kind, ratings, np.nan) for kind in (1, 0)))
    area = float(stats.norm.cdf(0.8 / math.sqrt(2 * 1.25 + 0.04)))
    return {
        "ROC area, every reader sees every case": (estimate(parts, scale="area").interval, area),
        "ROC area by U-statistics (iMRMC), every reader sees every case": (
            area_by_u_statistics(ratings, truth).interval,
            area,
        ),
        "share right, every reader sees every case": (
            estimate([share_part(right.astype(float))], scale="share").interval,
            0.5,
        ),
    }


def one_reader(rng: np.random.Generator) -> Found:
    """One reader, 40 altered and 40 untouched pictures."""
    world, altered = World(bold=0.0, keen=0.0, odd=0.0, plain=0.0), np.repeat([1, 0], 40)
    true = truths(world)
    inner = rng.normal(size=80) + world.shifts[1] * altered
    ratings = 1.0 + np.searchsorted(CUTS, inner)
    said = ratings > 3
    hits, alarms = int(said[:40].sum()), int(said[40:].sum())
    whole = yes_no(hits, 40 - hits, alarms, 40 - alarms)
    half = 1.959964 * whole.criterion_standard_error
    distances = np.where(rng.random(80) < PLACED[ratings.astype(int) - 1], 0.0, np.inf)
    right = int(rng.binomial(60, 0.62))
    return {
        "proportion, Wilson": (wilson_interval(hits, 40), true["hit 1"]),
        "d', Gourevitch and Galanter": (whole.interval, true["d 1"]),
        "criterion c": ((whole.criterion - half, whole.criterion + half), true["c 1"]),
        "ROC area, DeLong": (roc_area(ratings, altered).interval, true["area 1"]),
        "LROC area, DeLong": (lroc_area(ratings, altered, distances, radius_px=1).interval, true["place 1"]),
        "2AFC share of 60 trials, Clopper and Pearson": (exact_interval(right, 60), 0.62),
    }


def choices(rng: np.random.Generator, world: World) -> Found:
    """Two-alternative forced choice: share right over readers and pictures, in a Latin square of two arms."""
    keen, plain = rng.normal(0, world.keen, (world.readers, 1)), rng.normal(0, world.plain, world.sources)
    right = [
        keen * (0.5 + k / 2) + plain + shift + rng.normal(size=(world.readers, world.sources)) > 0
        for k, shift in enumerate((0.3, 0.7))
    ]
    first = (np.arange(world.sources) + np.arange(world.readers)[:, None]) % 2 == 0
    tables = [np.where(first, right[0], np.nan), np.where(first, np.nan, right[1])]
    spreads = [math.sqrt(1 + world.plain**2 + (world.keen * (0.5 + k / 2)) ** 2) for k in (0, 1)]
    true = [float(stats.norm.cdf(shift / spread)) for shift, spread in zip((0.3, 0.7), spreads, strict=True)]
    parts = [share_part(one) for one in tables]
    return {
        "2AFC share right": (estimate([parts[0]], scale="share").interval, true[0]),
        "SNAP minus sham: 2AFC share right": (
            estimate([parts[1], parts[0].times(-1)]).interval,
            true[1] - true[0],
        ),
    }


@functools.cache
def kappa_truths() -> tuple[Floats, float, float]:
    """Shares of yes of six readers at each node of a picture's oddness, Fleiss' kappa of all, Cohen's of the
    first two.
    """
    bold = np.array([-0.3, -0.15, 0.0, 0.1, 0.2, 0.3])

    def mean(of: Callable[[float], float]) -> float:
        return float(integrate.quad(lambda x: of(x) * stats.norm.pdf(x), -8, 8)[0])

    def yes(r: int, x: float) -> float:
        return float(stats.norm.cdf(x + bold[r]))

    rates = [mean(functools.partial(yes, r)) for r in range(6)]
    both = {(r, s): mean(lambda x, r=r, s=s: yes(r, x) * yes(s, x)) for r in range(6) for s in range(r)}
    agreed = {pair: 1 - rates[pair[0]] - rates[pair[1]] + 2 * joint for pair, joint in both.items()}
    share = float(np.mean(rates))
    chance, own = share**2 + (1 - share) ** 2, rates[0] * rates[1] + (1 - rates[0]) * (1 - rates[1])
    return (
        bold,
        (float(np.mean(list(agreed.values()))) - chance) / (1 - chance),
        (agreed[1, 0] - own) / (1 - own),
    )


def agreement_study(rng: np.random.Generator) -> Found:
    """Kappas of given readers over 60 pictures."""
    bold, among, pair = kappa_truths()
    answers = (rng.normal(size=(60, 6)) + rng.normal(size=(60, 1)) + bold > 0).astype(float)
    return {
        "Fleiss' kappa, 6 readers, 60 pictures": (fleiss(answers).interval, among),
        "Cohen's kappa, 60 pictures": (cohen(answers[:, 0], answers[:, 1]).interval, pair),
    }


def found_shares(rng: np.random.Generator, count: int) -> tuple[Floats, Floats]:
    """Visibility of some pictures and the share of six readers who found each."""
    visible = rng.normal(size=count)
    return visible, rng.binomial(6, stats.norm.cdf(0.6 * visible + rng.normal(0, 0.6, count))) / 6


@functools.cache
def true_correlation() -> float:
    """Spearman's correlation of a million such pictures."""
    return float(stats.spearmanr(*found_shares(np.random.default_rng(1), 1_000_000)).statistic)


def visibility_study(rng: np.random.Generator, resamples: int) -> Found:
    """Rank correlation over 60 pictures."""
    return {
        "Spearman's correlation, 60 pictures": (
            bootstrap_correlation(*found_shares(rng, 60), rng, resamples),
            true_correlation(),
        )
    }


@dataclass
class Count:
    """How often an interval held the truth, lay below or above it, or could not be made; and how wide it
    was.
    """

    held: int = 0
    below: int = 0
    above: int = 0
    none: int = 0
    widths: list[float] = field(default_factory=list)

    def add(self, interval: Interval, truth: float) -> None:
        if not all(map(math.isfinite, interval)):
            self.none += 1
            return
        self.held += bool(interval[0] <= truth <= interval[1])
        self.below += bool(interval[1] < truth)
        self.above += bool(interval[0] > truth)
        self.widths.append(float(interval[1] - interval[0]))

    def join(self, other: "Count") -> None:
        self.held, self.below, self.above, self.none = (
            self.held + other.held,
            self.below + other.below,
            self.above + other.above,
            self.none + other.none,
        )
        self.widths += other.widths


Counts = dict[tuple[str, str], Count]


LATIN = "several readers, Latin square: "
ONE, OTHER = "one reader, 40 altered and 40 untouched pictures", "every reader sees every picture"


def makers(resamples: int) -> dict[str, Callable[[np.random.Generator], Found]]:
    """How a study of each kind is made and analysed."""

    def latin(world: World, rng: np.random.Generator) -> Found:
        return latin_study(world, rng, resamples=resamples if world == World() else 0) | choices(rng, world)

    def other(rng: np.random.Generator) -> Found:
        return crossed_study(rng) | agreement_study(rng) | visibility_study(rng, max(resamples, 200))

    return {LATIN + name: functools.partial(latin, world) for name, world in WORLDS.items()} | {
        ONE: one_reader,
        OTHER: other,
    }


def simulate(task: tuple[int, int, int, str]) -> Counts:
    """The counts of some studies: seed, number, resamples, kinds whose name holds these words."""
    seed, number, resamples, only = task
    counts: Counts = {}
    for place, (kind, make) in enumerate(makers(resamples).items()):
        if only not in kind:
            continue
        rng = np.random.default_rng([20261122, seed, place])
        for _ in range(number):
            for name, (interval, truth) in make(rng).items():
                counts.setdefault((kind, name), Count()).add(interval, truth)
    return counts


def simulate_once(task: tuple[int, int, int, str], cache: Path | None) -> Counts:
    """The same, read from the cache where these studies were simulated before."""
    if cache is None:
        return simulate(task)
    file = cache / ("-".join(map(str, task[:3])) + f"-{''.join(filter(str.isalnum, task[3]))}.json")
    if not file.is_file():
        counts = [[*key, asdict(one)] for key, one in simulate(task).items()]
        cache.mkdir(parents=True, exist_ok=True)
        file.with_suffix(".tmp").write_text(json.dumps(counts), encoding="utf-8")
        file.with_suffix(".tmp").replace(file)
    return {(kind, name): Count(**one) for kind, name, one in json.loads(file.read_text(encoding="utf-8"))}


def tables_of(counts: Counts) -> str:
    """How often each interval held the truth: the Latin squares side by side, then the rest."""
    worlds = [kind for kind in dict.fromkeys(kind for kind, _ in counts) if kind.startswith(LATIN)]
    names = dict.fromkeys(name for kind, name in counts if kind in worlds)
    parts = []
    if worlds:
        rows = [[name, *(_share(counts.get((kind, name))) for kind in worlds)] for name in names]
        parts.append(
            table(
                [
                    "several readers, Latin square of three arms: 95 % interval of",
                    *(kind.removeprefix(LATIN) for kind in worlds),
                ],
                rows,
            )
        )
    rest = [
        [kind, name, _share(one), f"{np.median(one.widths):.3f}"]
        for (kind, name), one in counts.items()
        if kind not in worlds
    ]
    if rest:
        parts.append(table(["studies", "95 % interval of", "held the truth", "median width"], rest))
    return "\n\n".join(parts)


def _share(one: Count | None) -> str:
    """Share that held the truth, below it shares that lay too low and too high, and how many could not be
    made.
    """
    if one is None:
        return ""
    number = max(1, len(one.widths))
    return (
        f"{one.held / number:.1%} ({one.below / number:.1%} too low, {one.above / number:.1%} too "
        f"high{f', none in {one.none}' if one.none else ''})"
    )


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--studies", type=int, default=1000, help="simulated studies of each kind")
    parser.add_argument("--resamples", type=int, default=200, help="of the bootstrap")
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--only", default="", metavar="WORDS", help="only kinds whose name holds these words")
    parser.add_argument(
        "--cache",
        type=Path,
        default=None,
        metavar="DIR",
        help="keep what was counted here, and go on from it",
    )
    parser.add_argument("--write", action="store_true", help="write the section into benchmarks/RESULTS.md")
    args = parser.parse_args()
    chunk = 25
    tasks = [
        (k, min(chunk, args.studies - k * chunk), args.resamples, args.only)
        for k in range(-(-args.studies // chunk))
    ]
    counts: Counts = {}
    with ProcessPoolExecutor(args.processes) as pool:
        for place, found in enumerate(pool.map(functools.partial(simulate_once, cache=args.cache), tasks)):
            print(
                f"  {min(args.studies, (place + 1) * chunk)} of {args.studies}", file=sys.stderr, flush=True
            )
            for key, one in found.items():
                counts.setdefault(key, Count()).join(one)
    body = tables_of(counts)
    print(body)
    if args.write:
        used = ", ".join(f"{name} {version}" for name, version in versions("numpy", "scipy").items())
        title = "Do the intervals of a reader study hold what they promise?"
        write_section(
            "study-coverage",
            title,
            f"{NOTE.format(args.studies)}\n\n{body}\n\n{provenance(sys.argv, {'versions': used})}",
        )


if __name__ == "__main__":
    run_script(main)
