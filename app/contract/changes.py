"""Which changes of an OpenAPI document break a client that was written to it."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from app.contract.schemas import Fit, Schema

METHODS = ("get", "put", "post", "delete", "options", "head", "patch", "trace")

Operation = Mapping[str, Any]
Places = Mapping[Any, Any]


def breaking_changes(old: Mapping[str, Any], new: Mapping[str, Any]) -> list[str]:
    """Each as the operation, the place in it, and what is wrong there; none when old clients go on working.

    It breaks them when an operation, a parameter, a field, a status or a media type is gone, when input is refused
    that was accepted, and when output comes that never came. New fields in output, new optional input, new
    operations and new error statuses do not.
    """
    after = operations(new)
    comparison = Comparison(Fit(old, new, old_is_inner=True), Fit(new, old, old_is_inner=False))
    return [
        f"{name}: {change}"
        for name, operation in operations(old).items()
        for change in (comparison.changes(operation, after[name]) if name in after else ["is gone"])
    ]


def operations(document: Mapping[str, Any]) -> dict[str, Operation]:
    return {
        f"{method.upper()} {path}": item[method]
        for path, item in document["paths"].items()
        for method in METHODS
        if method in item
    }


@dataclass(frozen=True, slots=True)
class Comparison:
    """Of two versions of one operation: what clients send, and what they get."""

    sent: Fit
    got: Fit

    def changes(self, old: Operation, new: Operation) -> Iterator[str]:
        if old["operationId"] != new["operationId"]:
            yield f"is called {new['operationId']}, which renames it in generated clients"
        if _is_open(old) and not _is_open(new):
            yield "demands credentials"
        yield from self._parameters(_parameters(old), _parameters(new))
        yield from self._body(old.get("requestBody", {}), new.get("requestBody", {}))
        yield from self._responses(old["responses"], new["responses"])

    def _parameters(self, old: Places, new: Places) -> Iterator[str]:
        for place in old:
            if place not in new:
                yield f"{place} is gone"
            else:
                yield from self.sent.misfits(old[place]["schema"], new[place]["schema"], place)
        yield from _required_now(old, new)

    def _body(self, old: Places, new: Places) -> Iterator[str]:
        if new.get("required") and not old.get("required"):
            yield "body is required now"
        yield from _each_medium("body", old, new, self.sent.misfits)

    def _responses(self, old: Places, new: Places) -> Iterator[str]:
        for status in old:
            if status not in new:
                yield f"{status} is gone"
            else:
                # Clients receive what the new document says, so it is the one that has to fit.
                yield from _each_medium(
                    status, old[status], new[status], lambda old, new, at: self.got.misfits(new, old, at)
                )
        yield from (f"{status} is new" for status in new if status not in old and status < "400")


def _parameters(operation: Operation) -> Places:
    return {f"{one['in']}/{one['name']}": one for one in operation.get("parameters", ())}


def _required_now(old: Places, new: Places) -> Iterator[str]:
    for place, parameter in new.items():
        if parameter.get("required") and not old.get(place, {}).get("required"):
            yield f"{place} is required now"


def _each_medium(
    place: str, old: Places, new: Places, misfits: Callable[[Schema, Schema, str], Iterator[str]]
) -> Iterator[str]:
    after = new.get("content", {})
    for media_type, content in old.get("content", {}).items():
        if media_type not in after:
            yield f"{place} {media_type} is gone"
        else:
            yield from misfits(content.get("schema", {}), after[media_type].get("schema", {}), place)


def _is_open(operation: Operation) -> bool:
    """Whether it answers who is not signed in."""
    demands = operation.get("security", [])
    return not demands or {} in demands
