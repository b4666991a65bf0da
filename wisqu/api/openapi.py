"""One OpenAPI 3.1 document for both frameworks: drf-spectacular renders its views, this hook adds ninja's."""

from __future__ import annotations

from typing import Any

from django.utils.module_loading import import_string

PROBLEM_SCHEMA: dict[str, Any] = {
    "type": "object",
    "description": "What went wrong, as RFC 9457 describes it.",
    "required": ["type", "title", "status", "detail", "code", "request_id"],
    "properties": {
        "type": {"type": "string"},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "detail": {"type": "string"},
        "code": {"type": "string"},
        "request_id": {"type": "string"},
        "errors": {
            "type": "array",
            "items": {
                "type": "object",
                "required": ["field", "code", "detail"],
                "properties": {name: {"type": "string"} for name in ("field", "code", "detail")},
            },
        },
    },
}
_METHODS = ("get", "post", "put", "patch", "delete")


def add_ninja_paths(result: dict[str, Any], generator: Any, request: Any, public: bool) -> dict[str, Any]:
    """Add the paths and components of ninja to the document; refuse one that both frameworks claim.

    Raises ValueError for a path or component that is there already.
    """
    ninja = import_string("wisqu.root.ninja_api").get_openapi_schema(path_prefix="/api/v1/")
    _merge(result["paths"], ninja["paths"], what="path")
    schemas = result.setdefault("components", {}).setdefault("schemas", {})
    _merge(schemas, ninja.get("components", {}).get("schemas", {}), what="component")
    schemas["Problem"] = PROBLEM_SCHEMA
    schemes = result["components"].setdefault("securitySchemes", {})
    schemes.update(SECURITY_SCHEMES)
    for path in ninja["paths"]:
        for operation in _operations(result["paths"][path]):
            operation["security"] = [] if "health" in operation.get("tags", []) else SECURITY
    for item in result["paths"].values():
        for operation in _operations(item):
            operation.setdefault("security", [])  # said aloud: anybody may call it
            operation["responses"].setdefault("default", _PROBLEM_RESPONSE)
    result["paths"] = dict(sorted(result["paths"].items()))
    return result


SECURITY_SCHEMES = {
    "bearer": {
        "type": "http",
        "scheme": "bearer",
        "description": "A JWT access token from /auth/token, or an API key (wq_...).",
    },
    "session": {
        "type": "apiKey",
        "in": "cookie",
        "name": "sessionid",
        "description": "The site's own pages.",
    },
}
SECURITY: list[dict[str, list[str]]] = [{"bearer": []}, {"session": []}]
_PROBLEM_RESPONSE = {
    "description": "A refusal or a failure.",
    "content": {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}},
}


def _operations(item: dict[str, Any]) -> list[dict[str, Any]]:
    return [item[method] for method in _METHODS if method in item]


def _merge(target: dict[str, Any], source: dict[str, Any], *, what: str) -> None:
    for name, value in source.items():
        if name in target:
            raise ValueError(f"both frameworks define the {what} {name}")
        target[name] = value
