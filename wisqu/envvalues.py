"""Parsers of single environment values: each returns what the text means, or raises ValueError."""

import re
from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

from environ import Env


def text(value: str) -> str:
    if any(character in value for character in "\0\r\n"):
        raise ValueError
    return value


def word(value: str) -> str:
    """A name such as a model id: no blanks, nothing unprintable."""
    if not value.isprintable() or not re.fullmatch(r"[^\s,]{1,200}", value):
        raise ValueError
    return value


def long_word(value: str) -> str:
    """A secret that nobody guesses."""
    if len(value) < 16:
        raise ValueError
    return word(value)


def mail_address(value: str) -> str:
    if not re.fullmatch(r"[^\s@,<>\"]{1,64}@[^\s@,<>\"]{1,250}", value):
        raise ValueError
    return value


def boolean(value: str) -> bool:
    # Env.bool takes every unknown word for False: a typing error must not switch something off silently.
    if value.lower() not in {"true", "false", "1", "0", "yes", "no", "on", "off"}:
        raise ValueError
    return bool(Env.parse_value(value, bool))


def whole(least: int, most: int) -> Callable[[str], int]:
    def parse(value: str) -> int:
        if not re.fullmatch(r"[0-9]{1,12}", value) or not least <= int(value) <= most:
            raise ValueError
        return int(value)

    return parse


def temperature(value: str) -> float:
    if not re.fullmatch(r"[0-9]+(\.[0-9]+)?", value) or not 0 <= float(value) <= 2:
        raise ValueError
    return float(value)


def one_of(*choices: str) -> Callable[[str], str]:
    def parse(value: str) -> str:
        if value not in choices:
            raise ValueError
        return value

    return parse


def many(parse_one: Callable[[str], str]) -> Callable[[str], tuple[str, ...]]:
    """Values parted by commas; an empty value means none."""

    def parse(value: str) -> tuple[str, ...]:
        return tuple(parse_one(one.strip()) for one in value.split(",") if one.strip())

    return parse


def url(*schemes: str, host: bool = True) -> Callable[[str], str]:
    def parse(value: str) -> str:
        parts = urlsplit(word(value))
        if parts.scheme not in schemes or (host and not parts.hostname):
            raise ValueError
        _ = parts.port  # raises ValueError when it is not a number
        return value.rstrip("/") if parts.scheme in {"http", "https"} else value

    return parse


def origin(value: str) -> str:
    parts = urlsplit(url("http", "https")(value))
    if parts.path.strip("/") or parts.query or parts.fragment or parts.username:
        raise ValueError
    return f"{parts.scheme}://{parts.netloc}"


def host_name(value: str) -> str:
    if not re.fullmatch(r"\*|\.?[A-Za-z0-9_-]+(\.[A-Za-z0-9_-]+)*|\[[0-9A-Fa-f:.]+\]", value):
        raise ValueError
    return value


def database(value: str) -> str:
    parts = urlsplit(word(value))
    if parts.scheme == "sqlite":
        if parts.netloc or not parts.path.strip("/"):
            raise ValueError
        return value
    checked = url("postgres", "postgresql", "pgsql")(value)
    if not parts.path.strip("/"):
        raise ValueError
    return checked


def file_storage(value: str) -> str:
    """A folder, or a bucket: `s3://key:secret@host/bucket/folder?region=name` (`s3+http` without TLS)."""
    parts = urlsplit(value)
    if parts.scheme in ("s3", "s3+http"):
        url("s3", "s3+http")(value)
        options = parse_qs(parts.query, strict_parsing=bool(parts.query))
        if not parts.path.strip("/") or options.keys() - {"region"}:
            raise ValueError
        return value
    return url("file", host=False)(value)


def _client_config() -> Any:
    """Return how the bucket is talked to: as long as a person waits, and in words that every such service knows."""
    from botocore.config import Config  # takes a third of a second, and only buckets need it

    return Config(
        s3={"addressing_style": "path"},
        signature_version="s3v4",
        connect_timeout=5,
        read_timeout=15,
        retries={"total_max_attempts": 2, "mode": "standard"},
        # Checksums in trailers are Amazon's; others answer them with an error.
        request_checksum_calculation="when_required",
        response_checksum_validation="when_required",
    )


def bucket(value: str) -> dict[str, Any]:
    """Options of django-storages for a checked `s3:` address; without a key boto3 looks in its usual places."""
    parts = urlsplit(value)
    name, _, folder = parts.path.strip("/").partition("/")
    host = parts.netloc.rpartition("@")[2]
    scheme = "http" if parts.scheme == "s3+http" else "https"
    options: dict[str, Any] = {
        "bucket_name": name,
        "location": folder,
        "endpoint_url": f"{scheme}://{host}",
        "client_config": _client_config(),
        "signature_version": "s3v4",
        "addressing_style": "path",
        "file_overwrite": True,
        "querystring_expire": 600,
    }
    if parts.username:
        options |= {"access_key": unquote(parts.username), "secret_key": unquote(parts.password or "")}
    if region := parse_qs(parts.query).get("region"):
        options["region_name"] = region[0]
    return options
