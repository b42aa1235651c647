"""How long tests of random content go on: briefly in the short run, at length with `--all`."""

from hypothesis import HealthCheck, Phase, settings

SHORT, LONG = "short", "long"
"""Profiles of hypothesis; `pytest_configure` loads one before the modules of tests are read."""


def at_length(long: int, short: int) -> int:
    """Return the first number with `--all`, else the second."""
    return long if settings.get_current_profile_name() == LONG else short


def same_examples(number: int) -> settings:
    """Return settings that draw so many examples, the same in every run, and that leave failures as they are found."""
    return settings(
        max_examples=number, deadline=None, suppress_health_check=list(HealthCheck), derandomize=True, database=None,
        phases=[Phase.generate],
    )  # fmt: skip
