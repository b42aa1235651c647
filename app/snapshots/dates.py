"""Validation of a snapshot's date."""

from datetime import date

from app.config import Settings
from app.errors import ErrorCode, ErrorItem, InvalidRequest
from app.messages import say


class FutureDate(InvalidRequest):
    """The date of a snapshot is after today."""

    code = "future-date"
    title = "Date in the future"


def refuse_future(settings: Settings, as_of: date, place: str = "as_of") -> None:
    """Raise `FutureDate` for a date after today in the operator's time zone; `place` is where the date was given."""
    if as_of > settings.today():
        detail = say(
            "{as_of} is after today, {today} in {time_zone}.",
            as_of=as_of,
            today=settings.today(),
            time_zone=settings.time_zone,
        )
        raise FutureDate(detail, [ErrorItem(ErrorCode.FUTURE_DATE, place, detail)])
