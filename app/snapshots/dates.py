"""Validation of a snapshot's date."""

from datetime import date

from app.config import Settings
from app.errors import ErrorItem, InvalidRequest


class FutureDate(InvalidRequest):
    """The date of a snapshot is after today."""

    code = "future-date"
    title = "Date in the future"


def refuse_future(settings: Settings, as_of: date, pointer: str = "as_of") -> None:
    """Raise `FutureDate` for a date after today in the operator's time zone; `pointer` is where the date was given."""
    if as_of > settings.today():
        detail = f"{as_of} is after today, {settings.today()} in {settings.time_zone}."
        raise FutureDate(detail, [ErrorItem(pointer, detail)])
