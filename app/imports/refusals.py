"""Errors that refuse a whole file, in both languages, with row and column if known."""

from collections.abc import Sequence

from app.errors import ErrorItem, InvalidRequest
from app.imports.issues import IssueLog, Rule, row_issue
from app.messages import Message, say


class FileRefused(InvalidRequest):
    """A file that cannot be taken, whatever the treatment of errors.

    Parameters
    ----------
    message
        Why.
    errors
        All parts of the problem that have a place.
    row, column
        Where in the file it shows; null: nowhere in particular.
    """

    def __init__(
        self,
        message: str | Message,
        errors: Sequence[ErrorItem] = (),
        *,
        row: int | None = None,
        column: str | None = None,
    ) -> None:
        super().__init__(say(message), errors)
        self.row, self.column = row, column
        self.log: IssueLog | None = None
        """The problems of the file so far, this one included; null before its rows are read."""

    def noted(self, log: IssueLog) -> "FileRefused":
        """Add the error to the problems of the file and return it."""
        if self.log is None:
            self._note(log)
            self.log = log
        return self

    def _note(self, log: IssueLog) -> None:
        log.add(row_issue(self.row, self.column, None, Rule.UNREADABLE_FILE, self.detail))


class FileTooDemanding(FileRefused):
    """Reading the file takes more memory or time than it may."""

    code = "file-too-demanding"
    title = "File too demanding"

    def __init__(self, message: Message | None = None) -> None:
        beyond = say(
            "Reading the file takes more memory or time than it may; nothing was imported. "
            "Send the rows as CSV, in several files if need be."
        )
        super().__init__(message or beyond)
