"""Rectifiers that let part of the gradient through where they are shut: linear backpropagation, faded out.

A step of the attack is long and shuts or opens many rectifiers, about which the plain gradient says nothing.
A gradient that passes through them as well (LinBP: Guo, Li and Chen, arXiv 2012.03528) points farther; as
steps grow short it would point beside the optimum, so its share falls to nothing within eight steps. What the
victim answers is never changed.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from itertools import groupby
from typing import Any

import torch
import torch.nn.functional as F
from torch import nn

# From this step of an image on its gradient is the plain one.
FADED = 8
# A variable of its own for each thread: two runs may share a victim.
_SLOPES: ContextVar[torch.Tensor | None] = ContextVar("slopes", default=None)


@contextmanager
def leaking(slopes: torch.Tensor | None) -> Iterator[None]:
    """Forward passes in here remember ``slopes`` ``(N,)``, the share of each image's gradient that shut
    rectifiers pass; None is the plain gradient.
    """
    token = _SLOPES.set(slopes)
    try:
        yield
    finally:
        _SLOPES.reset(token)


def fading_slopes(leak: float, taken: torch.Tensor) -> torch.Tensor:
    """Slopes ``(N,)`` after int64 ``taken`` ``(N,)`` steps: ``leak`` at first, less by a factor e every two
    steps, 0 from `FADED` on.
    """
    return torch.where(taken < FADED, leak * torch.exp(-taken / 2), 0.0)


class Rectifier(nn.ReLU):
    """A ReLU that knows of `leaking`."""

    def forward(self, values: torch.Tensor) -> torch.Tensor:
        slopes = _SLOPES.get()
        if slopes is None:
            return F.relu(values, inplace=self.inplace)
        answer: torch.Tensor = _Leaky.apply(values, slopes, self.inplace)
        return answer


def with_rectifiers(network: nn.Module) -> nn.Module:
    """The network, each of its ReLU modules replaced in place; other activations, and ReLUs called as
    functions, stay plain.
    """
    for parent in list(network.modules()):
        for name, child in parent.named_children():
            if type(child) is nn.ReLU:
                setattr(parent, name, Rectifier(child.inplace))
    return network


class _Leaky(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, values: torch.Tensor, slopes: torch.Tensor, inplace: bool) -> torch.Tensor:
        answer = F.relu(values, inplace)
        if inplace:
            ctx.mark_dirty(values)
        ctx.save_for_backward(answer, slopes)
        return answer

    @staticmethod
    def backward(ctx: Any, gradient: torch.Tensor) -> tuple[torch.Tensor, None, None]:
        answer, slopes = ctx.saved_tensors
        leak = leak_at_once if gradient.is_cuda else leak_in_runs
        return leak(gradient, answer, slopes), None, None


def leak_at_once(gradient: torch.Tensor, answer: torch.Tensor, slopes: torch.Tensor) -> torch.Tensor:
    """The gradient ``(N, ...)`` where the answer is positive, elsewhere each image's share of it; never asks
    the host to wait.
    """
    share = slopes.to(gradient.dtype).view(-1, *[1] * (gradient.ndim - 1))
    return torch.where(answer > 0, gradient, gradient * share)


def leak_in_runs(gradient: torch.Tensor, answer: torch.Tensor, slopes: torch.Tensor) -> torch.Tensor:
    """The same in one pass over memory instead of three, which a processor feels: neighbours of the same
    slope, as a rule all, go together.
    """
    passed, first = torch.empty_like(gradient), 0
    for slope, group in groupby(slopes.tolist()):
        part = slice(first, first := first + len(list(group)))
        torch.ops.aten.leaky_relu_backward(gradient[part], answer[part], slope, True, grad_input=passed[part])
    return passed
