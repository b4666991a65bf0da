"""Valid instances of a JSON schema: the structured answers of the sandbox, the same for the same question."""

import hashlib
import math
from typing import Any

from wisqu.sandbox.patterns import matching

_DEPTH = 24
_FULL_DEPTH = 4  # below it only what is required is made, so that recursive schemas end soon
_MOST_VALUES = 5000
_WORDS = {
    "en": ("sample", "answer", "light", "garden", "river", "book"),
    "ar": ("نموذج", "جواب", "نور", "حديقة", "نهر", "كتاب"),
    "fa": ("نمونه", "پاسخ", "نور", "باغ", "رود", "کتاب"),
    "ur": ("نمونہ", "جواب", "روشنی", "باغ", "دریا", "کتاب"),
}
_FORMATS = {
    "date": "2026-11-22",
    "date-time": "2026-11-22T10:00:00Z",
    "time": "10:00:00Z",
    "duration": "PT5M",
    "email": "reader@example.org",
    "hostname": "example.org",
    "ipv4": "192.0.2.1",
    "ipv6": "2001:db8::1",
    "uri": "https://example.org/sample",
    "uri-reference": "/sample",
    "uuid": "0192f0c1-7e3a-7b1e-9c55-0123456789ab",
    "regex": "^a+$",
}
_INFERRED = (
    ("object", ("properties", "required", "additionalProperties")),
    ("array", ("items", "prefixItems", "minItems")),
    ("string", ("minLength", "maxLength", "pattern", "format")),
    ("number", ("minimum", "maximum", "multipleOf")),
)


class Unsatisfiable(Exception):
    """The schema asks for what this generator cannot make."""


