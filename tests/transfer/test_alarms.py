"""Defences with alarms: false ones are counted on untouched patches and told beside accuracy."""

import torch
from torch import nn

from snapgui.data.datasets import open_patches
from snapgui.engine.defences.defended import Defended
from snapgui.engine.defences.filters import Jpeg
from snapgui.engine.victim.victim import ModelCard, Victim
from snapgui.statistics import share
from snapgui.transfer.clean import measure_clean
from snapgui.transfer.defence_words import alarm_words, clean_words, defence_rows
from snapgui.transfer.settings import TransferSettings


class Shy:
    """Alarmed by every second picture that it is shown."""

    name, draws = "shy", 0

    def __init__(self, digest: str) -> None:
        self.digest, self.shown = digest, 0

    def __call__(self, victim, images, chance):
        return victim(images)

    def alarms(self, victim, images):
        places = torch.arange(self.shown, self.shown + len(images))
        self.shown += len(images)
        return places % 2 == 0

    def sha256(self) -> str:
        return self.digest


def test_false_alarms_stand_beside_accuracy(small_set) -> None:
    net = nn.Sequential(nn.AvgPool2d(8), nn.Flatten(), nn.Linear(3 * 12 * 12, 2))
    victim = Victim(net, ModelCard("tiny", "none", input_size_px=96, mean=(0, 0, 0), std=(1, 1, 1)))
    patches = open_patches(small_set)
    settings = TransferSettings(clean=4, batch_size=3)
    alarmed = measure_clean(Defended(victim, Shy("a")), patches, settings)
    assert alarmed["false_alarms"] == share(2, 4)
    quiet = [measure_clean(one, patches, settings) for one in (victim, Defended(victim, Jpeg(90)))]
    assert all("false_alarms" not in found for found in quiet)
    assert clean_words(alarmed).endswith(", false alarms 50.0 % (15.0 to 85.0)")
    clean = {"undefended": quiet[0], "shy": alarmed}
    names = list(clean)
    summary = {"clean": clean, "models": names, "sources": names, "cells": [], "presets": ["natural"]}
    head, *lines = defence_rows(summary, "natural")
    assert head == ["defence", "accuracy", "time"], "nobody attacked"
    rows = {line[0]: line[1] for line in lines}
    assert "false alarms" in rows["shy"] and "false alarms" not in rows["undefended"]
    assert "look yourself" in alarm_words(summary) and not alarm_words({"clean": {"undefended": quiet[0]}})


def test_other_weights_are_another_victim() -> None:
    victim = Victim(nn.Flatten(), ModelCard("none", "none", mean=(0, 0, 0), std=(1, 1, 1)))
    first, second, again = (Defended(victim, Shy(digest)).card.sha256 for digest in "aba")
    assert first == again != second
