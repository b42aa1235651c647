"""What operations share stands once in the document's `components`; schemas are put as client generators take them."""

from itertools import count
from typing import Any

Json = dict[str, Any]

_UNDESCRIBED = "Successful Response"
"""The framework's description of a response that has none."""


class Shared:
    """Components of one kind: each content once, under a name.

    Parameters
    ----------
    kind
        `parameters` or `responses`.
    """

    def __init__(self, kind: str) -> None:
        self.kind = kind
        self.contents: dict[str, Json] = {}

    def reference(self, name: str, content: Json) -> Json:
        """Return a reference to a content, kept under a name, or the name and a number if that means another one."""
        numbered = (name if place == 1 else f"{name}{place}" for place in count(1))
        key = next(key for key in numbered if self.contents.setdefault(key, content) == content)
        return {"$ref": f"#/components/{self.kind}/{key}"}


def share(operations: list[Json], components: Json) -> None:
    """Move the parameters and responses of operations to the components, and leave references."""
    parameters, responses = Shared("parameters"), Shared("responses")
    for operation in operations:
        operation["parameters"] = [
            parameters.reference(parameter["name"], parameter) for parameter in operation["parameters"]
        ]
        operation["responses"] = {
            status: response if "$ref" in response else responses.reference(*_named(response, components["schemas"]))
            for status, response in sorted(operation["responses"].items())
        }
    for shared in (parameters, responses):
        contents = components.get(shared.kind, {}) | shared.contents
        components[shared.kind] = dict(sorted(contents.items()))


def _named(response: Json, schemas: Json) -> tuple[str, Json]:
    """Return a response that is no problem with its name; described by its schema, if nobody else does."""
    [schema] = [content["schema"] for content in response.get("content", {}).values()] or [{}]
    name = schema.get("$ref", "").rpartition("/")[2]
    if response["description"] == _UNDESCRIBED and name:
        return name, response | {"description": schemas[name]["description"].partition("\n")[0]}
    return name or ("File" if schema else "Nothing"), response


def put_for_generators(node: Any) -> None:
    """Change a schema, with all inside, to a form that client generators take, with the same meaning.

    A value or null is one schema with two types; only a reference needs a choice. Titles go, which repeat the names of
    schemas and fields.
    """
    if isinstance(node, list):
        for part in node:
            put_for_generators(part)
    elif isinstance(node, dict):
        _join_null(node)
        if isinstance(node.get("title"), str):
            del node["title"]
        for key, part in node.items():
            if key not in ("example", "examples", "enum", "default"):
                put_for_generators(part)


def _join_null(schema: Json) -> None:
    choices = schema.get("anyOf", ())
    if choices[1:] == [{"type": "null"}] and "type" in choices[0]:
        del schema["anyOf"]
        schema |= {**choices[0], **schema, "type": [choices[0]["type"], "null"]}
