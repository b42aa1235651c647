"""Where extracts lie, and what machines that build see in common: a folder, or the URL of an object store."""

import secrets
import shutil
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Protocol
from urllib.parse import unquote, urlsplit

from app.config import Settings
from app.snapshots.folders import sync
from app.snapshots.replication.objects import Objects


class Storage(Protocol):
    """Files below one address, by names with `/` between folders."""

    def address(self, name: str) -> str:
        """Return what others know a file by."""

    def names(self) -> set[str]:
        """Return the files at the top; an error of the system where there is no folder."""

    def read(self, name: str) -> bytes | None:
        """Return the bytes of a small file; null: there is none."""

    def take(self, name: str, path: Path) -> None:
        """Move a local file here, unless it is here already."""

    def write(self, name: str, content: bytes) -> None:
        """Write a small file, or replace it, as a whole."""

    def create(self, name: str, content: bytes) -> bool:
        """Write a file unless it is there; return whether it was not. Whoever is killed meanwhile may leave half."""

    def fetch(self, name: str, target: Path) -> Path:
        """Return where a file can be read here: in place, or as a copy."""

    def holds(self, name: str) -> bool:
        """Say whether a folder has Parquet files."""

    def copy_all(self, name: str, target: Path) -> bool:
        """Copy the Parquet files of a folder to a folder here; return whether there are any."""

    def remove(self, name: str) -> None:
        """Remove a file, if it is there."""

    def remove_all(self, name: str) -> None:
        """Remove a folder with all that is in it, if it is there."""

    def close(self) -> None:
        """Remove the address itself if it is a folder without anything in it."""


def open_storage(address: str, credentials: Path | None) -> Storage:
    """Open what an address names: a path, `file:///…`, or an object store.

    Raises
    ------
    StoreUnavailable
        It is an object store, and cannot be opened.
    """
    folder = local_folder(address)
    return _Bucket(address, credentials) if folder is None else _Folder(folder)


def place_of(settings: Settings) -> str:
    """Return the name, at an address that others use too, of what a build of these snapshots puts there."""
    noted = settings.snapshots_dir / ".place"
    if not noted.exists() or not noted.read_text():  # a killed process may have left it empty
        noted.write_text(secrets.token_hex(8))
    return f"build-{noted.read_text()}"


def local_folder(address: str) -> Path | None:
    """Return the folder that an address names; null: it names an object store."""
    parts = urlsplit(address)
    if parts.scheme == "file":
        return Path(unquote(parts.path))
    return None if "://" in address else Path(address).absolute()


def mount_of(folder: Path) -> Path:
    """Return where the disk is mounted that a folder is on."""
    return next(path for path in (folder, *folder.parents) if path.is_mount())


class _Folder:
    """A folder of this machine, or one that it has mounted."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def address(self, name: str) -> str:
        return (self._folder / name).as_uri()  # a cluster's paths may be those of a file system of its own

    def names(self) -> set[str]:
        return {path.name for path in self._folder.iterdir() if path.is_file()}

    def read(self, name: str) -> bytes | None:
        try:
            return (self._folder / name).read_bytes()
        except FileNotFoundError:
            return None

    def take(self, name: str, path: Path) -> None:
        target = self._folder / name
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.move(path, target)  # which may be on another disk
        sync(target)

    def write(self, name: str, content: bytes) -> None:
        target = self._folder / name
        written = target.with_name(f".{target.name}")
        written.write_bytes(content)
        sync(written)
        written.rename(target)
        sync(target.parent)

    def create(self, name: str, content: bytes) -> bool:
        target = self._folder / name
        target.parent.mkdir(parents=True, exist_ok=True)
        try:
            with target.open("xb") as file:
                file.write(content)
        except FileExistsError:
            return False
        return True

    def fetch(self, name: str, target: Path) -> Path:  # noqa: ARG002 - it is read in place
        return self._folder / name

    def holds(self, name: str) -> bool:
        return any((self._folder / name).glob("*.parquet"))

    def copy_all(self, name: str, target: Path) -> bool:
        found = list((self._folder / name).glob("*.parquet"))
        for path in found:
            shutil.copy(path, target)
        return found != []

    def remove(self, name: str) -> None:
        (self._folder / name).unlink(missing_ok=True)

    def remove_all(self, name: str) -> None:
        shutil.rmtree(self._folder / name, ignore_errors=True)

    def close(self) -> None:
        with suppress(OSError):
            self._folder.rmdir()


class _Bucket:
    """What lies below the URL of an object store."""

    def __init__(self, url: str, credentials: Path | None) -> None:
        self._url = url.rstrip("/")
        self._objects = Objects(self._url, credentials)

    def address(self, name: str) -> str:
        return f"{self._url}/{name}"

    def names(self) -> set[str]:
        return {name for name in self._objects.all("") if "/" not in name}

    def read(self, name: str) -> bytes | None:
        return self._objects.get(name).content

    def take(self, name: str, path: Path) -> None:
        self._objects.create(name, path.read_bytes())

    def create(self, name: str, content: bytes) -> bool:
        return self._objects.create(name, content)

    def write(self, name: str, content: bytes) -> None:
        while not self._objects.replace(name, content, self._objects.get(name).tag):
            pass

    def fetch(self, name: str, target: Path) -> Path:
        with target.open("wb") as file:
            file.writelines(self._objects.stream(name))
        return target

    def holds(self, name: str) -> bool:
        return any(self._parquet(name))

    def copy_all(self, name: str, target: Path) -> bool:
        found = list(self._parquet(name))
        for path in found:
            self.fetch(path, target / path.rpartition("/")[2])
        return found != []

    def remove(self, name: str) -> None:
        self._objects.remove(name)

    def remove_all(self, name: str) -> None:
        for found in self._below(name):
            self._objects.remove(found)

    def close(self) -> None:
        return

    def _parquet(self, name: str) -> Iterator[str]:
        return (found for found in self._below(name) if found.endswith(".parquet"))

    def _below(self, name: str) -> Iterator[str]:
        yield from self._objects.all(f"{name}/")
