"""The environment that WisQu runs in: its variables read and checked.

`wisqu.settings` calls `load` and turns the result into Django settings; nothing else of the product reads
`os.environ`. A value that makes no sense is refused here, in words that name the variable, so that a
mistake in `.env` is a line to correct and not a traceback.

`python -m wisqu.env` checks the environment and prints what a supervisor must know, as JSON.
"""

import json
import os
import secrets
import sys
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from environ import Env

from wisqu.envvalues import bucket
from wisqu.variables import SHORTEST_SECRET, VARIABLES, is_debug, is_openrouter

ROOT = Path(__file__).resolve().parent.parent

KNOWN_SECRETS = ("django-insecure-", "changeme", "change-me", "change_me", "secret", "insecure", "your-")


class BadEnvironment(ValueError):
    """One or more variables make no sense; the message holds one line for each."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Environment:
    """The checked values, one attribute per variable in lower case."""

    openrouter_api_key: str = field(repr=False)
    openrouter_base_url: str
    openrouter_app_name: str
    openrouter_app_url: str
    llm_provider: str
    llm_model: str
    llm_temperature: float
    llm_max_tokens: int
    title_model: str
    prompt_caching_enabled: bool
    cache_control_strategy: str
    cache_min_tokens: int
    model_routing_enabled: bool
    default_fallback_models: tuple[str, ...]
    routing_strategy: str
    fallback_price_factor: int
    verse_lookups_enabled: bool
    quotation_repair_enabled: bool
    image_generation_enabled: bool
    image_generation_models: tuple[str, ...]
    usage_tracking_enabled: bool
    track_user_ids: bool
    secret_key: str = field(repr=False)
    debug: bool
    allowed_hosts: tuple[str, ...]
    csrf_trusted_origins: tuple[str, ...]
    database_url: str = field(repr=False)
    redis_url: str = field(repr=False)
    celery_broker_url: str = field(repr=False)
    billing_provider: str
    stripe_secret_key: str = field(repr=False)
    stripe_webhook_secret: str = field(repr=False)
    stripe_api_base: str
    email_url: str = field(repr=False)
    support_email: str
    support_answer_hours: int
    support_priority_answer_hours: int
    staff_second_factor: bool
    sentry_dsn: str = field(repr=False)
    otel_exporter_otlp_endpoint: str
    monitoring_token: str = field(repr=False)
    worker_metrics_port: int
    log_level: str
    log_format: str
    file_storage_url: str
    file_serving: str
    attachment_max_mb: int
    attachment_max_files: int
    attachment_max_pages: int
    attachment_storage_mb: int
    import_max_mb: int
    transcription_model: str
    audio_max_minutes: int
    pdf_engine: str
    retention_days: int
    shutdown_notice_seconds: int
    shutdown_grace_seconds: int

    def database(self, *, root: Path = ROOT) -> dict[str, Any]:
        """Django's DATABASES entry; a relative SQLite path is taken from `root`, its folder made."""
        if self.database_url.startswith("sqlite:"):
            # Env.db_url_config drops the slash of an absolute path unless it is doubled.
            name = self.database_url.removeprefix("sqlite:").split("?", 1)[0]
            path = root / (name[3:] if name.startswith("///") else name)
            path.parent.mkdir(parents=True, exist_ok=True)
            return {"ENGINE": "django.db.backends.sqlite3", "NAME": str(path)}
        return dict(Env.db_url_config(self.database_url))

    def email(self) -> dict[str, Any]:
        """Django's EMAIL_* settings."""
        return {key: value for key, value in Env.email_url_config(self.email_url).items() if key.isupper()}

    def file_storage(self, *, root: Path = ROOT) -> dict[str, Any]:
        """Django's STORAGES entry for files; a relative folder is taken from `root`."""
        parts = urlsplit(self.file_storage_url)
        if parts.scheme == "file":
            options: dict[str, Any] = {"location": root / parts.path, "base_url": None}
            options |= {"file_permissions_mode": 0o600, "directory_permissions_mode": 0o700}
            return {"BACKEND": "django.core.files.storage.FileSystemStorage", "OPTIONS": options}
        return {"BACKEND": "storages.backends.s3.S3Storage", "OPTIONS": bucket(self.file_storage_url)}

    def file_origins(self) -> list[str]:
        """The origins besides our own that pages show files from."""
        return [bucket(self.file_storage_url)["endpoint_url"]] if self.file_serving == "signed" else []


def read(environ: Mapping[str, str], *, root: Path = ROOT) -> Environment:
    """Check `environ` and fill in defaults. Raises BadEnvironment with one line per wrong variable."""
    debug = is_debug(environ)
    values: dict[str, Any] = {}
    problems: list[str] = []
    for name, variable in VARIABLES.items():
        raw = variable.raw(environ.get(name), debug=debug)
        try:
            values[name.lower()] = variable.parse(raw) if raw or variable.is_list else ""
        except ValueError:
            problems.append(f"{name}={_shown(name, raw)} makes no sense: it takes {variable.takes}.")
    if "debug" in values:
        problems += _missing(environ, values) + _contradictions(values)
    if problems:
        raise BadEnvironment("\n".join(problems))
    if not values["secret_key"]:
        values["secret_key"] = kept_secret(var_folder(root=root) / "secret_key")
    return Environment(**values)


