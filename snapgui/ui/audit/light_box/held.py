"""What a session has ticked and opened in an audit's light-box. No Streamlit in here."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass
class Held:
    """Ticks and place of one audit.

    Attributes:
        ticked: positions of the tiles ticked, as text, in the order of the ticks.
        asked: what decides the tiles drawn.
        occasion: name of the present drawing, see `tiles.light_box`; empty where the browser has to be told
            other ticks.
        count: of occasions.
        sent: the ticks with which this occasion began.
        at: place of the picture in the viewer.
    """

    ticked: list[str] = field(default_factory=list)
    asked: str = ""
    occasion: str = ""
    count: int = 0
    sent: list[str] = field(default_factory=list)
    at: int = 0

    def hear(self, told: Mapping[str, Any] | None) -> None:
        """Take the ticks that the browser tells, unless they are of an earlier drawing."""
        if told and told.get("occasion") == self.occasion:
            self.ticked = [str(position) for position in told.get("ids", [])]

    def turn(self, position: str) -> None:
        """Tick or untick in the viewer; the tiles are told at their next drawing."""
        if position in self.ticked:
            self.ticked.remove(position)
        else:
            self.ticked.append(position)
        self.occasion = ""

    def tick(self, positions: Iterable[str]) -> None:
        """Tick all these; without any, untick all."""
        more = [position for position in positions if position not in self.ticked]
        self.ticked = [*self.ticked, *more] if more else []
        self.occasion = ""

    def begin(self, asked: str, *, forgotten: bool) -> None:
        """Begin another occasion where other tiles are asked, ticks were turned, or the browser has
        forgotten the tiles.
        """
        if asked != self.asked or forgotten or not self.occasion:
            self.asked, self.count = asked, self.count + 1
            self.occasion, self.sent = f"drawing {self.count}", list(self.ticked)
