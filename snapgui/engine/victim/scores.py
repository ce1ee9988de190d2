"""Victims that give scores and nothing else: a Python function, or a service on this computer."""

import base64
import hashlib
import importlib.util
import json
import math
import urllib.request
from collections.abc import Callable
from pathlib import Path
from urllib.parse import urlsplit

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from snapgui.engine.images import encode_png, to_pixels
from snapgui.engine.victim.card import ModelCard
from snapgui.engine.victim.victim import Victim
from snapgui.errors import ModelError

# Pictures uint8 ``(N, H, W, 3)`` to probabilities of metastasis ``(N,)``.
Ask = Callable[[NDArray[np.uint8]], object]
HERE = ("127.0.0.1", "localhost", "::1")
TIMEOUT_S = 30.0
_LARGEST_ANSWER = 1 << 20


class ScoresOnly(Victim):
    """A victim that is asked and has no gradient: for attacks that see scores alone.

    Pictures reach it as they would be saved, at 8 bits.
    """

    def __init__(self, ask: Ask, name: str, *, what: bytes = b"") -> None:
        nn.Module.__init__(self)
        self.ask = ask
        # ``what`` tells it from another of the same name, so that results of the two are not mixed.
        digest = hashlib.sha256(name.encode() + what).hexdigest()
        self.card = ModelCard(name, "scores only", sha256=digest)
        self.register_buffer("mean", torch.zeros(1, 3, 1, 1))

    @torch.no_grad()
    def forward(self, images: torch.Tensor) -> torch.Tensor:
        """Logits ``(N, 2)``; raises ModelError for an answer that is none."""
        pictures = np.stack([to_pixels(image) for image in images])
        p = torch.from_numpy(_checked(self.ask(pictures), len(pictures), self.card.name)).float()
        p = p.clamp(1e-6, 1 - 1e-6)
        return torch.stack([(1 - p).log(), p.log()], dim=1).to(images.device)


def _checked(answer: object, count: int, name: str) -> NDArray[np.float64]:
    try:
        p = np.asarray(answer, dtype=np.float64)
    except (TypeError, ValueError):
        p = np.empty(0)
    if p.shape == (count, 2):
        p = p[:, 1]
    if p.shape != (count,) or not np.isfinite(p).all() or (p < 0).any() or (p > 1).any():
        raise ModelError(
            f"{name} answered {str(answer)[:80]} for {count} pictures, where {count} probabilities of "
            "metastasis from 0 to 1 are needed."
        )
    return p


def open_scores(words: str, *, timeout_s: float = TIMEOUT_S) -> ScoresOnly:
    """A victim by ``FILE.py:FUNCTION`` or ``http://127.0.0.1:PORT/PATH``.

    A function takes uint8 ``(N, H, W, 3)`` and gives ``(N,)`` probabilities of metastasis, or ``(N, 2)`` of
    both classes; its file is run. A service takes ``{"images": [PNG as base64, ...]}`` by POST and answers
    ``{"p": [...]}`` with the same numbers.

    Raises:
        ModelError: neither, no such file or function, or an address that is not of this computer.
    """
    if words.startswith(("http://", "https://")):
        host = urlsplit(words).hostname
        if host not in HERE:
            raise ModelError(
                f"{words} is not on this computer ({host}); pictures are sent to 127.0.0.1 alone. Start the "
                "service here, or a tunnel to it."
            )
        return ScoresOnly(lambda pictures: _post(words, pictures, timeout_s), words)
    file, _, function = words.rpartition(":")
    path = Path(file)
    if not function.isidentifier() or path.suffix != ".py" or not path.is_file():
        raise ModelError(
            f"{words} is neither FILE.py:FUNCTION of a file that is there nor http://127.0.0.1:PORT/PATH."
        )
    spec = importlib.util.spec_from_file_location(path.stem, path)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    try:
        spec.loader.exec_module(module)
        ask = getattr(module, function)
    except Exception as error:  # whatever a user's own file raises
        raise ModelError(
            f"{path.name} has no function {function} that can be used ({str(error)[:120]}). Correct the file."
        ) from error

    def guarded(pictures: NDArray[np.uint8]) -> object:
        try:
            return ask(pictures)
        except Exception as error:
            raise ModelError(
                f"{function} of {path.name} failed on {len(pictures)} pictures of {pictures.shape[2]} x "
                f"{pictures.shape[1]} px ({str(error)[:120]}). Correct it."
            ) from error

    return ScoresOnly(guarded, f"{path.stem}:{function}", what=path.read_bytes())


def _post(address: str, pictures: NDArray[np.uint8], timeout_s: float) -> object:
    images = [base64.b64encode(encode_png(pixels)).decode() for pixels in pictures]
    request = urllib.request.Request(
        address,
        json.dumps({"images": images}).encode(),
        {"Content-Type": "application/json"},
        method="POST",
    )
    # No proxy: the address is of this computer.
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}), _NoRedirect)
    try:
        with opener.open(request, timeout=timeout_s) as answer:
            text = answer.read(_LARGEST_ANSWER)
    except TimeoutError as error:
        raise ModelError(f"{address} gave no answer within {math.ceil(timeout_s)} s.") from error
    except OSError as error:
        if isinstance(getattr(error, "reason", None), TimeoutError):
            raise ModelError(f"{address} gave no answer within {math.ceil(timeout_s)} s.") from error
        raise ModelError(
            f"{address} cannot be asked ({str(error)[:120]}). Start the service, or correct the address."
        ) from error
    try:
        return json.loads(text)["p"]
    except (ValueError, KeyError, TypeError) as error:
        raise ModelError(
            f"{address} answered {text[:60]!r}, where JSON with “p” is needed: a probability of metastasis "
            "for each picture."
        ) from error


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    """A service here must not send the pictures elsewhere."""

    def redirect_request(self, *_: object) -> None:
        return None
