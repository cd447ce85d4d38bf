"""Whether all that one JSON Schema allows is allowed by another, as far as FastAPI and Pydantic write schemas."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

Schema = Mapping[str, Any]

AT_MOST = ("maximum", "exclusiveMaximum", "maxLength", "maxItems", "maxProperties")
AT_LEAST = ("minimum", "exclusiveMinimum", "minLength", "minItems", "minProperties")
EXACTLY = (
    *("pattern", "format", "multipleOf", "uniqueItems", "contentMediaType", "contentEncoding"),
    # Whoever makes use of these has to write their rules; until then any change of them counts.
    *("allOf", "not", "if", "then", "else", "contains", "prefixItems", "propertyNames", "patternProperties"),
    *("dependentRequired", "dependentSchemas", "unevaluatedItems", "unevaluatedProperties"),
)


@dataclass(frozen=True, slots=True)
class Fit:
    """What a schema of one document allows beyond a schema of another one.

    To clients who send, the old schema is the inner one: what it allowed, the new one must allow. To clients who
    receive, it is the outer one: what the new one may say, the old one must have said. A field that is gone is
    missed by both.
    """

    inner: Schema
    outer: Schema
    old_is_inner: bool

    def misfits(self, inner: Schema, outer: Schema, place: str, seen: frozenset[Any] = frozenset()) -> Iterator[str]:
        """Each as its place and what is wrong there."""
        pair = (inner.get("$ref"), outer.get("$ref"))
        if pair in seen:
            return  # a schema that contains itself
        if any(pair):
            seen |= {pair}
        inner, outer = resolve(self.inner, inner), resolve(self.outer, outer)
        if options := alternatives(inner):
            for option in options:
                yield from self.misfits(option, outer, place, seen)
        elif options := alternatives(outer):
            yield from min((list(self.misfits(inner, option, place, seen)) for option in options), key=len)
        else:
            yield from (f"{place} {reason}" for reason in self._between_values(inner, outer))
            yield from self._within_lists(inner, outer, place, seen)
            yield from self._within_objects(inner, outer, place, seen)

    def _within_lists(self, inner: Schema, outer: Schema, place: str, seen: frozenset[Any]) -> Iterator[str]:
        if "items" in outer:
            yield from self.misfits(inner.get("items", {}), outer["items"], f"{place}/*", seen)

    def _within_objects(self, inner: Schema, outer: Schema, place: str, seen: frozenset[Any]) -> Iterator[str]:
        fields, others = inner.get("properties", {}), outer.get("properties", {})
        gone = fields.keys() - others.keys() if self.old_is_inner else others.keys() - fields.keys()
        yield from (f"{place}/{name} is gone" for name in sorted(gone))
        for name in sorted({*outer.get("required", ())} - {*inner.get("required", ())} - gone):
            yield f"{place}/{name} is required now" if self.old_is_inner else f"{place}/{name} may be missing now"
        for name in sorted(fields.keys() & others.keys()):
            yield from self.misfits(fields[name], others[name], f"{place}/{name}", seen)
        more, other_more = (_others(one) for one in (inner, outer))
        if more is not None and other_more:
            yield from self.misfits(more, other_more, f"{place}/*", seen)
        elif more is not None and other_more is None and self.old_is_inner:
            yield f"{place} refuses unknown fields"

    def _between_values(self, inner: Schema, outer: Schema) -> Iterator[str]:
        known = values(outer)
        if known is not None:
            given = values(inner)
            if given is None:
                yield "has to be one of a few values" if self.old_is_inner else "may be any value"
            elif strangers := [value for value in given if value not in known]:
                yield f"{'refuses' if self.old_is_inner else 'may be'} {', '.join(map(repr, strangers))}"
            return
        if not _same_type(inner, outer):
            yield self._was("type", inner, outer)
            return
        if inner.get("type") == "null":
            return  # whatever bounds the other types beside it
        for keyword in (*AT_MOST, *AT_LEAST):
            if _beyond(keyword, inner.get(keyword), outer.get(keyword)):
                yield self._was(keyword, inner, outer)
        for keyword in EXACTLY:
            if keyword in outer and not _is_within(keyword, inner.get(keyword), outer[keyword]):
                yield self._was(keyword, inner, outer)

    def _was(self, keyword: str, inner: Schema, outer: Schema) -> str:
        old, new = (inner, outer) if self.old_is_inner else (outer, inner)
        return f"had {keyword} {old.get(keyword, 'of any kind')} and has {new.get(keyword, 'of any kind')}"


def resolve(document: Schema, schema: Schema) -> Schema:
    """What a reference into its own document stands for; any other schema as it is."""
    while reference := schema.get("$ref"):
        schema = document
        for name in reference.removeprefix("#/").split("/"):
            schema = schema[name]
    return schema


def alternatives(schema: Schema) -> list[Schema]:
    types: str | list[str] | None = schema.get("type")
    if types:
        return [{**schema, "type": one} for one in types] if isinstance(types, list) else []
    return [*schema.get("anyOf", ()), *schema.get("oneOf", ())]


def values(schema: Schema) -> list[Any] | None:
    """All values that it allows, where it names them."""
    named: list[Any] | None = [schema["const"]] if "const" in schema else schema.get("enum")
    return named


def _others(schema: Schema) -> Schema | None:
    """What fields without a name of their own have to be; None where there are none of them."""
    more: Schema | bool = schema.get("additionalProperties", True)
    if isinstance(more, bool):
        return {} if more else None
    return more


def _same_type(inner: Schema, outer: Schema) -> bool:
    pair = (inner.get("type"), outer.get("type"))
    return pair[1] is None or pair[0] == pair[1] or pair == ("integer", "number")


WORDS = re.compile(r"\(([\w:.-]+(?:\|[\w:.-]+)*)\)")
"""A group of a pattern that lists words: `(recipes:read|recipes:write)`."""


def _is_within(keyword: str, rule: Any, other: Any) -> bool:
    return rule == other or (keyword == "pattern" and rule is not None and _has_fewer_words(rule, other))


def _has_fewer_words(pattern: str, other: str) -> bool:
    """Whether all that tells it from the other pattern are words that it does not list."""
    one, two = WORDS.split(pattern), WORDS.split(other)
    lists = zip(one[1::2], two[1::2], strict=False)
    return "[^" not in other and one[::2] == two[::2] and all({*a.split("|")} <= {*b.split("|")} for a, b in lists)


def _beyond(keyword: str, bound: float | None, other: float | None) -> bool:
    if other is None:
        return False
    return bound is None or (bound > other if keyword in AT_MOST else bound < other)
