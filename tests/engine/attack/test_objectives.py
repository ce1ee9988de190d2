import math

import torch

from snapgui.engine.attack.objectives import Targeted, Untargeted
from snapgui.engine.victim.victim import logit


def test_targeted_margin_is_logit_less_the_best_other() -> None:
    logits = torch.tensor([[1.0, 4.0, 2.0], [5.0, 0.0, 3.0]])
    assert Targeted(0).margin(logits).tolist() == [-3.0, 2.0]
    assert torch.allclose(Targeted(0).confidence(logits), logits.softmax(1)[:, 0])


def test_untargeted_margin_grows_as_the_label_falls() -> None:
    logits = torch.tensor([[1.0, 4.0], [5.0, 0.0]])
    objective = Untargeted(torch.tensor([1, 0]))
    assert objective.margin(logits).tolist() == [-3.0, -5.0]
    assert torch.allclose(
        objective.confidence(logits),
        1 - torch.tensor([logits.softmax(1)[0, 1], logits.softmax(1)[1, 0]]),
    )


def test_labels_follow_the_images_that_are_asked_for() -> None:
    logits = torch.tensor([[5.0, 0.0]])
    objective = Untargeted(torch.tensor([1, 0]))
    for images in (torch.tensor([1]), [1]):
        assert objective[images].margin(logits).item() == -5.0
        assert Targeted(1)[images].margin(logits).item() == -5.0


def test_95_per_cent_of_two_classes_is_a_margin_of_2_944() -> None:
    assert math.isclose(logit(0.95), 2.944, abs_tol=5e-4)
    logits = torch.tensor([[logit(0.95), 0.0]])
    assert math.isclose(Targeted(0).confidence(logits).item(), 0.95, abs_tol=1e-6)
