"""Victims that give scores alone: functions, services, and answers that are none."""

import base64
import json
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import numpy as np
import pytest
import torch

from snapgui.cli import main
from snapgui.engine.images import decode_pixels
from snapgui.engine.victim.scores import ScoresOnly, open_scores
from snapgui.errors import ModelError


def test_a_function_is_asked_with_8_bits_and_has_no_gradient() -> None:
    seen = []

    def ask(pictures: np.ndarray) -> list[float]:
        seen.append(pictures)
        return (pictures.mean((1, 2, 3)) / 255).tolist()

    victim = ScoresOnly(ask, "mine")
    images = torch.rand(3, 3, 32, 32).requires_grad_()
    p = victim.predict(images)
    assert seen[0].dtype == np.uint8 and seen[0].shape == (3, 32, 32, 3)
    assert torch.allclose(p[:, 1], images.mean((1, 2, 3)), atol=2e-3) and not victim(images).requires_grad
    both = ScoresOnly(lambda x: np.stack([[0.2, 0.8]] * len(x)), "both")
    assert both.predict(images)[:, 1].tolist() == pytest.approx([0.8] * 3)


@pytest.mark.parametrize(
    "answer", [None, "metastasis", [0.5], [[0.1, 0.2, 0.7]] * 2, [0.5, 1.5], [0.5, float("nan")]]
)
def test_nonsense_is_a_sentence(answer) -> None:
    with pytest.raises(ModelError, match="where 2 probabilities of metastasis"):
        ScoresOnly(lambda _: answer, "odd").predict(torch.rand(2, 3, 8, 8))


def test_files_and_addresses_that_cannot_be_asked(tmp_path: Path) -> None:
    file = tmp_path / "mine.py"
    file.write_text(
        "import numpy as np\ndef ask(x):\n    return x.mean((1, 2, 3)) / 255\ndef bad(x):\n    1 / 0\n",
        encoding="utf-8",
    )
    victim = open_scores(f"{file}:ask")
    assert victim.card.name == "mine:ask" and victim.predict(torch.ones(1, 3, 8, 8))[0, 1] > 0.99
    with pytest.raises(
        ModelError, match=r"bad of mine.py failed on 1 pictures of 8 x 8 px \(division by zero"
    ):
        open_scores(f"{file}:bad").predict(torch.ones(1, 3, 8, 8))
    for words, sentence in (
        (f"{file}:nobody", "has no function nobody"),
        (f"{tmp_path}/none.py:ask", "is neither FILE.py:FUNCTION"),
        ("https://example.org/score", "is not on this computer"),
        ("http://127.0.0.1@example.org/", "is not on this computer"),
    ):
        with pytest.raises(ModelError, match=sentence):
            open_scores(words)
    file.write_text("raise RuntimeError('no licence')", encoding="utf-8")
    with pytest.raises(ModelError, match="no licence"):
        open_scores(f"{file}:ask")


class Service(BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        pictures = [decode_pixels(base64.b64decode(image)) for image in asked["images"]]
        if self.path == "/slow":
            time.sleep(1)
        if self.path == "/away":
            self.send_response(307)
            self.send_header("Location", "http://example.org/")
            self.end_headers()
            return
        self.send_response(500 if self.path == "/broken" else 200)
        self.end_headers()
        body = {"p": [float(pixels.mean()) / 255 for pixels in pictures]}
        self.wfile.write(b"<html>" if self.path == "/web" else json.dumps(body).encode())

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def service() -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Service)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


def test_a_service_here_is_asked_and_its_faults_are_sentences(service: str) -> None:
    images = torch.rand(2, 3, 16, 16)
    p = open_scores(f"{service}/score").predict(images)
    assert torch.allclose(p[:, 1], images.mean((1, 2, 3)), atol=2e-3)
    for path, sentence in (
        ("/web", "where JSON with “p” is needed"),
        ("/broken", "cannot be asked .*500"),
        ("/away", "cannot be asked .*307"),
    ):
        with pytest.raises(ModelError, match=sentence):
            open_scores(service + path).predict(images)
    with pytest.raises(ModelError, match="gave no answer within 1 s"):
        open_scores(f"{service}/slow", timeout_s=0.2).predict(images)
    with pytest.raises(ModelError, match="Start the service"):
        open_scores("http://127.0.0.1:9/score").predict(images)


def test_a_search_by_scores_runs_from_the_command_line(small_set: Path, tmp_path: Path, capsys) -> None:
    file = tmp_path / "rule.py"
    # Metastasis where the picture's red varies much: cells of other colours change that.
    rule = "def ask(x):\n    return 1 / (1 + 2.718 ** (-(x[..., 0].std((1, 2)) - 20.0)))\n"
    file.write_text(rule, encoding="utf-8")
    words = ["search", str(small_set), "--scores", f"{file}:ask", "--out", str(tmp_path / "out")]
    words += ["--split", "val", "--limit", "2", "--queries", "6", "--presets", "paper"]
    assert main(words) == 0
    said = capsys.readouterr().out
    assert "black box" in said and "rule:ask" in said and "paper, random" in said
    assert main([*words[:-1], "strong"]) == 2
    assert "places its cells by the gradient" in capsys.readouterr().err
