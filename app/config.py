"""Settings of the service, from the environment or `.env`, prefix `ORGCOVERAGE_`."""

import re
from dataclasses import dataclass
from datetime import date, datetime
from functools import cached_property
from importlib.util import find_spec
from pathlib import Path
from typing import Literal
from urllib.parse import quote, urlsplit
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import Field, ValidationInfo, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from app.messages import NotValid, say

VERSION = "0.1.0"
"""The version of the service; `pyproject.toml` reads it from here."""

PRIVATE_UMASK = 0o077
"""All that the service writes is its user's alone: folders 0700, files 0600."""

_ORIGIN = re.compile(r"https?://[a-z0-9.-]+(:(?!443$|80$)\d{1,5})?|https?://\[[0-9a-f:]+\](:\d{1,5})?")
"""An origin as browsers send it: no path, no capitals, no port that goes without saying."""

_SPARK = re.compile(r"sc://([^/;@:\[\]]+|\[[0-9a-fA-F:]+\])(:(?P<port>\d{1,5}))?(/(;(?!token=)[^;=]+=[^;=]*)*)?")
"""An address of Spark Connect: parameters stand after `/;`; the token, which is secret, has a file."""

_STORES = ("s3://", "gs://", "az://", "file:///")


@dataclass(frozen=True)
class Thresholds:
    """Numbers used by definitions; part of every snapshot.

    Parameters
    ----------
    surveyed_headcount
        Least headcount of an enterprise or institution of the basis `surveyed`, employees.
    surveyed_headcount_social
        The same for a social organisation, employees.
    eligible_full_members
        Full members from which an enterprise must establish an organisation (Constitution, Art. 30).
    return_window_months
        A return counts as current within this many months up to the date.
    turnover_window_months
        Joining and leaving are counted over this many months up to the date.
    active_branch_meetings
        Meetings in 12 months from which a branch is active.
    branch_least_full_members, general_branch_above, committee_above
        Recommended sizes of branches, members.
    """

    surveyed_headcount: int = 10
    surveyed_headcount_social: int = 30
    eligible_full_members: int = 3
    return_window_months: int = 18
    turnover_window_months: int = 12
    active_branch_meetings: int = 4
    branch_least_full_members: int = 3
    general_branch_above: int = 50
    committee_above: int = 100


