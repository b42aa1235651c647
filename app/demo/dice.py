"""Draws of invented data: the same ones in every run, from a generator named after what it draws."""

from collections.abc import Sequence
from datetime import date, timedelta
from random import Random
from typing import TypeVar

T = TypeVar("T")


class Dice(Random):
    """Random draws that are the same wherever the name of the dice is."""

    def happens(self, share: float) -> bool:
        """Draw whether something of that probability (0 to 1) happens."""
        return self.random() < share

    def unless(self, share: float, value: T) -> T | None:
        """Return the value, or null with that probability."""
        return None if self.happens(share) else value

    def day(self, first: date, last: date) -> date:
        """Draw a day from `first` to `last`, both included, all alike."""
        return first + timedelta(days=self.randrange((last - first).days + 1))

    def weighted(self, choices: Sequence[T], weights: Sequence[float]) -> T:
        """Draw one of the choices, with chances in proportion to the weights."""
        return self.choices(choices, weights)[0]
