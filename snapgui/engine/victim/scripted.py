"""TorchScript programs as victims.

A program is code, not weights alone: it is opened only where its card says so, which is how its user says
that it may run.
"""

import io

import torch
from torch import nn

from snapgui.engine.victim.card import ModelCard, order_of_classes
from snapgui.errors import ModelError

# The architecture that a card names.
TORCHSCRIPT = "torchscript"
OUTPUTS = ("logits", "probabilities")


class Scripted(nn.Module):
    """A program's answers as logits ``(N, 2)`` of normal and metastasis.

    Args:
        program: gives ``(N, 2)``, or ``(N, 1)`` or ``(N,)`` for metastasis alone.
        order: which output is normal and which metastasis.
        outputs: what they are, one of `OUTPUTS`.
    """

    def __init__(self, program: nn.Module, *, order: tuple[int, ...], outputs: str) -> None:
        super().__init__()
        self.program = program
        self.order = list(order)
        self.outputs = outputs

    def forward(self, inputs: torch.Tensor) -> torch.Tensor:
        answer = self.program(inputs).float()
        answer = answer.reshape(len(inputs), -1)
        if self.outputs == "probabilities":
            # The softmax of log odds over 0, and of logarithms, are the probabilities themselves.
            answer = torch.logit(answer, 1e-7) if answer.shape[1] == 1 else answer.clamp(min=1e-7).log()
        if answer.shape[1] == 1:
            return torch.cat([torch.zeros_like(answer), answer], dim=1)
        return answer[:, self.order]


def open_program(data: bytes, card: ModelCard, name: str) -> nn.Module:
    """A network from a TorchScript file's bytes, tried on one grey image.

    Raises:
        ModelError: not TorchScript, it fails on an image of the card's size, or its answer is not one number
            or two a patch.
    """
    outputs = str((card.details or {}).get("outputs", OUTPUTS[0]))
    if outputs not in OUTPUTS:
        raise ModelError(
            f"The card of {name} calls its outputs “{outputs}”; they are {' or '.join(OUTPUTS)}."
        )
    size = card.input_size_px
    try:
        program = torch.jit.load(io.BytesIO(data), map_location="cpu").eval()
    except (RuntimeError, ValueError, EOFError) as error:
        raise ModelError(
            f"{name} is no TorchScript program, which its card says. Save it with torch.jit.save, or correct "
            "the card."
        ) from error
    for weight in program.parameters():
        weight.requires_grad_(False)
    network = Scripted(program, order=order_of_classes(card.classes) or (0, 1), outputs=outputs)
    try:
        with torch.no_grad():
            answer = network(torch.zeros(2, 3, size, size))
    except Exception as error:  # whatever the program raises
        last = (str(error).strip().splitlines() or ["no reason given"])[-1]
        raise ModelError(
            f"{name} does not take images of {size} x {size} px ({last[:120]}). Correct input_size_px in its "
            "card."
        ) from error
    if answer.shape != (2, 2) or not torch.isfinite(answer).all():
        raise ModelError(
            f"{name} does not answer with one or two finite numbers a patch, as a classifier of normal and "
            "metastasis does. Give another program."
        )
    return network