class Settings(BaseSettings):
    """All settings; frozen, created once per process and passed on, never imported as an instance."""

    model_config = SettingsConfigDict(env_prefix="ORGCOVERAGE_", env_file=".env", frozen=True, extra="ignore")

    data_dir: Path = Field(
        default=Path("orgcoverage-data"), description="Folder of snapshots, jobs, uploads and the embedded database."
    )
    database_url: str = Field(
        default="",
        description="SQLAlchemy URL of the registry: `sqlite+aiosqlite:///…` or `postgresql+psycopg://…`. "
        "Empty: SQLite in the data folder.",
    )
    database_password_file: Path | None = Field(
        default=None, description="File with the password of the PostgreSQL user; the URL then contains none."
    )
    member_source: Literal["auto", "register", "returns"] = Field(
        default="auto",
        description="Where members are counted from: `register` (members and employments), `returns`, or `auto`: the "
        "register if anybody works anywhere on the date, else returns.",
    )
    surveyed_headcount: int = Field(default=10, ge=1, description="Least headcount of the basis `surveyed`, employees.")
    surveyed_headcount_social: int = Field(
        default=30, ge=1, description="The same for social organisations, employees."
    )
    eligible_full_members: int = Field(
        default=3, ge=1, description="Full members from which an enterprise must establish an organisation."
    )
    return_window_months: int = Field(
        default=18, ge=1, le=1200, description="A return is current within this many months up to the date."
    )
    turnover_window_months: int = Field(
        default=12, ge=1, le=1200, description="Months over which joining and leaving are counted."
    )
    active_branch_meetings: int = Field(
        default=4, ge=1, description="Meetings in 12 months from which a branch is active."
    )
    branch_least_full_members: int = Field(default=3, ge=1, description="Advice: least full members of any branch.")
    general_branch_above: int = Field(
        default=50, ge=1, description="Advice: a general branch has more members than this."
    )
    committee_above: int = Field(default=100, ge=1, description="Advice: a committee has more members than this.")
    anonymous: Literal["none", "public", "exact"] = Field(
        default="public",
        description="What is answered without a key: nothing, protected figures, or everything. "
        "`public` makes every build write protected figures beside the exact ones.",
    )
    release: Literal["automatic", "manual"] = Field(
        default="automatic",
        description="Whether a snapshot is everybody's as soon as it is built, or a draft until it is released.",
    )
    public_only: bool = Field(
        default=False,
        description="Serve protected figures alone, from the folder `snapshots/public`: without registry, keys and "
        "exact figures. Set by `serve --public-only`.",
    )
    rounding_key_file: Path | None = Field(
        default=None,
        description="File of the key that rounds protected figures; keep it as long as any of them is published. "
        "Empty: `rounding-key` in the data folder.",
    )
    store_url: str = Field(
        default="",
        description="Object store that builds are pushed to and replicas are filled from: `s3://bucket/prefix`, "
        "`gs://…`, `az://…` or `file:///…`. Empty: none. Needs the extra `store`.",
    )
    store_credentials_file: Path | None = Field(
        default=None,
        description="JSON file of what opens it: for S3 `access_key_id`, `secret_access_key`, `endpoint`, `region`.",
    )
    public_store_url: str = Field(
        default="", description="Store of the protected figures, where they have one of their own."
    )
    public_store_credentials_file: Path | None = Field(default=None, description="JSON file of what opens that one.")
    store_signing_key_file: Path | None = Field(
        default=None, description="PEM file of the private ed25519 key that signs what is pushed."
    )
    store_verify_key_file: Path | None = Field(
        default=None, description="PEM file of its public key: a replica takes nothing that is not signed by it."
    )
    registry_name: str = Field(
        default="", max_length=100, description="Name of this registry in its extracts, as `浙江省`."
    )
    ref_fingerprint: str = Field(
        default="",
        max_length=100,
        description="Fingerprint of how members' refs are made, in extracts: the same text in all registries whose "
        "refs are made with one key. Extracts with different ones are not put together.",
    )
    extract_credentials_file: Path | None = Field(
        default=None, description="JSON file of what opens the object store of extracts."
    )
    build_engine: Literal["duckdb", "spark"] = Field(
        default="duckdb",
        description="What computes a build: DuckDB in its process, or a cluster by Spark Connect (extra `spark`).",
    )
    spark_remote: str = Field(default="", validate_default=True, description="The cluster: `sc://host:15002`.")
    spark_token_file: Path | None = Field(default=None, description="File with the token that the cluster asks for.")
    spark_folder: str = Field(
        default="",
        description="Folder, or URL of an object store, that the cluster and this service both see, for what they "
        "exchange during a build. Empty: the folder of snapshots.",
    )
    shard_folder: str = Field(
        default="",
        description="Folder, or URL of an object store, where builds of several pieces share them with the jobs of "
        "`snapshot shard`. Empty: they do not.",
    )
    time_zone: str = Field(default="Asia/Shanghai", description="Time zone that decides today's date (IANA name).")
    cors_origins: tuple[str, ...] = Field(
        default=(),
        description='Origins whose pages may call the API, a JSON list: `["https://dash.example"]`.',
    )
    hosts: tuple[str, ...] = Field(
        default=(),
        description="Host names besides loopback that are answered without a key where `ANONYMOUS` is `exact`, a JSON "
        'list: `["coverage.example"]`; others: 421.',
    )
    upload_limit_bytes: int = Field(
        default=4 * 1024**3, ge=1024, description="Largest file an import takes, bytes; beyond: 413."
    )
    body_limit_bytes: int = Field(
        default=1024**2, ge=1024, description="Largest body of any other request, bytes; beyond: 413."
    )
    body_seconds: int = Field(
        default=30, ge=1, description="Longest time to receive a body or file, seconds; beyond: 408."
    )
    body_bytes_per_second: int = Field(
        default=10_000, ge=1, description="Each time this many bytes have arrived, the limit grows by one second."
    )
    upload_seconds: int = Field(
        default=3600, ge=1, description="Longest time to receive a body or file in all, seconds; beyond: 408."
    )
    answer_seconds: int = Field(
        default=60,
        ge=1,
        description="Longest time from the request's arrival to the start of its answer, seconds; beyond: 503.",
    )
    uploads_at_once: int = Field(
        default=4, ge=1, description="Most files that one worker receives at the same time; beyond: 503."
    )
    uploads_per_key: int = Field(
        default=2, ge=1, description="Most files among them that one key sends at the same time; beyond: 503."
    )
    jobs_at_once: int = Field(
        default=8, ge=1, description="Most imports and builds queued or running in one worker; beyond: 503."
    )
    builds_at_once: int = Field(
        default=4, ge=1, description="Most builds among them, including imports with `build`; beyond: 503."
    )
    write_wait_seconds: int = Field(
        default=30, ge=1, description="A single change waits this long for the write lock, seconds; then 503."
    )
    build_memory: str = Field(
        default="1GB", description="Memory that DuckDB may use for a build, a number with `MB` or `GB`."
    )
    build_processes: int = Field(
        default=0,
        ge=0,
        le=1024,
        description="Cores that a build uses: threads of DuckDB, then processes. 0: all there are.",
    )
    answer_cache_bytes: int = Field(
        default=64 * 1024**2, ge=0, description="Size of the cache of whole answers per worker, bytes."
    )
    row_cache_bytes: int = Field(
        default=64 * 1024**2, ge=0, description="Size of the cache of encoded rows per worker, bytes."
    )
    audit_retention_months: int = Field(
        default=24, ge=1, le=1200, description="Retention of the audit log, months besides the current one."
    )
    job_retention_days: int = Field(
        default=30, ge=1, le=36500, description="Retention of records of finished jobs, days."
    )

    @field_validator("cors_origins")
    @classmethod
    def _origins_that_match(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        if wrong := [origin for origin in value if not _ORIGIN.fullmatch(origin)]:
            message = "no page is of {origins}: an origin is https://host or https://host:port, in lower case"
            raise NotValid("invalid_value", say(message, origins=", ".join(wrong)))
        return value

    @field_validator("time_zone")
    @classmethod
    def _known_time_zone(cls, value: str) -> str:
        try:
            ZoneInfo(value)
        except (ZoneInfoNotFoundError, OSError) as error:
            raise NotValid("invalid_value", say("must be an IANA time zone, as Asia/Shanghai")) from error
        return value

    @field_validator("database_url")
    @classmethod
    def _known_driver(cls, value: str) -> str:
        if value and not value.startswith(("sqlite+aiosqlite:///", "postgresql+psycopg://")):
            raise NotValid("invalid_value", say("must start with sqlite+aiosqlite:/// or postgresql+psycopg://"))
        return value

    @field_validator("database_password_file")
    @classmethod
    def _password_that_is_needed(cls, value: Path | None, info: ValidationInfo) -> Path | None:
        url = urlsplit(info.data.get("database_url", ""))
        if value is not None and (not url.username or url.password is not None):
            message = "ORGCOVERAGE_DATABASE_URL must name a PostgreSQL user and contain no password besides this file"
            raise NotValid("invalid_value", say(message))
        return value

    @field_validator("database_password_file", "spark_token_file")
    @classmethod
    def _secret_that_can_be_read(cls, value: Path | None) -> Path | None:
        if value is not None and not secret_in(value):
            raise NotValid("invalid_value", say("no password or token can be read from this file"))
        return value

    @field_validator("build_memory")
    @classmethod
    def _memory_with_unit(cls, value: str) -> str:
        if not re.fullmatch(r"[1-9]\d*(MB|GB)", value):
            raise NotValid("invalid_value", say("must be a number with MB or GB, as 4GB"))
        return value

    @field_validator("build_engine")
    @classmethod
    def _engine_that_is_installed(cls, value: str) -> str:
        return value if value == "duckdb" else _with_extra("spark", "pyspark", value)

    @field_validator("spark_folder", "shard_folder")
    @classmethod
    def _folder_that_can_be_opened(cls, value: str, info: ValidationInfo) -> str:
        if "://" in value and info.field_name == "shard_folder":  # a cluster knows further addresses
            _known_address(value)
        return _with_extra("store", "obstore", value) if "://" in value and not value.startswith("file:") else value

    @field_validator("spark_remote")
    @classmethod
    def _cluster_that_is_named(cls, value: str, info: ValidationInfo) -> str:
        is_wanted, named = value or info.data.get("build_engine") == "spark", _SPARK.fullmatch(value)
        if is_wanted and not (named and int(named["port"] or 1) in range(1, 1 << 16)):
            raise NotValid("invalid_value", say("must be the cluster's address, as sc://host:15002, without a token"))
        return value

    @field_validator("store_url", "public_store_url")
    @classmethod
    def _known_store(cls, value: str) -> str:
        return _with_extra("store", "obstore", _known_address(value)) if value else value

    @property
    def answered_without_key(self) -> Literal["none", "public", "exact"]:
        """What is answered without a key; `public` where only protected figures are served."""
        return "public" if self.public_only else self.anonymous

    @property
    def registry_address(self) -> str:
        """The registry's SQLAlchemy URL without the password of the file, default resolved; for child processes."""
        return self.database_url or f"sqlite+aiosqlite:///{self.data_dir.absolute() / 'registry.sqlite'}"

    @cached_property
    def registry_url(self) -> str:
        """The same with the password of the file, if any; for opening it."""
        if self.database_password_file is None:
            return self.registry_address
        before, _, after = self.database_url.partition("@")  # an @ in a user name is percent-encoded
        return f"{before}:{quote(secret_in(self.database_password_file), safe='')}@{after}"

    @property
    def snapshots_dir(self) -> Path:
        """The folder of `exact/` and, once published, `public/`; of `drafts/` and `withdrawn/` with the same two."""
        return self.data_dir / "snapshots"

    @property
    def rounding_key_path(self) -> Path:
        """The file of the rounding key, with its default resolved."""
        return self.rounding_key_file or self.data_dir / "rounding-key"

    @property
    def tombstone_key_path(self) -> Path:
        """The file of the key that recognizes erased members; created by the first erasure."""
        return self.data_dir / "tombstone-key"

    @property
    def boundaries_path(self) -> Path:
        """The file of the boundaries of districts, if any were imported."""
        return self.data_dir / "boundaries.geojson"

    @property
    def kept_extracts_path(self) -> Path:
        """The file that says where extracts of the registry were written."""
        return self.data_dir / "extracts.json"

    @property
    def audit_dir(self) -> Path:
        """The folder of the audit log, one file per month."""
        return self.data_dir / "audit"

    @property
    def jobs_dir(self) -> Path:
        """The folder of job records."""
        return self.data_dir / "jobs"

    @property
    def uploads_dir(self) -> Path:
        """The folder of files being imported; each is removed when its import ends."""
        return self.data_dir / "uploads"

    @property
    def thresholds(self) -> Thresholds:
        """The numbers used by definitions."""
        return Thresholds(**{name: getattr(self, name) for name in Thresholds.__dataclass_fields__})

    def today(self) -> date:
        """Today's date in the operator's time zone."""
        return datetime.now(ZoneInfo(self.time_zone)).date()


def _known_address(value: str) -> str:
    if not value.startswith(_STORES):
        raise NotValid("invalid_value", say("must start with s3://, gs://, az:// or file:///"))
    return value


def _with_extra(extra: str, module: str, value: str) -> str:
    """Return the value of a setting, which needs the module of an extra; refuse it where that is not installed."""
    if find_spec(module) is None:
        message = "needs the extra `{extra}`: pip install 'orgcoverage[{extra}]'"
        raise NotValid("invalid_value", say(message, extra=extra))
    return value


def secret_in(file: Path) -> str:
    """Return the password or token in a file; empty where none can be read."""
    try:
        return file.read_text(encoding="utf-8").strip()
    except (OSError, ValueError):
        return ""