def _shown(name: str, value: str) -> str:
    """The value as it may be repeated on a screen: no keys, no passwords in addresses."""
    if any(part in name.split("_") for part in ("KEY", "SECRET", "DSN", "TOKEN")) or "@" in value:
        return "…"
    return repr(value if len(value) <= 80 else value[:79] + "…")


def _missing(environ: Mapping[str, str], values: Mapping[str, Any]) -> list[str]:
    return [
        f"{name} is missing: it takes {variable.takes}."
        for name, variable in VARIABLES.items()
        if values.get(name.lower()) == "" and variable.required(environ)
    ]


def _contradictions(values: Mapping[str, Any]) -> list[str]:
    """What is wrong with values that are each right by themselves."""
    problems = []
    serving, is_bucket = values.get("file_serving"), values.get("file_storage_url", "").startswith("s3")
    if (serving == "signed" and not is_bucket) or (serving == "x-accel" and is_bucket):
        suited = VARIABLES["FILE_SERVING"].takes
        problems.append(f"FILE_SERVING={serving!r} does not suit FILE_STORAGE_URL: it takes {suited}.")
    if values["debug"]:
        return problems
    secret = values.get("secret_key")
    if secret and _is_weak(secret):
        problems.append(f"SECRET_KEY is weak: with DEBUG=false it takes {VARIABLES['SECRET_KEY'].takes}.")
    if "*" in values.get("allowed_hosts", ()):
        problems.append("ALLOWED_HOSTS=* lets strangers say where links in mails lead: name the hosts.")
    if values.get("billing_provider") == "sandbox":
        problems.append("BILLING_PROVIDER=sandbox earns nothing: with DEBUG=false it takes manual or stripe.")
    return problems


def _is_weak(secret: str) -> bool:
    known = any(secret.lower().startswith(start) for start in KNOWN_SECRETS)
    return known or len(secret) < SHORTEST_SECRET or len(set(secret)) < 10


def kept_secret(path: Path) -> str:
    """The development key kept in `path`, readable by its owner alone; made when it is not there yet."""
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        new = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
        with os.fdopen(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
            file.write(secrets.token_urlsafe(64))
        try:
            # A link fails when another process was first: all of them then read the same key.
            path.hardlink_to(new)
        except FileExistsError:
            pass
        finally:
            new.unlink()
    return path.read_text().strip()


def merged(environ: Mapping[str, str], *, file: Path) -> dict[str, str]:
    """`environ` over what `file` (a .env) says."""

    class Merged(Env):
        ENVIRON = dict(environ)

    if file.is_file():
        Merged.read_env(file)
    return Merged.ENVIRON


def var_folder(*, root: Path = ROOT) -> Path:
    """Where everything lies that WisQu writes by itself; WISQU_VAR names another folder (tests do)."""
    return Path(os.environ.get("WISQU_VAR", root / "var"))


def env_file(*, root: Path = ROOT) -> Path:
    """The `.env` to read; WISQU_ENV_FILE names another one (tests read none)."""
    return Path(os.environ.get("WISQU_ENV_FILE", root / ".env"))


def version(*, root: Path = ROOT) -> str:
    """Return the product's version, as pyproject.toml names it."""
    found: str = tomllib.loads((root / "pyproject.toml").read_text())["project"]["version"]
    return found


def load(*, root: Path = ROOT) -> Environment:
    """Read the environment of this process over `.env`. Raises BadEnvironment."""
    return read(merged(os.environ, file=env_file(root=root)), root=root)


def main() -> int:
    """Print what a supervisor must know before a start; exit status 2 for a wrong environment."""
    environ = merged(os.environ, file=env_file())
    base = environ.get("OPENROUTER_BASE_URL", "").strip() or VARIABLES["OPENROUTER_BASE_URL"].default
    needs_sandbox = not environ.get("OPENROUTER_API_KEY", "").strip() and is_openrouter(base)
    if needs_sandbox:
        environ["OPENROUTER_API_KEY"] = "sk-or-sandbox"
    try:
        environment = read(environ)
    except BadEnvironment as bad:
        sys.stderr.write(f"{bad}\n")
        return 2
    is_embedded = environment.database_url.startswith("sqlite:")
    facts = {
        "needs_sandbox": needs_sandbox,
        "database": environment.database()["NAME"] if is_embedded else "",
        "debug": environment.debug,
        "host": next((host for host in environment.allowed_hosts if host[0] not in "*."), "localhost"),
    }
    sys.stdout.write(json.dumps(facts) + "\n")
    return 0


# A variable without an attribute, or the other way round, is a mistake of ours: found at import.
assert [name.lower() for name in VARIABLES] == [field.name for field in fields(Environment)]

if __name__ == "__main__":
    raise SystemExit(main())
