"""What anybody may try to ask: the operations of the served OpenAPI document, and questions to each of them."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from random import Random
from typing import Any
from urllib.parse import quote, urlencode

from tests.document import resolved

Json = dict[str, Any]
Params = dict[str, Any]
"""Parameters as texts; what the rows are by may be two of them."""

CODES = {
    "district": "districts", "industry": "industries", "industry_group": "industry-groups", "branch": "branches",
    "enterprise": "enterprises",
}  # fmt: skip
"""Parameters that are codes, and of what."""

NODES = ("parent", "within", "code")
"""Parameters that are codes of what the path lists."""

FREE: dict[str, tuple[str, ...]] = {
    "q": ("区", "35", "网"), "cursor": (), "target": ("0.08", "0.2"), "alpha": ("0.01", "0.5"), "margin": ("0.5", "1"),
}  # fmt: skip
"""Parameters that may be anything, and what is tried; cursors are followed."""

PAIRED = ("list_breakdown_statistics", "export_breakdown_statistics", "get_changes", "export_changes")
"""Operations that may be by two dimensions at once."""

EITHER = {"changes": ("since", "since_snapshot")}
"""Parameters of which one must be given, by subject: the document cannot say so."""


class Unknown(Exception):
    """The crawl does not know what to ask of an operation, or how to read its answer: teach it, or it proves less."""


@dataclass(frozen=True)
class Parameter:
    """One parameter of an operation.

    Parameters
    ----------
    name
        Its name.
    is_required
        Whether it must be given, as those in paths must.
    choices
        All that the document lets it be; None = the document does not say.
    """

    name: str
    is_required: bool
    choices: tuple[str, ...] | None


@dataclass(frozen=True)
class Operation:
    """One operation of the document."""

    name: str
    method: str
    path: str
    parameters: tuple[Parameter, ...]

    @property
    def subject(self) -> str:
        """What its codes are of, or else what it lists, such as `districts`."""
        parts = self.path.split("/")
        return parts[parts.index("{code}") - 1] if "{code}" in parts else parts[-1].removesuffix(".{format}")

    def takes(self, name: str) -> bool:
        """Whether it has such a parameter."""
        return any(parameter.name == name for parameter in self.parameters)

    def url(self, params: Params) -> str:
        """The address of a question."""
        inside = {name: quote(str(value), safe="") for name, value in params.items() if f"{{{name}}}" in self.path}
        query = urlencode({name: value for name, value in params.items() if name not in inside}, doseq=True)
        return self.path.format(**inside) + (f"?{query}" if query else "")


def operations(document: Json) -> list[Operation]:
    """All operations of a document, in its order."""
    return [
        Operation(
            found["operationId"],
            method,
            path,
            tuple(parameter_of(document, one) for one in found.get("parameters", ())),
        )
        for path, methods in document["paths"].items()
        for method, found in methods.items()
    ]


def parameter_of(document: Json, described: Json) -> Parameter:
    """A parameter with its choices."""
    described = resolved(document, described)
    return Parameter(described["name"], described["required"], choices_of(document, described["schema"]))


def choices_of(document: Json, schema: Json) -> tuple[str, ...] | None:
    """The enumeration that a schema is, or is a list of; None = it is none."""
    schema = resolved(document, schema)
    if schema.get("type") == "array":
        return choices_of(document, schema["items"])
    if schema.get("type") == "boolean":
        return ("false", "true")
    return tuple(schema["enum"]) if "enum" in schema else None


@dataclass(frozen=True)
class Asking:
    """Questions to operations, drawn.

    Parameters
    ----------
    codes
        What there is of each subject, as paths name it.
    others
        Values of parameters of other kinds, by name.
    random
        Draws.
    most
        Values of one parameter that are tried; more are drawn from.
    mixed
        Questions to one operation with several parameters at once.
    whole
        Parameters of which all values are tried, by the name of the operation.
    """

    codes: Mapping[str, Sequence[str]]
    others: Mapping[str, Sequence[str]]
    random: Random
    most: int
    mixed: int
    whole: Mapping[str, Sequence[str]] = field(default_factory=dict)

    def questions(self, operation: Operation) -> Iterator[Params]:
        """What must be given alone; then each parameter by itself, with its values; then several together."""
        yield self.needed(operation, {})
        for parameter in operation.parameters:
            for value in self.tried(operation, parameter):
                yield self.needed(operation, {parameter.name: value})
        optional = [one for one in operation.parameters if not one.is_required and self.values(operation, one)]
        for _ in range(self.mixed if len(optional) > 1 else 0):
            together = self.random.sample(optional, self.random.randint(2, min(4, len(optional))))
            yield self.needed(operation, {one.name: self.drawn(operation, one) for one in together})

    def needed(self, operation: Operation, params: Params) -> Params:
        """A question, and any values of what must be given besides."""
        either = EITHER.get(operation.subject, ())
        chosen = self.random.choice(either) if either and not set(either) & set(params) else None
        missing = [one for one in operation.parameters if one.is_required or one.name == chosen]
        return {one.name: self.drawn(operation, one) for one in missing} | params

    def drawn(self, operation: Operation, parameter: Parameter) -> str | tuple[str, ...]:
        """Any value of a parameter, or two of those that may be two."""
        values = self.values(operation, parameter)
        if parameter.name == "by" and operation.name in PAIRED and self.random.random() < 0.5:
            return tuple(self.random.sample(values, 2))
        return self.random.choice(values)

    def tried(self, operation: Operation, parameter: Parameter) -> Sequence[str]:
        """The values of a parameter that are tried by themselves."""
        values = self.values(operation, parameter)
        if len(values) <= self.most or parameter.name in self.whole.get(operation.name, ()):
            return values
        return self.random.sample(values, self.most)

    def values(self, operation: Operation, parameter: Parameter) -> Sequence[str]:
        """All values that a parameter may have, as far as they are known.

        Raises
        ------
        Unknown
            Nobody says what it may be.
        """
        if parameter.choices is not None:
            return parameter.choices
        name = CODES.get(parameter.name, parameter.name)
        if parameter.name in NODES:
            name = operation.subject
        for known in (self.codes, self.others, FREE):
            if name in known:
                return known[name]
        raise Unknown(f"{operation.name} takes {parameter.name}: the crawl does not know what that may be")
