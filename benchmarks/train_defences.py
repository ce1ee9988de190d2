"""The two defences that are trained, in ``assets/defences``: the localiser and SpaNN's alarm.

`python benchmarks/train_defences.py --cache DIR [--only NAME] [--write]`: they learn from the pictures that
the shelves of `natural_pictures.py` hold, however many lie there (`naturalness.py` makes them), and from
untouched patches of ``train``; thresholds are set on further untouched patches of ``train``, and everything
is told on another split.
"""

import argparse
import json
import sys
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from benchmarks.natural_conditions import CONDITIONS
from benchmarks.natural_pictures import Shelf
from benchmarks.options import run_script, victim_facts
from benchmarks.patches import SOURCE, TARGET, open_hcd
from benchmarks.results import commit, provenance, shown_command, table, write_section
from snapgui import shipped
from snapgui.data.patches import PatchSet
from snapgui.engine.defences.defended import AlarmingDefence, Defended
from snapgui.engine.defences.localiser import LEAST_PX, Localiser, LocaliserNetwork, picture_scores
from snapgui.engine.defences.spann import Spann, SpannNetwork, cluster_features, look_and_answer
from snapgui.engine.defences.weights import rounded, save_weights
from snapgui.engine.detector.cases import Case
from snapgui.engine.images import to_image
from snapgui.engine.victim.memory import keep_freed_memory
from snapgui.engine.victim.victim import Victim, choose_device
from snapgui.statistics import share
from snapgui.words import NONE, with_interval

# SNAP in all its textures, and the same cells altered without aim.
ATTACKS = ("natural", "few", "paper", "strong", "stain")
AIMLESS = ("sham", "draws", "calm draws")
# Told as well, and never trained on: another edit, other attacks, none at all.
UNSEEN = ("pasted", "square", "art", "perc-al")
NAMES = ("localiser", "spann")
# Asked of train. At 2.5 % a first localiser had 7.2 % on val_slides: other slides bring about three times as
# many alarms, and 5 % is what must hold on them.
FALSE_ALARMS = 0.01
CROP_PX = 64
# How far the optical density of each channel is stretched at random, as slides differ in their stain.
STAIN = 0.15
AT_ONCE = 16


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--cache", type=Path, required=True, help="where pictures are kept")
    parser.add_argument("--only", nargs="+", choices=NAMES, default=list(NAMES))
    parser.add_argument("--steps", type=int, default=2000, help="of the localiser's training")
    parser.add_argument("--untouched", type=int, default=2000, help="patches of train, and as many others")
    parser.add_argument("--split", default="val_slides", help="on which everything is told")
    parser.add_argument("--data", type=Path, default=None, help="of patches; else what SNAP_HCD_DIR names")
    parser.add_argument("--model", type=Path, default=shipped.MODEL)
    parser.add_argument("--device", default="cpu", help="auto, cpu or cuda")
    parser.add_argument("--write", action="store_true", help="write assets/defences and RESULTS.md")
    return parser.parse_args()


@dataclass(frozen=True)
class Lesson:
    """What is learned from: the victim on which pictures were made, its cases by condition, untouched
    patches, and further ones for thresholds.
    """

    victim: Victim
    cases: Mapping[str, Sequence[Case]]
    real: Sequence[NDArray[np.uint8]]
    further: Sequence[NDArray[np.uint8]]


def cases_there(
    cache: Path, conditions: Sequence[str], split: str, victim: Victim, patches: PatchSet
) -> dict[str, list[Case]]:
    """All cases that lie on shelves by condition, in the order of their images; empty shelves left out."""
    found: dict[str, list[Case]] = {}
    for condition in conditions:
        shelf = Shelf(cache, condition, split, victim, patches)
        read = [shelf.read(name) for name in patches.ids if shelf.path(name).is_file()]
        if own := [case for case in read if case is not None]:
            found[condition] = own
    return found


def stacked(pictures: Sequence[NDArray[np.uint8]]) -> torch.Tensor:
    return torch.stack([to_image(picture) for picture in pictures])


def untouched(patches: PatchSet, positions: Iterable[int]) -> list[NDArray[np.uint8]]:
    return [patches.pixels(int(position)) for position in positions]


