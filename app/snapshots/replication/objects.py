"""An object store: objects are made once, but for a few that are changed if nobody else has changed them meanwhile.

Its library, obstore, is of an extra and loaded when a store is opened: whoever has no store does without it.
"""

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import unquote, urlsplit

import msgspec
from filelock import FileLock

from app.access.principals import Tier
from app.config import Settings
from app.errors import TemporarilyUnavailable
from app.messages import say

if TYPE_CHECKING:
    from obstore.store import ObjectStore

_CLIENT = {"connect_timeout": "5s", "read_timeout": "20s", "timeout": "15m"}
"""A connection, and a silence of the store, end sooner than an object of 256 MiB over a slow line."""

_RETRIES = {"max_retries": 2, "retry_timeout": timedelta(seconds=30)}

_CLOCK = "clock"
"""Object that is written to learn what time it is at the store."""


class StoreUnavailable(TemporarilyUnavailable):
    """The object store cannot be reached or opened; what is published here stays published."""

    code = "store-unavailable"
    title = "Object store unavailable"


class Tag(NamedTuple):
    """What tells a version of an object from all others; stores compare the one or the other."""

    e_tag: str
    version: str | None


@dataclass(frozen=True)
class Found:
    """An object as it was found.

    Parameters
    ----------
    content
        Its bytes; null: as they were known, or there is no such object.
    tag
        Of this version; null: there is no such object.
    """

    content: bytes | None = None
    tag: Tag | None = None


class Objects:
    """The objects below one address.

    Every method raises `StoreUnavailable` where the store cannot be reached or refuses.

    Parameters
    ----------
    url
        `s3://bucket/prefix`, `gs://…`, `az://…` or `file:///…`.
    credentials
        JSON file of what opens it, by the library's names; null: nothing is needed, or the machine has it.
    """

    def __init__(self, url: str, credentials: Path | None = None) -> None:
        self._url = url
        self._obstore, self._errors = _library()
        self._folder = Path(unquote(urlsplit(url).path)) if url.startswith("file:") else None
        self._store = self._opened(_access(credentials))

    def get(self, name: str, known: Tag | None = None) -> Found:
        """Return an object, without its bytes where it is as known."""
        with self._reached():
            try:
                found = self._obstore.get(self._store, name, options={"if_none_match": known.e_tag} if known else None)
                return Found(bytes(found.bytes()), Tag(found.meta["e_tag"], found.meta["version"]))
            except self._errors.NotModifiedError:
                return Found(None, known)
            except FileNotFoundError:
                return Found()

    def stream(self, name: str) -> Iterator[bytes]:
        """Yield the bytes of an object; nothing where there is none."""
        with self._reached():
            try:
                chunks = iter(self._obstore.get(self._store, name).stream())
            except FileNotFoundError:
                return
        while True:
            with self._reached():
                chunk = next(chunks, None)
            if chunk is None:
                return
            yield bytes(chunk)

    def exists(self, name: str) -> bool:
        """Say whether there is such an object."""
        with self._reached():
            try:
                self._obstore.head(self._store, name)
            except FileNotFoundError:
                return False
            return True

    def create(self, name: str, content: bytes) -> bool:
        """Make an object; return whether it was not there."""
        with self._reached():
            try:
                self._put(name, content, mode="create")
            except self._errors.AlreadyExistsError:
                return False
            return True

    def replace(self, name: str, content: bytes, tag: Tag | None) -> bool:
        """Change an object that is as known, or make it where the tag is null; return whether it was so."""
        if tag is None:
            return self.create(name, content)
        if self._folder is not None:  # a file system compares nothing when it writes
            with FileLock(self._folder / ".lock"):
                if self.get(name, tag).tag != tag:
                    return False
                with self._reached():
                    self._put(name, content)
                return True
        mode = {name: value for name, value in tag._asdict().items() if value is not None}  # the library takes no null
        with self._reached():
            try:
                self._put(name, content, mode=mode)
            except (self._errors.PreconditionError, FileNotFoundError):
                return False
            return True

    def all(self, prefix: str) -> dict[str, datetime]:
        """Return the objects below a prefix, each with the time of its last change by the store's clock."""
        with self._reached():
            return {
                meta["path"]: meta["last_modified"] for part in self._obstore.list(self._store, prefix) for meta in part
            }

    def now(self) -> datetime:
        """Return what time it is by the store's clock."""
        with self._reached():
            self._put(_CLOCK, b"")
            at: datetime = self._obstore.head(self._store, _CLOCK)["last_modified"]
            return at

    def remove(self, name: str) -> None:
        """Remove an object; nothing, where there is none."""
        with self._reached(), suppress(FileNotFoundError):
            self._obstore.delete(self._store, name)

    def _put(self, name: str, content: bytes, **mode: Any) -> None:
        self._obstore.put(self._store, name, content, use_multipart=False, **mode)

    def _opened(self, access: dict[str, str]) -> "ObjectStore":
        from obstore.store import from_url  # noqa: PLC0415 - of an extra

        options: dict[str, Any] = {"mkdir": True}
        if self._folder is None:
            plain = any(value.startswith("http://") for value in access.values())
            options = {
                "config": access,
                "client_options": {**_CLIENT, "allow_http": plain},
                "retry_config": _RETRIES,
            }
        with self._reached():
            store: ObjectStore = from_url(self._url, **options)
            return store

    @contextmanager
    def _reached(self) -> Iterator[None]:
        try:
            yield
        except (self._errors.BaseError, OSError) as error:
            raise unavailable(self._url, type(error).__name__) from error


def stores(settings: Settings, *tiers: Tier) -> dict[Tier, Objects]:
    """Open the stores of some tiers, the public one first; those that the settings name."""
    return {tier: Objects(*address) for tier, address in addresses(settings).items() if tier in tiers}


def addresses(settings: Settings) -> dict[Tier, tuple[str, Path | None]]:
    """Return the address of the store of each tier that has one, and the file that opens it."""
    exact = (settings.store_url, settings.store_credentials_file)
    public = (settings.public_store_url, settings.public_store_credentials_file)
    given = {Tier.PUBLIC: public if settings.public_store_url else exact, Tier.EXACT: exact}
    return {tier: address for tier, address in given.items() if address[0]}


def _library() -> tuple[ModuleType, ModuleType]:
    try:
        import obstore  # noqa: PLC0415 - of an extra
        import obstore.exceptions  # noqa: PLC0415 - as above
    except ImportError as missing:
        message = say("Stores need the extra `store`: pip install 'orgcoverage[store]'.")
        raise StoreUnavailable(message) from missing
    return obstore, obstore.exceptions


def _access(credentials: Path | None) -> dict[str, str]:
    if credentials is None:
        return {}
    try:
        return msgspec.json.decode(credentials.read_bytes(), type=dict[str, str])
    except (OSError, msgspec.DecodeError) as error:
        message = say("{file} is no JSON object of texts that can be read.", file=str(credentials))
        raise StoreUnavailable(message) from error


def unavailable(url: str, reason: str) -> StoreUnavailable:
    """Return the error of a store that cannot be used, and why."""
    message = say("The store {url} cannot be used: {reason}.", url=url, reason=reason)
    return StoreUnavailable(message)
