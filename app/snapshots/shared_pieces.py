"""Pieces that jobs on other machines help to make: shown at an address that all see, in plain formats.

A piece is of whoever claims it first. Nobody waits for anybody: when all are claimed, the build takes what is whole of
others' results, and makes the rest itself, since who is slow cannot be told from who has died. All that make a piece
make the same of it. The manifest is written last, and all of it goes with the build, or with the next one.
"""

import hashlib
import os
import re
import secrets
import shutil
import socket
from collections import defaultdict
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import date
from functools import cache
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq
import structlog

import app
from app.catalogue.vocabulary import DistrictLevel, IndustryLevel
from app.config import VERSION, Settings
from app.errors import Conflict
from app.messages import say
from app.snapshots.correlation import Components
from app.snapshots.facts import Facts
from app.snapshots.ordering import numbers, order_tree
from app.snapshots.pieces import Common, Counted, Made, Step, Task, common_of, make_piece
from app.snapshots.public import PlaceSums
from app.snapshots.replication.objects import StoreUnavailable
from app.snapshots.rounding import fingerprint, same_key
from app.snapshots.shards import BatchedRows, Division
from app.snapshots.storage import Storage, open_storage, place_of
from app.snapshots.sums import Sums
from app.snapshots.tables import Withheld
from app.store.format import checksum

_FORMAT = 1

_MANIFEST = re.compile(r"(build-[0-9a-f]{16})\.json")
_RUN = re.compile(r"[0-9a-f]{16}")


class OtherVersion(Conflict):
    """The service that builds is of another version than this job, which does not take part."""

    code = "other-version"
    title = "Another version"


class Work(msgspec.Struct, frozen=True, kw_only=True):
    """What is to be made.

    Parameters
    ----------
    version
        Of the code.
    run
        The folder of the files.
    rounding_key
        Fingerprint of the key; null: nothing is protected.
    common
        SHA-256 of each Parquet file of what all pieces have in common.
    pieces
        SHA-256 of the facts of each.
    """

    format: int = _FORMAT
    version: str
    run: str
    as_of: date
    rounding_key: str | None
    common: dict[str, str]
    pieces: tuple[str, ...]


class _Result(msgspec.Struct, frozen=True):
    """What a job has made: of which work and piece; SHA-256 of its table, and of what is counted."""

    work: str
    piece: int
    table: str
    counts: str


