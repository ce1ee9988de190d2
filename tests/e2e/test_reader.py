"""A reader in a real browser: a whole session by keyboard, the time for which pictures are shown, and what
the bytes tell.
"""

import base64
import os
import re
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from playwright.sync_api import Page, Response, expect
from sklearn.ensemble import ExtraTreesClassifier

from snapgui import shipped
from snapgui.engine.images import decode_pixels, read_pixels
from snapgui.engine.sham import Source
from snapgui.study.design.freeze import freeze
from snapgui.study.design.settings import StudySettings
from snapgui.study.design.study import make_study
from snapgui.study.pictures.stimuli import encode_stimulus, make_stimuli
from snapgui.study.reading.access import free_port
from snapgui.study.reading.serving import READER_APP
from snapgui.study.reading.steps import is_break_due
from snapgui.study.records import OBVIOUS, SHAM, SNAP, UNTOUCHED, Arm
from snapgui.study.statistics.roc import roc_area
from snapgui.study.store.folders import study_folder, study_name
from snapgui.study.store.store import StudyStore, open_store

pytestmark = pytest.mark.browser
expect.set_options(timeout=180_000)
ALL_ARMS = (UNTOUCHED, SNAP, SHAM)


@dataclass
class Place:
    """A workspace with its store, and the address of the program that serves it."""

    workspace: Path
    store: StudyStore
    address: str


def demo_sources() -> list[Source]:
    """The demo patches with a drawn change: ten cells, darker and bluer."""
    rng = np.random.default_rng(11)
    y, x = np.mgrid[:96, :96]
    sources = []
    for path in sorted(shipped.DEMO_FOLDER.glob("*.png")):
        pixels = read_pixels(path)
        mask = np.zeros((96, 96), bool)
        for cx, cy in rng.uniform(8, 88, (10, 2)):
            mask |= (x - cx) ** 2 / 16 + (y - cy) ** 2 / 25 < 1
        altered = np.clip(pixels + np.array([-40, -10, 25]), 0, 255)
        sources.append(
            Source(
                path.stem,
                pixels,
                np.where(mask[..., None], altered, pixels).astype(np.uint8),
                mask,
                int("meta" in path.stem),
            )
        )
    return sources


def make_place_study(
    place: Place,
    *,
    main: int,
    practice: int = 0,
    catch: int = 0,
    arms: tuple[Arm, ...] = ALL_ARMS,
    **settings,
) -> str:
    """A study in the workspace; its name."""
    sources = demo_sources()
    settings = StudySettings(
        "Which tissue?", **({"seed": 31, "repeats": 0, "break_every": 10_000} | settings)
    )
    stimuli, files = make_stimuli(sources[:main], arms, seed=settings.seed)
    parts = {
        "practice": (sources[main : main + practice], arms[:2]),
        "catch": (sources[main + practice :][:catch], (UNTOUCHED, OBVIOUS)),
    }
    for use, (some, own) in parts.items():
        more = make_stimuli(some, own, seed=settings.seed, use=use)
        stimuli, files = stimuli + more[0], files | more[1]
    digest = freeze(make_study(stimuli, settings), files, place.workspace / "frozen")
    folder = study_folder(study_name(digest))
    folder.parent.mkdir(exist_ok=True)
    (place.workspace / "frozen").rename(folder)
    return place.store.create_study(folder)


def ready_sitting(place: Place, name: str) -> str:
    """A new reader's session that stands before its first trial."""
    sitting = place.store.begin(place.store.enrol(name).pseudonym)
    for kind, data in (("consent", {}), ("display", {}), ("instructions", {"part": 1})):
        place.store.note(sitting.id, kind, data)
    return sitting.id


