"""How long tests of random content go on: briefly in the short run, at length with `--all`."""

from collections.abc import Iterable

from hypothesis import HealthCheck, Phase, settings

SHORT, LONG = "short", "long"
"""Profiles of hypothesis; `pytest_configure` loads one before the modules of tests are read."""


def at_length(long: int, short: int) -> int:
    """Return the first number with `--all`, else the second."""
    return long if settings.get_current_profile_name() == LONG else short


def some(values: Iterable[str], every: int = 10) -> list[str]:
    """Return all values with `--all`, else a few of them: the first and every tenth after it."""
    everything = list(values)
    return everything[:: at_length(1, every)]


def same_examples(number: int) -> settings:
    """Return settings that draw so many examples, the same in every run, and that leave failures as they are found."""
    return settings(
        max_examples=number, deadline=None, suppress_health_check=list(HealthCheck), derandomize=True, database=None,
        phases=[Phase.generate],
    )  # fmt: skip