@dataclass(frozen=True)
class SharedPieces:
    """The pieces of a build, where others see them; for many processes.

    Parameters
    ----------
    address, credentials
        The storage.
    place
        What is there of the service that builds.
    work
        What is to be made.
    digest
        SHA-256 of its manifest.
    """

    address: str
    credentials: Path | None
    place: str
    work: Work
    digest: str

    @property
    def is_wanted(self) -> bool:
        """Whether the build still goes on."""
        content = self._storage.read(f"{self.place}.json")
        return content is not None and _digest(content) == self.digest

    def make_unclaimed(self, common: Common, task: Task) -> Made | None:
        """Make a piece for the build itself, unless somebody has claimed it."""
        try:
            claimed = self.address in _away or self._claim(task.number)
        except (StoreUnavailable, OSError):
            _away.add(self.address)
            claimed = True
        return make_piece(common, task) if claimed else None

    def take_or_make(self, common: Common, task: Task) -> Made:
        """Take what somebody has made of a piece, if it is whole; else make it."""
        return self._taken(task) or make_piece(common, task)

    def make_for_build(self, given: tuple[Common, Path], number: int) -> bool:
        """Make a piece at a job, in a folder of its own, unless somebody has claimed it; return whether it was made.

        Raises
        ------
        StoreUnavailable
            The storage cannot be used, as by an error of the system.
        """
        common, folder = given
        facts, table, counts = (folder / f"{number}-{name}" for name in ("facts", "table", "counts.npz"))
        try:
            if not (self.is_wanted and self._claim(number)):
                return False
            if self._copied("facts", number, facts) != self.work.pieces[number]:
                return False
            sums, counted = make_piece(common, Task(number, BatchedRows(facts), table))
            np.savez_compressed(counts, allow_pickle=False, **_arrays(sums, counted))
            result = _Result(self.digest, number, checksum(table), checksum(counts))
            self._storage.take(self._name("table", number), table)
            self._storage.take(self._name("counts", number), counts)
            self._storage.write(self._name("result", number), msgspec.json.encode(result))
        except FileNotFoundError:  # the build has ended
            return False
        for path in (facts, table, counts):
            path.unlink(missing_ok=True)
        return True

    def common(self, settings: Settings) -> Common | None:
        """Return what all pieces have in common, with the key of these settings; null: it is not whole any more.

        Raises
        ------
        RoundingKeyRefused
            The key is not that of the build.
        """
        wanted = self.work.rounding_key
        key = None if wanted is None else same_key(settings, wanted)
        tables = {}
        for name in _COMMON:
            content = self._storage.read(f"{self.place}/{self.work.run}/{name}.parquet")
            if content is None or _digest(content) != self.work.common.get(name):
                return None
            tables[name] = pq.read_table(pa.BufferReader(content))
        trees = order_tree(tables["districts"], DistrictLevel), order_tree(tables["industries"], IndustryLevel)
        counts = numbers(tables["enterprises"]["count"])
        return common_of(trees, tables["industry_groups"], tables["superseded"], counts, key)

    def clear_up(self) -> None:
        """Remove what a job has written after the build has ended."""
        if not self.is_wanted:
            self._storage.remove_all(f"{self.place}/{self.work.run}")

    @property
    def _storage(self) -> Storage:
        return _opened(self.address, self.credentials)

    def _name(self, kind: str, number: int) -> str:
        return f"{self.place}/{self.work.run}/{kind}-{number:05}.{_ENDINGS[kind]}"

    def _claim(self, number: int) -> bool:
        claimant = {"host": socket.gethostname(), "process": os.getpid()}
        return self._storage.create(self._name("claim", number), msgspec.json.encode(claimant))

    def _copied(self, kind: str, number: int, target: Path) -> str:
        """Copy a file here; return the checksum of the copy."""
        path = self._storage.fetch(self._name(kind, number), target)
        if path != target:
            shutil.copyfile(path, target)
        return checksum(target)

    def _taken(self, task: Task) -> Made | None:
        if self.address in _away:
            return None
        counts = task.path.with_suffix(".npz")
        try:
            content = self._storage.read(self._name("result", task.number))
            if content is None:
                return None
            table, counted = self._copied("table", task.number, task.path), self._copied("counts", task.number, counts)
            found = _Result(self.digest, task.number, table, counted)
            return _made(counts) if found == msgspec.json.decode(content, type=_Result) else None
        except StoreUnavailable:
            _away.add(self.address)
        except (OSError, msgspec.DecodeError, UnicodeDecodeError):
            pass
        return None


_COMMON = ("districts", "industries", "industry_groups", "superseded", "enterprises")
"""Files of what all pieces have in common, of rows as in `Facts`; of enterprises, how many each district has."""

_ENDINGS = {"facts": "arrow", "claim": "json", "table": "arrow", "counts": "npz", "result": "json"}

_away = set[str]()
"""Addresses that this process could not reach; it does not wait for them again."""

_opened = cache(open_storage)


@contextmanager
def sharing(settings: Settings, facts: Facts, division: Division, common: Common) -> Iterator[Sequence[Step]]:
    """Give how to make the pieces: where the settings name a folder, with whoever helps; meanwhile they are seen there.

    If the folder or store cannot be used, the log says so, and all are made here.
    """
    steps: Sequence[Step] = (make_piece,)
    if not settings.shard_folder:
        yield steps
        return
    try:
        pieces = _show(settings, facts, division, common)
        if pieces is not None:
            steps = pieces.make_unclaimed, pieces.take_or_make
    except (StoreUnavailable, OSError) as error:
        structlog.get_logger().warning("pieces not shared", reason=str(error))
    try:
        yield steps
    finally:
        with suppress(StoreUnavailable, OSError):  # the next build tries again
            _clear(open_storage(settings.shard_folder, settings.extract_credentials_file), place_of(settings))