def start(
    arguments: list[str], environment: dict[str, str], port: int, log: Path
) -> "subprocess.Popen[bytes]":
    """Start a server and wait until it answers."""
    with log.open("ab") as words:
        process = subprocess.Popen(
            [sys.executable, "-m", *arguments],
            cwd=shipped.ROOT,
            env=environment,
            stdout=words,
            stderr=subprocess.STDOUT,
        )
    for _ in range(600):
        try:
            urllib.request.urlopen(f"http://127.0.0.1:{port}/_stcore/health", timeout=1)
            return process
        except OSError:
            assert process.poll() is None, log.read_text(encoding="utf-8")
            time.sleep(0.1)
    raise AssertionError(log.read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def environment(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    given = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith("SNAP_READER") and name != "SNAP_DATABASE_URL"
    }
    return given | {"SNAP_WORKSPACE": str(tmp_path_factory.mktemp("reading"))}


@pytest.fixture
def place(environment, monkeypatch) -> Iterator[Place]:
    """The workspace that the server of these tests has; nothing is served by it yet."""
    monkeypatch.setenv("SNAP_WORKSPACE", environment["SNAP_WORKSPACE"])
    monkeypatch.delenv("SNAP_DATABASE_URL", raising=False)
    store = open_store()
    yield Place(Path(environment["SNAP_WORKSPACE"]), store, "")
    store.close()


@pytest.fixture(scope="module")
def reader_address(environment, tmp_path_factory) -> Iterator[str]:
    """The reader's page by itself, for whatever study is in the workspace."""
    port = free_port()
    options = ["--server.headless", "true", "--server.port", str(port), "--server.address", "127.0.0.1"]
    process = start(
        ["streamlit", "run", str(READER_APP), *options],
        environment,
        port,
        tmp_path_factory.mktemp("log") / "log",
    )
    yield f"http://127.0.0.1:{port}"
    process.terminate()
    process.wait(timeout=30)


def at_trial(page: Page, phase: str, index: int, timeout_ms: int = 60_000) -> None:
    page.locator(f'.trial[data-phase="{phase}"][data-trial="{index}"]').wait_for(
        state="attached", timeout=timeout_ms
    )


def press_continue(page: Page) -> None:
    expect(page.get_by_role("button", name="Continue")).to_be_visible()
    page.wait_for_timeout(200)
    page.keyboard.press("Enter")


def test_a_whole_session_by_keyboard_through_a_reload_and_a_killed_server(
    page, outside, place, environment, tmp_path
) -> None:
    name = make_place_study(
        place,
        main=12,
        practice=3,
        catch=3,
        repeats=2,
        repeat_gap=3,
        break_every=10,
        consent="All voluntary.",
        seed=91,
    )
    port = free_port()
    command = ["snapgui", "study", "serve", name, "--port", str(port)]
    process = start(command, environment, port, tmp_path / "log")
    try:
        page.goto(f"http://127.0.0.1:{port}/workbench?study={name}")
        begin = page.get_by_role("button", name="Begin as a new reader")
        expect(begin).to_be_visible()
        expect(page.get_by_role("link", name="Workbench")).to_have_count(0)
        page.goto(f"http://127.0.0.1:{port}/?study={name}")
        expect(begin).to_be_visible()
        for _ in range(10):
            page.keyboard.press("Tab")
            if begin.evaluate("button => button === document.activeElement"):
                break
        else:
            pytest.fail("the button is not reached by Tab")
        page.keyboard.press("Enter")
        expect(page.get_by_text("Write down these letters")).to_be_visible()
        expect(page.get_by_role("button", name="I agree and continue")).to_be_visible()
        page.wait_for_timeout(200)
        page.keyboard.press("a")
        expect(page.get_by_text("Hold a bank card")).to_be_visible()
        page.wait_for_timeout(200)
        for _ in range(3):
            page.keyboard.press("ArrowRight")
        page.keyboard.press("Enter")
        expect(page.get_by_text("What to do")).to_be_visible()
        press_continue(page)
        ((sitting, _),) = place.store.sessions(name)
        trials = sitting.trials
        assert len(trials) == 20
        for trial in trials:
            rating = 1 + (5 * trial.index + 2) % 6
            if is_break_due(trials, trial.index, every=10):
                press_continue(page)
            at_trial(page, "answer", trial.index)
            if trial.index == 8:
                page.reload()
                at_trial(page, "answer", 8)
            if trial.index == 14:
                process.send_signal(signal.SIGKILL)
                process.wait()
            page.keyboard.press(str(rating))
            page.keyboard.press(str(7 - rating))  # a second press changes nothing
            if rating > 3:
                at_trial(page, "where", trial.index)
                for key in ("ArrowLeft", "ArrowLeft", "Shift+ArrowUp", "Enter", "Enter"):
                    page.keyboard.press(key)
            if trial.index == 14:
                at_trial(page, "sent", 14)
                process = start(command, environment, port, tmp_path / "log")
            if trial.feedback:
                at_trial(page, "told", trial.index)
                page.keyboard.press("Enter")
        expect(page.get_by_text("every answer is kept")).to_be_visible()
    finally:
        process.terminate()
        process.wait(timeout=30)
    ((_, answers),) = place.store.sessions(name)
    kept = [answer.response for answer in answers]
    assert [one.trial_index for one in kept] == list(range(20))
    assert [one.rating for one in kept] == [1 + (5 * i + 2) % 6 for i in range(20)]
    assert all(
        (one.click_x_px, one.click_y_px) == ((44, 40) if one.choice == "yes" else (None, None))
        for one in kept
    )
    assert all(one.reaction_ms is not None and 0 <= one.reaction_ms < 60_000 for one in kept)
    events = place.store.events(sitting.id)
    assert [data["trial"] for kind, data in events if kind == "reloaded"] == [8, 14]
    shown = [data["trial"] for kind, data in events if kind == "shown"]
    assert sorted(set(shown)) == shown == list(range(20)), "each once"
    (display,) = [data for kind, data in events if kind == "display"]
    assert display["card_px"] == 327 and display["pixels_per_degree"] == pytest.approx(
        327 / 85.6 * 600 * np.pi / 180
    )
    assert outside == []


def test_a_picture_is_shown_for_250_ms_within_two_frames(page, place, reader_address) -> None:
    name = make_place_study(place, main=6, arms=(UNTOUCHED, SNAP), kind="D", exposures_ms=(250,), seed=92)
    sitting = ready_sitting(place, name)
    page.goto(f"{reader_address}/?study={name}&sitting={sitting}")
    for index in range(6):
        at_trial(page, "look", index)
        page.keyboard.press("Space")
        at_trial(page, "answer", index)
        page.keyboard.press("ArrowLeft" if index % 2 else "ArrowRight")
    expect(page.get_by_text("every answer is kept")).to_be_visible()
    shown = [data for kind, data in place.store.events(sitting) if kind == "shown"]
    ((_, answers),) = [one for one in place.store.sessions(name) if one[0].id == sitting]
    frame_ms = float(np.median([data["frame_ms"] for data in shown]))
    print(
        f"frames of {frame_ms:.1f} ms; 250 ms asked, shown "
        f"{[round(data['shown_ms'], 1) for data in shown]} ms"
    )
    assert [data["trial"] for data in shown] == list(range(6)) and [data["asked_ms"] for data in shown] == [
        250
    ] * 6
    assert [answer.response.shown_ms for answer in answers] == [data["shown_ms"] for data in shown]
    assert [answer.response.choice for answer in answers] == ["yes", "no"] * 3
    off = np.abs([data["shown_ms"] - 250 for data in shown]) / frame_ms
    # A busy machine may drop frames once; the rule holds for the pictures all the same.
    assert np.median(off) <= 1.01 and np.sort(off)[-2] <= 2.01, off


def test_the_page_looks_alike_in_a_light_and_in_a_dark_system(browser, place, reader_address) -> None:
    name = make_place_study(place, main=6, kind="B", seed=93)
    sitting, seen = ready_sitting(place, name), []
    for scheme in ("light", "dark"):
        context = browser.new_context(viewport={"width": 1024, "height": 768}, color_scheme=scheme)
        page = context.new_page()
        page.goto(f"{reader_address}/?study={name}&sitting={sitting}")
        at_trial(page, "answer", 0)
        page.mouse.move(0, 0)
        page.wait_for_timeout(500)
        seen.append(decode_pixels(page.screenshot()))
        box = page.locator(".trial .stage").bounding_box()
        assert box is not None and abs(box["x"] + box["width"] / 2 - 512) < 2
        context.close()
    assert np.array_equal(*seen) and (seen[0] == (226, 226, 226)).all(2).mean() > 0.3


# A reader who answers at once, on a clock that runs fast: for the bytes it makes no difference.
HURRY = """(() => {
  let now = performance.now();
  window.requestAnimationFrame = (act) => setTimeout(() => act(now += 100), 4);
  setInterval(() => {
    const hosts = document.querySelectorAll('[data-testid="stBidiComponentIsolated"]');
    const trials = [...hosts].map((host) => host.shadowRoot && host.shadowRoot.querySelector(".trial"));
    const trial = trials.find(Boolean);
    if (trial && trial.dataset.phase === "answer") {
      document.body.dispatchEvent(new KeyboardEvent("keydown", { key: "2", bubbles: true, composed: true }));
    }
  }, 15);
})()"""
URI = re.compile(rb"data:image/png;base64,([A-Za-z0-9+/=]+)")
TRIAL = re.compile(rb'"trial": ?(\d+)')


@dataclass
class Ear:
    """All that a page receives: websocket frames in their order, and by address the headers of everything
    else.
    """

    frames: list[bytes]
    headers: dict[str, str]

    def bodies(self) -> bytes:
        """Headers and bodies of everything else; bodies are fetched again, since a browser does not keep them
        all.
        """
        return b"".join(
            headers.encode() + urllib.request.urlopen(address).read()
            for address, headers in self.headers.items()
        )


def listen(page: Page) -> Ear:
    """An ear at a page, in which a reader hurries."""
    ear = Ear([], {})

    def on_response(response: Response) -> None:
        if response.url.startswith("http"):
            assert response.request.method == "GET" and response.status in (200, 304), response.url
            ear.headers[response.url] = ear.headers.get(response.url, "") + repr(
                sorted(response.headers.items())
            )

    page.add_init_script(HURRY)
    page.on("response", on_response)
    page.on(
        "websocket",
        lambda socket: socket.on(
            "framereceived", lambda data: ear.frames.append(data.encode() if isinstance(data, str) else data)
        ),
    )
    return ear


def without_pixels(frame: bytes) -> bytes:
    """A frame whose pictures are black: every byte that is no pixel, nor a checksum of pixels, is kept."""

    def blacken(found: re.Match[bytes]) -> bytes:
        png = base64.b64decode(found[1])
        pixels = decode_pixels(png)
        whole, black = encode_stimulus(pixels), encode_stimulus(np.zeros_like(pixels))
        assert png[: len(whole)] == whole, "the picture's file is its pixels and nothing else"
        return b"data:image/png;base64," + base64.b64encode(black + png[len(whole) :])

    return URI.sub(blacken, frame)


def windows(frames: list[bytes]) -> dict[int, list[bytes]]:
    """By trial, every frame from the one after the last trial's to the one before the next trial's."""
    places = [(int(TRIAL.search(frame)[1]), i) for i, frame in enumerate(frames) if URI.search(frame)]
    first = {index: place for index, place in reversed(places)}
    return {
        index: [
            without_pixels(frame)
            for frame in frames[first.get(index - 1, -1) + 1 : first.get(index + 1, len(frames))]
        ]
        for index in first
    }


def features(window: list[bytes]) -> np.ndarray:
    """Lengths, counts of bytes, and hashed counts of triples of bytes."""
    data = np.frombuffer(b"\0".join(window), np.uint8).astype(np.int64)
    triples = (data[:-2] * 65536 + data[1:-1] * 256 + data[2:]) * 2654435761 % 2**32 // 2**22
    lengths = [len(frame) for frame in window]
    return np.concatenate(
        [
            [len(data), len(window), max(lengths)],
            sorted(lengths, reverse=True)[:6] + [0] * max(0, 6 - len(window)),
            np.bincount(data, minlength=256),
            np.bincount(triples, minlength=1024),
        ]
    )


def tell_arms(
    inputs: list[list[bytes]], altered: np.ndarray, sources: np.ndarray, readers: np.ndarray
) -> tuple[float, tuple[float, float]]:
    """How well a classifier tells altered from untouched: AUC with a 99.9 % interval.

    It has seen neither the source nor the reader of what it judges. Had it seen the reader, it would do worse
    than chance: a session shows every arm equally often, so that those left out are the ones that are rarer
    in what it has seen.
    """
    table, scores = np.array([features(window) for window in inputs]), np.zeros(len(inputs))
    for reader_fold in range(3):
        for source_fold in range(3):
            own, other = (
                (readers % 3 == reader_fold, sources % 3 == source_fold),
                (readers % 3 != reader_fold, sources % 3 != source_fold),
            )
            forest = ExtraTreesClassifier(
                100, class_weight="balanced", min_samples_leaf=3, max_features=0.2, random_state=0
            )
            forest.fit(table[other[0] & other[1]], altered[other[0] & other[1]])
            scores[own[0] & own[1]] = forest.predict_proba(table[own[0] & own[1]])[:, 1]
    found = roc_area(scores, altered, level=0.999)
    return found.area, found.interval


def test_the_bytes_that_a_browser_receives_do_not_tell_the_arm(page, place, reader_address) -> None:
    """Every byte but the pixels; planted leaks of a single byte are found by the same classifier."""
    name = make_place_study(place, main=18, seed=93)
    study = place.store.study(name)
    stimuli, sources = study.by_id(), sorted({one.source for one in study.stimuli})
    ear, inputs, about, pictures = listen(page), [], [], set()
    for number in range(6):
        sitting = place.store.session(ready_sitting(place, name))
        ear.frames.clear()
        page.goto(f"{reader_address}/?study={name}&sitting={sitting.id}")
        expect(page.get_by_text("every answer is kept")).to_be_visible()
        pictures |= {found for frame in ear.frames for found in URI.findall(frame)}
        by_trial = windows(ear.frames)
        for trial in sitting.trials:
            one = stimuli[trial.stimuli[0]]
            inputs.append(by_trial[trial.index])
            about.append((one.arm.altered, sources.index(one.source), number))
    altered, source, reader = np.array(about).T
    assert len(study.lists) == 6 and len(inputs) == 108 and len(pictures) == 54, (
        "every stimulus was seen, as its own bytes"
    )
    frames, bodies = b"".join(frame for window in inputs for frame in window), ear.bodies()
    names = {
        word
        for one in study.stimuli
        for word in (one.id, one.source, one.files[one.picture], one.files[one.mask])
    }
    assert [word for word in names if word.encode() in frames + bodies] == [] and len(bodies) > 100_000
    assert [arm.name for arm in ALL_ARMS if arm.name.encode() in frames] == []

    area, interval = tell_arms(inputs, altered, source, reader)
    print(
        f"AUC {area:.3f}, 99.9 % interval {interval[0]:.3f} to {interval[1]:.3f}, {len(inputs)} "
        f"trials of {sum(map(len, inputs[5]))} bytes"
    )
    assert interval[0] <= 0.5 <= interval[1]
    for plant in (
        lambda frame: frame + b" " if URI.search(frame) else frame,
        lambda frame: frame.replace(b'"practice"', b'"practicf"'),
    ):
        planted = [
            [plant(frame) for frame in window] if leak else window
            for window, leak in zip(inputs, altered, strict=True)
        ]
        area, interval = tell_arms(planted, altered, source, reader)
        print(f"a planted byte: AUC {area:.3f}, {interval[0]:.3f} to {interval[1]:.3f}")
        assert interval[0] > 0.5