class Instances:
    """Makes instances of one root schema."""

    def __init__(self, root: dict[str, Any], *, language: str, seed: str) -> None:
        self._root = root
        self._words = _WORDS[language]
        self._made = 0
        self._count = hashlib.blake2b(seed.encode("utf-8", "surrogatepass")).digest()[0]

    def make(self) -> Any:
        """An instance of the root. Raises Unsatisfiable."""
        return self._make(self._root, 0)

    def _make(self, schema: Any, depth: int) -> Any:
        self._made += 1
        if schema is False or depth > _DEPTH or self._made > _MOST_VALUES:
            raise Unsatisfiable("no value is allowed here, or the schema never ends")
        if schema is True or schema == {}:
            return self._word()
        schema = self._resolved(schema, depth)
        for name in ("const", "default"):
            if name in schema:
                return schema[name]
        if schema.get("enum"):
            return schema["enum"][self._next() % len(schema["enum"])]
        return self._typed(schema, depth)

    def _typed(self, schema: dict[str, Any], depth: int) -> Any:
        kind = schema.get("type") or _inferred(schema)
        if isinstance(kind, list):
            kind = next((each for each in kind if each != "null"), "null")
        if kind == "object":
            return self._object(schema, depth)
        if kind == "array":
            return self._array(schema, depth)
        if kind in ("integer", "number"):
            return self._number(schema, whole=kind == "integer")
        simple = {"boolean": self._next() % 2 == 0, "null": None}
        return simple[kind] if kind in simple else self._string(schema)

    def _resolved(self, schema: dict[str, Any], depth: int) -> dict[str, Any]:
        """The schema with references followed, `allOf` merged and the first possible alternative taken."""
        for _ in range(_DEPTH):
            if "$ref" in schema:
                rest = {name: value for name, value in schema.items() if name != "$ref"}
                schema = {**self._referred(schema["$ref"]), **rest}
            elif "allOf" in schema:
                parts = schema["allOf"]
                schema = {name: value for name, value in schema.items() if name != "allOf"}
                for part in parts:
                    schema = _merged(schema, self._resolved(part, depth + 1))
            elif "anyOf" in schema or "oneOf" in schema:
                schema = self._alternative(schema, depth)
            else:
                return schema
        raise Unsatisfiable("the references never end")

    def _alternative(self, schema: dict[str, Any], depth: int) -> dict[str, Any]:
        name = "anyOf" if "anyOf" in schema else "oneOf"
        rest = {key: value for key, value in schema.items() if key != name}
        # A null last: an optional field is worth more when it is filled, unless that never ends.
        options = sorted(schema[name], key=lambda each: isinstance(each, dict) and each.get("type") == "null")
        if depth > _FULL_DEPTH:
            options.reverse()
        for option in options:
            candidate = _merged(rest, option) if isinstance(option, dict) else rest
            try:
                self._make(candidate, depth + 1)
            except Unsatisfiable:
                continue
            return candidate
        raise Unsatisfiable("no alternative can be met")

    def _referred(self, reference: Any) -> dict[str, Any]:
        found: Any = self._root
        if not isinstance(reference, str) or not reference.startswith("#"):
            raise Unsatisfiable(f"only references into the schema itself are followed, not {reference!r}")
        for step in reference.removeprefix("#").strip("/").split("/"):
            name = step.replace("~1", "/").replace("~0", "~")
            if name:
                found = found.get(name) if isinstance(found, dict) else None
        if not isinstance(found, dict):
            raise Unsatisfiable(f"{reference!r} leads nowhere")
        return found

    def _object(self, schema: dict[str, Any], depth: int) -> dict[str, Any]:
        required = list(schema.get("required", ()))
        made: dict[str, Any] = {}
        for name, part in schema.get("properties", {}).items():
            if depth > _FULL_DEPTH and name not in required:
                continue
            try:
                made[name] = self._make(part, depth + 1)
            except Unsatisfiable:
                if name in required:
                    raise
        extra = schema.get("additionalProperties", True)
        for name in required:
            if name not in made:
                made[name] = self._make(extra, depth + 1)
        while len(made) < schema.get("minProperties", 0):
            made[f"field{len(made) + 1}"] = self._make(extra, depth + 1)
        most = schema.get("maxProperties")
        for name in list(made):
            if most is not None and len(made) > most and name not in required:
                del made[name]
        return made

    def _array(self, schema: dict[str, Any], depth: int) -> list[Any]:
        least, most = schema.get("minItems", 0), schema.get("maxItems", math.inf)
        made = [self._make(part, depth + 1) for part in schema.get("prefixItems", ())]
        items = schema.get("items", True)
        unique = schema.get("uniqueItems", False)
        wanted = max(least, min(2 if depth < _FULL_DEPTH else 0, most))
        for _ in range(20 * (wanted + 1)):
            if len(made) >= wanted or items is False:
                break
            try:
                value = self._make(items, depth + 1)
            except Unsatisfiable:
                break
            if not unique or value not in made:
                made.append(value)
        if len(made) < least:
            raise Unsatisfiable("not enough items can be made")
        return made

    def _number(self, schema: dict[str, Any], *, whole: bool) -> int | float:
        low, high = schema.get("minimum"), schema.get("maximum")
        above, below = schema.get("exclusiveMinimum"), schema.get("exclusiveMaximum")
        step = schema.get("multipleOf") or (1 if whole else None)
        if low is None:
            low = (
                above
                if above is not None
                else min(0, *(each for each in (high, below) if each is not None), 0)
            )
        if step is None:
            ends = [each for each in (high, below) if each is not None]
            value: float = (low + min(ends)) / 2 if ends else low + self._next() % 7 + 0.5
            return value
        found = math.ceil(low / step) * step
        while above is not None and found <= above:
            found += step
        spread = found + step * (self._next() % 7)
        if (high is None or spread <= high) and (below is None or spread < below):
            found = spread
        if (high is not None and found > high) or (below is not None and found >= below):
            raise Unsatisfiable("no number fits")
        return int(found) if whole else found

    def _string(self, schema: dict[str, Any]) -> str:
        if "pattern" in schema:
            return self._patterned(schema)
        if schema.get("format") in _FORMATS:
            return _FORMATS[schema["format"]]
        least, most = schema.get("minLength", 0), schema.get("maxLength", math.inf)
        text = self._phrase()
        while len(text) < least:
            text += f" {self._phrase()}"
        return text if len(text) <= most else text[: int(most)]

    def _patterned(self, schema: dict[str, Any]) -> str:
        least, most = schema.get("minLength", 0), schema.get("maxLength", math.inf)
        for repeats in range(64):
            text = matching(schema["pattern"], repeats=repeats)
            if text is not None and least <= len(text) <= most:
                return text
        raise Unsatisfiable("no text of that length matches the pattern")

    def _next(self) -> int:
        self._count += 1
        return self._count

    def _phrase(self) -> str:
        """Two words; some dozens of calls never give the same two."""
        count, many = self._next(), len(self._words)
        return f"{self._words[count % many]} {self._words[count // many % many]}"

    def _word(self) -> str:
        return self._words[self._next() % len(self._words)]


def _inferred(schema: dict[str, Any]) -> str:
    """The type a schema means when it names none."""
    return next((kind for kind, names in _INFERRED if any(name in schema for name in names)), "string")


def _merged(left: dict[str, Any], right: dict[str, Any]) -> dict[str, Any]:
    merged = {**left, **right}
    if "properties" in left and "properties" in right:
        merged["properties"] = {**left["properties"], **right["properties"]}
    if "required" in left or "required" in right:
        merged["required"] = [*dict.fromkeys([*left.get("required", ()), *right.get("required", ())])]
    return merged