def _show(settings: Settings, facts: Facts, division: Division, common: Common) -> SharedPieces | None:
    """Show the pieces to others, if there are several; remove what a killed build has left."""
    address, place = (settings.shard_folder, settings.extract_credentials_file), place_of(settings)
    run = secrets.token_hex(8)
    storage = open_storage(*address)
    _clear(storage, place)
    rows = [piece.rows for shard in division.shards for piece in shard]
    if len(rows) == 1:
        return None
    counts = pa.table({"count": division.counts})
    tables = common.districts.rows, common.industries.rows, facts.industry_groups, facts.superseded, counts
    written = {}
    for name, table in zip(_COMMON, tables, strict=True):
        buffer = pa.BufferOutputStream()
        pq.write_table(table, buffer, compression="zstd")
        content = buffer.getvalue().to_pybytes()
        storage.create(f"{place}/{run}/{name}.parquet", content)
        written[name] = _digest(content)
    work = Work(
        version=code_version(),
        run=run,
        as_of=facts.parameters.as_of,
        rounding_key=None if common.key is None else fingerprint(common.key),
        common=written,
        pieces=tuple(checksum(piece.path) for piece in rows),
    )
    content = msgspec.json.format(msgspec.json.encode(work), indent=1) + b"\n"
    pieces = SharedPieces(*address, place, work, _digest(content))
    for number, piece in enumerate(rows):
        storage.create(pieces._name("facts", number), piece.path.read_bytes())
    storage.write(f"{place}.json", content)
    return pieces


def _clear(storage: Storage, place: str) -> None:
    storage.remove(f"{place}.json")
    storage.remove_all(place)


def _digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


@cache
def code_version() -> str:
    """Return the version of the service, and a digest of its code and of what computes; others may make other bytes."""
    digest = hashlib.sha256(f"{np.__version__} {pa.__version__}".encode())
    for path in sorted(Path(app.__file__).parent.rglob("*.py")):
        digest.update(path.read_bytes())
    return f"{VERSION}+{digest.hexdigest()[:12]}"


def shown_at(settings: Settings, seen: set[str]) -> Iterator[SharedPieces]:
    """Yield the pieces of each build that shows any and was not seen before.

    Raises
    ------
    OtherVersion
        A build is of another version of this service; those after it can be asked for again.
    """
    storage = _opened(settings.shard_folder, settings.extract_credentials_file)
    try:
        names = storage.names()
    except FileNotFoundError:  # no build has made the folder yet
        return
    for place in sorted(match[1] for match in map(_MANIFEST.fullmatch, names) if match):
        content = storage.read(f"{place}.json")
        if content is None or _digest(content) in seen:
            continue
        seen.add(_digest(content))
        try:
            work = msgspec.json.decode(content, type=Work)
        except (msgspec.DecodeError, UnicodeDecodeError):
            work = None
        if work is None or (work.format, work.version) != (_FORMAT, code_version()) or not _RUN.fullmatch(work.run):
            message = "The build is of version {theirs}, this job of {own}: give both the same."
            raise OtherVersion(say(message, theirs=work.version if work else "?", own=code_version()))
        yield SharedPieces(settings.shard_folder, settings.extract_credentials_file, place, work, _digest(content))


def _arrays(sums: Sums, counted: Counted) -> dict[str, npt.NDArray[Any]]:
    parts: dict[str, dict[str, Any]] = {"sums": vars(sums), "withheld": vars(counted.withheld)}
    parts |= {f"{_COMPONENTS}{code}": vars(one) for code, one in counted.components.items()}
    if counted.places is not None:
        parts |= {"places": {"keys": counted.places.keys}, "places/sums": counted.places.sums}
    return {f"{part}/{name}": np.asarray(value) for part, values in parts.items() for name, value in values.items()}


_COMPONENTS = "components/"


def _made(path: Path) -> Made:
    parts: dict[str, dict[str, Any]] = defaultdict(dict)
    with np.load(path, allow_pickle=False) as file:
        for key in file.files:
            part, _, name = key.rpartition("/")
            parts[part][name] = file[key]
    sums = parts["sums"] | {"codes": tuple(parts["sums"]["codes"].tolist()), "first": int(parts["sums"]["first"])}
    components = {
        part.removeprefix(_COMPONENTS): _components(**values)
        for part, values in parts.items()
        if part.startswith(_COMPONENTS)
    }
    places = PlaceSums(parts["places"]["keys"], parts["places/sums"]) if "places" in parts else None
    return Sums(**sums), Counted(Withheld(**parts["withheld"]), components, places)


def _components(numerators: Any, remainders: Any, **persons: Any) -> Components:
    return Components(numerators, remainders, **{name: int(number) for name, number in persons.items()})
