"""Reading ahead: every item in order, errors where they come, and nothing under way once it is closed."""

import time
from collections.abc import Iterator
from contextlib import closing

import pytest

from app.read_ahead import read_ahead


def test_items_come_in_order_and_an_error_after_those_before_it() -> None:
    def items() -> Iterator[int]:
        yield from range(3)
        message = "the fourth"
        raise OSError(message)

    seen = list[int]()
    with pytest.raises(OSError, match="the fourth"):
        seen.extend(read_ahead(items()))
    assert seen == [0, 1, 2]
    assert list(read_ahead(iter(()))) == []


def test_nothing_is_being_made_any_more_when_whoever_asks_has_failed() -> None:
    begun, ended = list[int](), list[int]()

    def items() -> Iterator[int]:
        for number in range(9):
            begun.append(number)
            time.sleep(0.05)
            ended.append(number)
            yield number

    with pytest.raises(OSError, match="no room"), closing(read_ahead(items())) as coming:  # noqa: PT012
        for _ in coming:
            message = "no room"
            raise OSError(message)
    assert begun == ended
    assert len(begun) == 2
