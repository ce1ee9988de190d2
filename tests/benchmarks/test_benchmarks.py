"""The pure parts of the benchmarks: sections, resumed references, intervals, traces; no peer is needed."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from benchmarks import reference as cache
from benchmarks.arms import compare, restart_arms, run_arm, setting_arms, summarise
from benchmarks.bootstrap import difference_interval, ratio_interval
from benchmarks.head_start import attack_from, make_canvas, measure_head_start
from benchmarks.measures import Tracer, measure_overhead, measure_strength, trace_ours
from benchmarks.options import strongest
from benchmarks.patches import PatchBatch, attack, margins, run_steps, save_and_read, saved_margins
from benchmarks.reference import (
    Reference,
    ReferenceSettings,
    file_name,
    fill,
    read_kept,
    read_margins,
    read_reference,
    write_kept,
    write_margins,
)
from benchmarks.results import HEAD, replace_section, shown_command, table, write_section
from benchmarks.timing import alternate, ratios, spread
from snapgui.engine.settings import AttackSettings
from snapgui.engine.victim.victim import Victim
from snapgui.errors import DataError

SIZE = 24


@pytest.fixture
def victim(linear_victim) -> Victim:
    return linear_victim(size_px=SIZE)


@pytest.fixture
def batch() -> PatchBatch:
    generator = torch.Generator().manual_seed(0)
    images = torch.randint(40, 220, (3, 3, SIZE, SIZE), generator=generator) / 255
    masks = torch.rand(3, 1, SIZE, SIZE, generator=generator) < 0.1
    return PatchBatch(("a", "b", "c"), images, masks)


def known_best(victim: Victim, batch: PatchBatch) -> torch.Tensor:
    """The highest margin that any colours of the range can reach: corners of the box by the sign of the
    weights.
    """
    weight = victim.network[1].weight
    rise = (weight[0] - weight[1]).view(1, 3, SIZE, SIZE)
    low, high = batch.images.amin((2, 3), keepdim=True), batch.images.amax((2, 3), keepdim=True)
    best = torch.where(batch.masks, torch.where(rise > 0, high, low).expand_as(batch.images), batch.images)
    return margins(victim, best)


def test_a_section_is_added_then_replaced_and_the_others_stay(tmp_path: Path) -> None:
    path = tmp_path / "RESULTS.md"
    write_section("one", "One", "first", path)
    write_section("two", "Two", "second", path)
    before = path.read_text(encoding="utf-8")
    assert before.startswith(HEAD) and before.index("first") < before.index("second")
    write_section("one", "One", "third | with a bar", path)
    assert path.read_text(encoding="utf-8") == before.replace("first", "third | with a bar")
    assert [file.name for file in tmp_path.iterdir()] == ["RESULTS.md"]


def test_a_section_without_an_end_is_refused() -> None:
    with pytest.raises(ValueError, match="starts and does not end"):
        replace_section("<!-- one: start -->\nleft", "one", "new")


def test_a_table_and_a_command_show_no_folder_of_this_machine() -> None:
    assert table(["a", "b"], [[1, "x|y"]]) == "| a | b |\n| --- | --- |\n| 1 | x/y |"
    assert shown_command(["/home/me/benchmarks/attack_speed.py", "--cache", "/home/me/cache", "--quick"]) == (
        "python benchmarks/attack_speed.py --cache cache --quick"
    )


def test_runs_alternate_and_ratios_are_taken_side_by_side() -> None:
    order: list[str] = []

    def run(name: str, seconds: float) -> float:
        order.append(name)
        return seconds * len(order)

    times = alternate({"a": lambda: run("a", 1.0), "b": lambda: run("b", 2.0)}, repeats=2)
    assert order == ["a", "b", "a", "b", "b", "a"]
    assert ratios(times["b"], times["a"]).low == pytest.approx(10 / 6)
    assert spread([3.0, 1.0, 2.0]).text(".0f") == "2 (1 to 3)"


def test_intervals_hold_what_they_should() -> None:
    rng = np.random.default_rng(0)
    other = rng.normal(5, 1, 200)
    low, high = difference_interval(other + rng.normal(0.5, 0.1, 200), other)
    assert 0.45 < low < 0.5 < high < 0.55, "pairing takes out what the images have in common"
    assert ratio_interval(2 * other, other) == pytest.approx((2, 2))
    low, high = difference_interval(rng.normal(0, 1, 200), rng.normal(0, 1, 200))
    assert low < 0 < high


def test_saving_rounds_to_8_bits_and_margins_follow(victim: Victim, batch: PatchBatch) -> None:
    moved = (batch.images + 0.4 / 255).clamp(0, 1)
    assert torch.equal(save_and_read(moved), batch.images)
    assert torch.equal(saved_margins(victim, moved), margins(victim, batch.images))


def test_a_reference_goes_on_where_it_stopped(
    victim: Victim, batch: PatchBatch, tmp_path: Path, monkeypatch
) -> None:
    settings = ReferenceSettings("0" * 64, steps=15)
    folder = settings.folder(tmp_path)
    searched: list[tuple[str, int, int]] = []
    search = cache.search

    def counted(victim, part, settings, rule, number):
        if len(searched) == 4:
            raise KeyboardInterrupt
        searched.append((rule, number, len(part)))
        return search(victim, part, settings, rule, number)

    monkeypatch.setattr(cache, "search", counted)
    with pytest.raises(KeyboardInterrupt):
        fill(victim, batch, folder, settings, rounds=2, chunk=2, report=lambda line: None)
    assert searched == [("sign", 0, 2), ("sign", 0, 1), ("adam", 0, 2), ("adam", 0, 1)]
    stopped = read_reference(batch, folder, settings)
    assert stopped is not None and stopped.rounds == {"sign": 1, "adam": 1, "halving": 0}

    searched.clear()
    monkeypatch.setattr(cache, "search", lambda *args: (searched.append(args[3:]), search(*args))[1])
    fill(victim, batch, folder, settings, rounds=2, chunk=3, report=lambda line: None)
    assert searched == [("halving", 0), ("sign", 1), ("adam", 1), ("halving", 1)], (
        "what was done is not done again"
    )
    whole = read_reference(batch, folder, settings)
    assert whole is not None and set(whole.rounds.values()) == {2}
    assert (whole.margins >= stopped.margins).all()
    torch.testing.assert_close(whole.margins, known_best(victim, batch), rtol=0.02, atol=0)
    assert "3 images, 15 steps" in whole.text()

    fill(victim, batch, folder, settings, rounds=2, report=lambda line: pytest.fail(line))
    assert not list(folder.glob("*.tmp"))


def test_a_search_within_another_texture_begins_at_its_own_start_then_at_random(
    victim: Victim, batch: PatchBatch, tmp_path: Path
) -> None:
    masks = torch.zeros_like(batch.masks)
    masks[:, :, 4:14, 6:18] = True
    batch = replace(batch, masks=masks)
    settings = ReferenceSettings("0" * 64, steps=4, texture="retouch")
    free = ReferenceSettings("0" * 64, steps=4)
    assert settings.folder(tmp_path) != free.folder(tmp_path)
    config = replace(strongest("retouch"), steps=4)
    assert config.confidence == 1 and not config.least_change
    begun = [next(attack(victim, batch, replace(config, start=start))) for start in ("median", "random")]
    assert torch.equal(begun[0].best_images, batch.images), "the untouched image"
    assert not torch.equal(begun[1].best_images, batch.images)
    found = [cache.search(victim, batch, settings, "sign", number) for number in (0, 1)]
    before = margins(victim, batch.images)
    assert (torch.stack(found) > before).all()
    assert (cache.search(victim, batch, free, "sign", 0) > found[0]).all(), "free colours do more"


def test_a_kept_reference_is_read_back_and_fits_its_model_images_and_masks_alone(
    batch: PatchBatch, tmp_path: Path
) -> None:
    path = tmp_path / "kept.json"
    settings = ReferenceSettings("ab" * 32, steps=15)
    margins = torch.tensor([1.25, -3.5, 0.1])
    write_kept(batch, Reference(margins, {"sign": 3}, 15), settings, path)
    assert torch.equal(read_kept(batch.take([2, 0, 1]), "ab" * 32, path), margins[[2, 0, 1]])
    with pytest.raises(DataError, match="Write it again"):
        read_kept(batch, "cd" * 32, path)
    with pytest.raises(DataError, match="3 of 3 images or masks"):
        read_kept(replace(batch, masks=~batch.masks), "ab" * 32, path)


def test_a_reference_counts_only_what_all_images_have(batch: PatchBatch, tmp_path: Path) -> None:
    settings = ReferenceSettings("0" * 64, steps=15)
    names = [file_name(image, mask) for image, mask in zip(batch.images, batch.masks, strict=True)]
    for name, found in zip(
        names, ({"sign-0": 1.0, "sign-1": 9.0}, {"sign-0": 2.0}, {"sign-0": 3.0}), strict=True
    ):
        write_margins(tmp_path / name, found)
    reference = read_reference(batch, tmp_path, settings)
    assert reference is not None and reference.margins.tolist() == [1.0, 2.0, 3.0]
    (tmp_path / names[1]).write_bytes(b"PK half a file")
    assert read_margins(tmp_path / names[1]) == {}
    assert read_reference(batch, tmp_path, settings) is None
    other = replace(batch, masks=~batch.masks)
    assert not {file_name(i, m) for i, m in zip(other.images, other.masks, strict=True)} & set(names), (
        "another mask, another file"
    )


def test_strength_and_reach_against_the_known_optimum(victim: Victim, batch: PatchBatch) -> None:
    reference = Reference(known_best(victim, batch), {"sign": 1}, 15)
    strength, lost = measure_strength(victim, batch, AttackSettings(steps=30), reference)
    assert float(strength.measured.split()[0]) > 0.97
    assert lost.measured.startswith("0 of 3: 0.0 %")
    reach = trace_ours(victim, batch, AttackSettings(steps=30), reference)
    assert reach.mean is not None and reach.mean <= 5
    assert reach.each.isfinite().sum() >= 2


def test_a_start_from_a_universal_texture_is_ahead(victim: Victim, batch: PatchBatch) -> None:
    victim.network[1].bias[1] += 200  # what is turned already teaches nothing
    reference = Reference(known_best(victim, batch), {"sign": 1}, 15)
    canvas = make_canvas(victim, batch, epochs=20)
    first = next(iter(attack_from(victim, batch, AttackSettings(confidence=1.0), canvas)))
    assert (saved_margins(victim, first.best_images) > margins(victim, batch.images)).all()
    settings = AttackSettings(steps=30)
    usual, ahead, drops = measure_head_start(victim, batch, batch, settings, reference, epochs=20)
    assert float(ahead.measured) <= float(usual.measured)
    assert all(float(drop) > 0.95 for drop in drops.measured.split(" and "))


def test_a_tracer_credits_the_best_so_far(victim: Victim, batch: PatchBatch) -> None:
    best = run_steps(victim, batch, AttackSettings(confidence=1.0), 20)
    tracer = Tracer(victim, batch, Reference(saved_margins(victim, best), {}, 0))
    assert not tracer.see(0, batch.images)
    assert tracer.see(1, best)
    assert tracer.see(2, batch.images)
    assert tracer.reach.mean == 1 and tracer.reach.each.tolist() == [1, 1, 1]


def test_the_cost_of_a_step_is_a_ratio_first(victim: Victim, batch: PatchBatch) -> None:
    named: list[str] = []
    (row,) = measure_overhead(
        victim, batch, AttackSettings(), block=2, repeats=2, say=lambda name, seconds: named.append(name)
    )
    assert named == ["ours", "bare", "bare", "ours"]
    assert float(row.measured.split()[0]) > 0 and "batch 3" in row.detail


def test_arms_are_compared_in_pairs_at_each_checkpoint(victim: Victim, batch: PatchBatch) -> None:
    arms = setting_arms(AttackSettings(steps=40))
    assert len(arms) == len(set(map(str, arms.values()))) and all(
        arm.confidence == 1 for arm in arms.values()
    )
    chosen = {name: arms[name] for name in list(arms)[:3]}
    outcomes = {name: run_arm(victim, batch, arm, (5, 40), chunk=2) for name, arm in chosen.items()}
    rows = compare(outcomes, (5, 40))
    limited = [row for row in rows if "limit 30" in row["arm"]]
    assert [row["steps"] for row in limited] == [5], "an arm has no figure beyond its own limit"
    assert all(row["low"] <= row["difference"] <= row["high"] for row in rows if "difference" in row)
    default = outcomes[next(iter(outcomes))]
    assert (default.drops[1] >= default.drops[0]).all()
    assert summarise(default)["reached"] == 3 and summarise(default)["median_steps"] <= 5


def test_restarts_spend_the_same_gradient_steps(victim: Victim, batch: PatchBatch) -> None:
    arms = restart_arms(AttackSettings(), 12)
    assert {(arm.restarts + 1) * arm.steps for arm in arms.values()} == {12}
    for arm in arms.values():
        assert not np.isnan(run_arm(victim, batch, arm, (12,), chunk=3).drops).any()