def crop(images: torch.Tensor, masks: torch.Tensor, chance: torch.Generator) -> list[torch.Tensor]:
    """One random square of all images and masks, in one of its eight positions."""
    height, width, pose = (
        int(torch.randint(most, (1,), generator=chance))
        for most in (images.shape[2] - CROP_PX + 1, images.shape[3] - CROP_PX + 1, 8)
    )
    both = [part[..., height : height + CROP_PX, width : width + CROP_PX] for part in (images, masks)]
    both = [torch.rot90(part, pose % 4, (2, 3)) for part in both]
    return [part.flip(3) for part in both] if pose >= 4 else both


def train_localiser(
    cases: Mapping[str, Sequence[Case]],
    real: Sequence[NDArray[np.uint8]],
    *,
    steps: int,
    device: torch.device,
) -> LocaliserNetwork:
    """Half of each batch is altered, every condition as often as the others; a quarter is the same images
    before, and a quarter is other untouched patches; all are cropped, turned and stained at random.
    """
    rng, chance = np.random.default_rng(0), torch.Generator().manual_seed(0)
    torch.manual_seed(0)
    network = LocaliserNetwork().to(device)
    optimiser = torch.optim.AdamW(network.parameters(), lr=4e-3, weight_decay=0.01)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, 4e-3, total_steps=steps)
    names, half = list(cases), AT_ONCE // 2
    truth = (torch.arange(AT_ONCE) < half).float().to(device)
    begin = time.monotonic()
    for step in range(steps):
        drawn = [cases[name][rng.integers(len(cases[name]))] for name in rng.choice(names, half)]
        clean = [case.original for case in drawn[: half // 2]]
        clean += [real[int(i)] for i in rng.integers(len(real), size=half - len(clean))]
        images = stacked([*(case.altered for case in drawn), *clean]).to(device)
        masks = torch.zeros(AT_ONCE, 1, *images.shape[2:], device=device)
        masks[:half, 0] = torch.from_numpy(np.stack([case.mask for case in drawn])).float().to(device)
        images, masks = crop(images, masks, chance)
        images = images ** torch.exp(STAIN * torch.randn(AT_ONCE, 3, 1, 1, generator=chance)).to(device)
        logits = network(images)
        pixels = F.binary_cross_entropy_with_logits(logits, masks, pos_weight=torch.tensor(2.0))
        # What raises an alarm: the highest logits of a picture. A crop may hold no cell.
        highest = logits.flatten(1).topk(LEAST_PX, 1).values.mean(1)
        altered = truth * (masks.flatten(1).sum(1) >= LEAST_PX)
        loss = pixels + 0.3 * F.binary_cross_entropy_with_logits(highest, altered)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        schedule.step()
        if step % 100 == 99:
            print(f"step {step + 1}: loss {loss.item():.3f}, {time.monotonic() - begin:.0f} s", flush=True)
    return rounded(network.eval().requires_grad_(False))


@torch.no_grad()
def localiser_scores(network: LocaliserNetwork, pictures: Sequence[NDArray[np.uint8]]) -> torch.Tensor:
    device = network.threshold.device
    parts = [pictures[n : n + 32] for n in range(0, len(pictures), 32)]
    return torch.cat([picture_scores(network(stacked(part).to(device))).cpu() for part in parts])


@torch.no_grad()
def features_of(victim: Victim, pictures: Sequence[NDArray[np.uint8]]) -> torch.Tensor:
    device = victim.mean.device
    parts = [stacked(pictures[n : n + 32]).to(device) for n in range(0, len(pictures), 32)]
    return torch.cat([cluster_features(look_and_answer(victim, part)[1]).cpu() for part in parts])


def train_spann(altered: Sequence[torch.Tensor], real: torch.Tensor, *, steps: int = 1500) -> SpannNetwork:
    """Every condition weighs the same, and all together as much as what is untouched."""
    torch.manual_seed(0)
    network = SpannNetwork()
    network.mean.copy_(real.flatten(1).mean(0))
    network.deviation.copy_(real.flatten(1).std(0).clamp_min(1e-3))
    features = torch.cat([*altered, real])
    labels = torch.cat([torch.ones(len(features) - len(real)), torch.zeros(len(real))])
    weights = [torch.full((len(one),), len(features) / 2 / len(one) / len(altered)) for one in altered]
    weight = torch.cat([*weights, torch.full((len(real),), len(features) / 2 / len(real))])
    optimiser = torch.optim.AdamW(network.parameters(), lr=2e-3, weight_decay=0.1)
    network.train()
    for _ in range(steps):
        loss = F.binary_cross_entropy_with_logits(network(features), labels, weight=weight)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    return rounded(network.eval().requires_grad_(False))


@dataclass(frozen=True)
class Clean:
    """Untouched patches of the split that is told."""

    labels: NDArray[np.int64]
    images: torch.Tensor


@torch.no_grad()
def judge(
    defence: AlarmingDefence, victim: Victim, clean: Clean, told: Mapping[str, list[Case]]
) -> dict[str, Any]:
    """Alarms on untouched patches and by condition; what of the pictures that fooled the model still fools
    it, and what the defence costs.
    """
    behind = Defended(victim, defence)

    def alarms(images: torch.Tensor) -> NDArray[np.bool_]:
        return torch.cat([defence.alarms(victim, part) for part in images.split(32)]).numpy()

    def seconds(asked: Victim) -> float:
        # Of this process: others may share the machine.
        begin = time.process_time()
        for image in clean.images[:200].split(1):
            asked.predict(image)
        return (time.process_time() - begin) / len(clean.images[:200])

    raised = alarms(clean.images)
    seconds(victim)
    bare, defended = seconds(victim), seconds(behind)
    p = {
        name: torch.cat([asked.predict(part)[:, SOURCE].cpu() for part in clean.images.split(20)]).numpy()
        for name, asked in (("bare", victim), ("defended", behind))
    }
    conditions = {}
    for name, cases in told.items():
        images = stacked([case.altered for case in cases])
        fooling = images[torch.tensor([bool(case.flipped) for case in cases])]
        parts = fooling.split(20) if len(fooling) else ()
        still = sum(int((behind.predict(part)[:, TARGET] > 0.5).sum()) for part in parts)
        conditions[name] = {
            "alarms": share(int(alarms(images).sum()), len(images)),
            "still_fooled": share(still, len(fooling)),
        }
        print(defence.name, name, json.dumps(conditions[name]), flush=True)
    of_class = {"metastases": clean.labels == SOURCE, "normal": clean.labels == TARGET}
    return {
        "false_alarms": share(int(raised.sum()), len(raised)),
        "false_alarms_by_class": {
            name: share(int(raised[own].sum()), int(own.sum())) for name, own in of_class.items()
        },
        "accuracy": {
            name: share(int(((found > 0.5) == clean.labels).sum()), len(found)) for name, found in p.items()
        },
        "conditions": conditions,
        "seconds_per_patch": {"bare": round(bare, 4), "defended": round(defended, 4)},
    }


def section(cards: Mapping[str, dict[str, Any]], names: Sequence[str]) -> str:
    """All defences side by side."""
    told = {name: card["told"] for name, card in cards.items()}
    clean = {"untouched": [one["false_alarms"] for one in told.values()]} | {
        f"of them {kind}": [one["false_alarms_by_class"][kind] for one in told.values()]
        for kind in ("metastases", "normal")
    }
    rows = [
        [words, *(cell for found in shares for cell in (with_interval(found), NONE))]
        for words, shares in clean.items()
    ]
    for name in names:
        own = [one["conditions"][name] for one in told.values()]
        cells = [
            with_interval(found[key]) if found[key]["of"] else NONE
            for found in own
            for key in ("alarms", "still_fooled")
        ]
        rows.append([f"{CONDITIONS[name].words} (n = {own[0]['alarms']['of']})", *cells])
    costs = [
        f"{name}: accuracy on untouched patches {with_interval(one['accuracy']['defended'])}, "
        f"{with_interval(one['accuracy']['bare'])} without it; "
        f"{one['seconds_per_patch']['defended'] / one['seconds_per_patch']['bare']:.1f} times the bare "
        f"prediction's time ({one['seconds_per_patch']['bare'] * 1000:.0f} ms)."
        for name, one in told.items()
    ]
    head = ["", *(f"{name}: {what}" for name in cards for what in ("alarms", "still fooled"))]
    return "\n\n".join([table(head, rows), " ".join(costs), EXPLANATION])


EXPLANATION = (
    "Alarms: the share of pictures in which the localiser finds altered cells, or at which SpaNN says “look "
    "yourself”. Still fooled: of the pictures that fooled the bare model and were made without knowing the "
    "defence, the share that the defended model calls normal; an alarm of SpaNN counts as not fooled, the "
    "localiser paints over what it finds and the model answers. Trained on "
    f"{', '.join(ATTACKS)} and on the same cells altered without aim ({', '.join(AIMLESS)}), as far as they "
    f"are there, all made on one model; never on {', '.join(UNSEEN)}. Brackets are Wilson's 95 % intervals. "
    "What an attacker who knows them reaches is measured by `python -m snapgui defend`."
)


def learn(name: str, lesson: Lesson, args: argparse.Namespace) -> LocaliserNetwork | SpannNetwork:
    """A network with its threshold, as its file will give it back."""
    if name == "localiser":
        found = train_localiser(lesson.cases, lesson.real, steps=args.steps, device=lesson.victim.mean.device)
        scores = localiser_scores(found, lesson.further)
        found.threshold.fill_(quantile(scores))
        return found.cpu()
    altered = [features_of(lesson.victim, [case.altered for case in own]) for own in lesson.cases.values()]
    before = {case.name: case.original for own in lesson.cases.values() for case in own}
    network = train_spann(altered, features_of(lesson.victim, [*before.values(), *lesson.real]))
    with torch.no_grad():
        network.threshold.fill_(quantile(network(features_of(lesson.victim, lesson.further))))
    return network


def quantile(scores: torch.Tensor) -> float:
    """The score above which only `FALSE_ALARMS` of untouched pictures lie."""
    return float(np.quantile(scores.numpy(), 1 - FALSE_ALARMS))


def card_of(network: torch.nn.Module, lesson: Lesson, seconds: float) -> dict[str, Any]:
    """How it was made."""
    card = lesson.victim.card
    return {
        "command": shown_command(sys.argv),
        "commit": commit(),
        "trained_on": {
            "split": "train",
            "conditions": {key: len(found) for key, found in lesson.cases.items()},
            "untouched": f"the same images before, and {len(lesson.real)} other patches of both classes",
            "made_on": f"{card.name} alone, sha256 {card.sha256}",
            "weights": sum(weight.numel() for weight in network.parameters()),
            "seconds": round(seconds),
        },
        "threshold": {
            "false_alarms_asked": FALSE_ALARMS,
            "set_on": f"{len(lesson.further)} further untouched patches of train",
        },
        "limits": (
            "It knows SNAP as it is made here on one model. Another stain, scanner or scale brings other "
            "false alarms, and an attacker who knows it can attack it, too: see the table of defences."
        ),
    }


def main() -> None:
    args = parse()
    commit()  # Of now, whatever is edited while this runs.
    keep_freed_memory()
    torch.set_num_threads(1)
    victim = Victim.load(args.model, device=choose_device(args.device))
    everything = open_hcd(args.data)
    train, other = everything.split("train"), everything.split(args.split)
    cases = cases_there(args.cache, (*ATTACKS, *AIMLESS), "train", victim, train)
    told = cases_there(args.cache, (*ATTACKS, *AIMLESS, *UNSEEN), args.split, victim, other)
    for split, found in (("train", cases), (args.split, told)):
        print(split, {name: len(own) for name, own in found.items()}, flush=True)
    seen = {case.name for own in cases.values() for case in own}
    order = [i for i in np.random.default_rng(1).permutation(len(train)) if train.ids[int(i)] not in seen]
    lesson = Lesson(
        victim,
        cases,
        untouched(train, order[: args.untouched]),
        untouched(train, order[args.untouched : 2 * args.untouched]),
    )
    clean = Clean(other.labels, stacked(untouched(other, range(len(other)))))
    folder = shipped.DEFENCES if args.write else args.cache / "defences"
    cards = {}
    for name in args.only:
        begin = time.monotonic()
        network = learn(name, lesson, args)
        card = card_of(network, lesson, time.monotonic() - begin)
        path = folder / f"{name}.safetensors"
        save_weights(network, path, card)
        defence = Localiser(path) if name == "localiser" else Spann(path)
        cards[name] = card | {"told": {"split": args.split, **judge(defence, victim, clean, told)}}
        save_weights(network, path, cards[name])
        print(json.dumps(cards[name], indent=2), flush=True)
    body = section(cards, list(told))
    print(body)
    if args.write and set(args.only) == set(NAMES):
        facts = victim_facts(victim, "opencv-python")
        title = f"Trained defences: {args.split}"
        write_section("defences", title, f"{body}\n\n{provenance(sys.argv, facts)}")


if __name__ == "__main__":
    run_script(main)
