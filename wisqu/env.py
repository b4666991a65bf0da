"""Every environment variable WisQu understands: its default, its meaning and the check of its value.

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
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from environ import Env

from wisqu.envvalues import (
    boolean,
    bucket,
    database,
    file_storage,
    host_name,
    long_word,
    mail_address,
    many,
    one_of,
    origin,
    temperature,
    text,
    url,
    whole,
    word,
)

ROOT = Path(__file__).resolve().parent.parent

SHORTEST_SECRET = 50
SHORTEST_TOKEN = 16
KNOWN_SECRETS = ("django-insecure-", "changeme", "change-me", "change_me", "secret", "insecure", "your-")


class BadEnvironment(ValueError):
    """One or more variables make no sense; the message holds one line for each."""


@dataclass(frozen=True, slots=True)
class Variable:
    """How one variable is read. `debug_default` replaces `default` with DEBUG=true."""

    parse: Callable[[str], Any]
    default: str
    takes: str
    meaning: str
    debug_default: str | None = None
    required: Callable[[Mapping[str, str]], bool] = lambda _values: False
    is_list: bool = False

    def raw(self, given: str | None, *, debug: bool) -> str:
        """The text to parse. An empty list is a value (no fallback models); else empty means not set."""
        if given is not None and (given.strip() or self.is_list):
            return given.strip()
        return self.debug_default if debug and self.debug_default is not None else self.default


YES_NO = "true or false"
TOKENS = "a whole number of tokens"
WEB_URL = "a URL that begins with http:// or https://"


def is_openrouter(base_url: str) -> bool:
    """True for OpenRouter itself; other servers may need no key."""
    return "//openrouter.ai" in base_url


def _debug(values: Mapping[str, str]) -> bool:
    return values.get("DEBUG", "").strip().lower() in {"true", "1", "yes", "on"}


def _needs_key(values: Mapping[str, str]) -> bool:
    """A served site without a key could answer nobody."""
    base = values.get("OPENROUTER_BASE_URL", "").strip() or VARIABLES["OPENROUTER_BASE_URL"].default
    return not _debug(values) and is_openrouter(base)


def _charges_cards(values: Mapping[str, str]) -> bool:
    return values.get("BILLING_PROVIDER", "").strip() == "stripe"


VARIABLES: dict[str, Variable] = {
    "OPENROUTER_API_KEY": Variable(
        text, "", "a key made at https://openrouter.ai/settings/keys",
        "key for OpenRouter; empty: `make run` answers from its own sandbox", required=_needs_key),
    "OPENROUTER_BASE_URL": Variable(
        url("http", "https"), "https://openrouter.ai/api/v1", WEB_URL,
        "OpenRouter, or any server that speaks the OpenAI protocol (llama.cpp, Ollama, LiteLLM)"),
    "OPENROUTER_APP_NAME": Variable(text, "WisQu", "one line of text", "name shown in OpenRouter's reports"),
    "OPENROUTER_APP_URL": Variable(
        url("http", "https"), "http://localhost:8000", WEB_URL, "address shown in OpenRouter's reports"),
    "LLM_PROVIDER": Variable(
        one_of("openrouter"), "openrouter", "openrouter", "the protocol spoken with models: only openrouter"),
    "LLM_MODEL": Variable(
        word, "anthropic/claude-sonnet-4.5", "one model id, like anthropic/claude-sonnet-4.5",
        "model used when nobody chose one"),
    "LLM_TEMPERATURE": Variable(
        temperature, "0.7", "a number from 0 to 2", "how freely the model chooses its words"),
    "LLM_MAX_TOKENS": Variable(
        whole(1, 1_000_000), "4096", f"{TOKENS} from 1 to 1000000", "longest answer, in tokens"),
    "TITLE_MODEL": Variable(
        word, "", "one model id, like openai/gpt-4o-mini, or nothing",
        "model that writes the titles of conversations; empty: the cheapest that suits"),
    "PROMPT_CACHING_ENABLED": Variable(
        boolean, "true", YES_NO, "mark a prompt's unchanging start, so that it is billed at the cache price"),
    "CACHE_CONTROL_STRATEGY": Variable(
        one_of("auto", "system", "off"), "auto", "auto, system or off",
        "where cache marks go: auto (system prompt and history), system (only that), off"),
    "CACHE_MIN_TOKENS": Variable(
        whole(0, 1_000_000), "1024", f"{TOKENS} from 0 to 1000000", "shortest text worth a cache mark"),
    "MODEL_ROUTING_ENABLED": Variable(
        boolean, "true", YES_NO, "let OpenRouter choose the provider and fall back to other models"),
    "DEFAULT_FALLBACK_MODELS": Variable(
        many(word), "openai/gpt-4o-mini,google/gemini-2.5-flash", "model ids parted by commas, or nothing",
        "models tried in this order when the first can't answer", is_list=True),
    "ROUTING_STRATEGY": Variable(
        one_of("auto", "price", "latency", "uptime"), "auto", "auto, price, latency or uptime",
        "what a provider is chosen by"),
    "FALLBACK_PRICE_FACTOR": Variable(
        whole(1, 10_000), "25", "a whole number from 1 to 10000",
        "a model that answers instead costs at most so many times what the asked one does"),
    "VERSE_LOOKUPS_ENABLED": Variable(
        boolean, "true", YES_NO,
        "answer questions that are nothing but a reference (2:255) from the text, without a model"),
    "QUOTATION_REPAIR_ENABLED": Variable(
        boolean, "true", YES_NO, "ask once more where an answer quotes the Qur'an wrongly, for plans that have it"),
    "IMAGE_GENERATION_ENABLED": Variable(boolean, "true", YES_NO, "let people make images"),
    "IMAGE_GENERATION_MODELS": Variable(
        many(word),
        "google/gemini-2.5-flash-image,google/gemini-3.1-flash-image,black-forest-labs/flux.2-pro,"
        "openai/gpt-5-image-mini", "model ids parted by commas, or nothing",
        "models that may make images; the first is the default", is_list=True),
    "USAGE_TRACKING_ENABLED": Variable(
        boolean, "true", YES_NO, "keep what each answer used and cost, for the reports"),
    "TRACK_USER_IDS": Variable(
        boolean, "true", YES_NO, "send OpenRouter a stable pseudonym of the person (never name or e-mail)"),
    "SECRET_KEY": Variable(
        text, "", f"at least {SHORTEST_SECRET} random characters (openssl rand -base64 48)",
        "signs sessions and tokens; empty with DEBUG=true: made once and kept in var/secret_key",
        required=lambda values: not _debug(values)),
    "DEBUG": Variable(
        boolean, "false", YES_NO, "development settings; not set: false, but `make run` uses true"),
    "ALLOWED_HOSTS": Variable(
        many(host_name), "localhost,127.0.0.1,[::1]", "host names parted by commas, without scheme or port",
        "names this site is reached by", is_list=True),
    "CSRF_TRUSTED_ORIGINS": Variable(
        many(origin), "", "origins parted by commas, like https://chat.example.org",
        "origins whose pages may post forms (behind a proxy: the public address)", is_list=True),
    "DATABASE_URL": Variable(
        database, "sqlite:///var/wisqu.sqlite3", "sqlite:///path or postgres://user:password@host:port/name",
        "the database; a relative SQLite path begins at the project"),
    "REDIS_URL": Variable(
        url("redis", "rediss"), "", "redis://host:port/number or rediss://…",
        "cache, live events and job queue shared by several machines; empty: files under var/"),
    "CELERY_BROKER_URL": Variable(
        url("redis", "rediss", "amqp", "amqps"), "", "redis://…, rediss://…, amqp://… or amqps://…",
        "job queue; empty: REDIS_URL, or files under var/broker without it"),
    "BILLING_PROVIDER": Variable(
        one_of("sandbox", "manual", "stripe"), "manual", "sandbox (only with DEBUG=true), manual or stripe",
        "how people pay; empty: sandbox with DEBUG=true, else manual", debug_default="sandbox"),
    "STRIPE_SECRET_KEY": Variable(
        word, "", "Stripe's secret key, sk_…", "needed with BILLING_PROVIDER=stripe",
        required=_charges_cards),
    "STRIPE_WEBHOOK_SECRET": Variable(
        word, "", "the signing secret of the webhook, whsec_…", "needed with BILLING_PROVIDER=stripe",
        required=_charges_cards),
    "STRIPE_API_BASE": Variable(
        url("http", "https"), "https://api.stripe.com", WEB_URL, "Stripe's address; another one for tests"),
    "EMAIL_URL": Variable(
        url("smtp", "smtps", "smtp+tls", "smtp+ssl", "consolemail", "filemail", "memorymail", "dummymail",
            host=False),
        "smtp://localhost:25", "smtp://user:password@host:port, smtp+tls://…, smtp+ssl://… or consolemail://",
        "how mail leaves; empty: the console with DEBUG=true, else smtp://localhost:25",
        debug_default="consolemail://"),
    "SUPPORT_EMAIL": Variable(
        mail_address, "", "an address like support@example.org",
        "where questions to support are mailed, and replies go; empty: they are answered in the admin"),
    "SUPPORT_ANSWER_HOURS": Variable(
        whole(1, 1000), "72", "a whole number of hours from 1 to 1000",
        "within what time support promises an answer"),
    "SUPPORT_PRIORITY_ANSWER_HOURS": Variable(
        whole(1, 1000), "12", "a whole number of hours from 1 to 1000",
        "the same for plans with priority support"),
    "STAFF_SECOND_FACTOR": Variable(
        boolean, "true", YES_NO, "the console opens only to a second factor; empty: false with DEBUG=true, else true",
        debug_default="false"),
    "SENTRY_DSN": Variable(
        url("http", "https"), "", "the DSN of a Sentry project", "where crashes are reported; empty: nowhere"),
    "OTEL_EXPORTER_OTLP_ENDPOINT": Variable(
        url("http", "https"), "", "the base URL of an OTLP/HTTP collector, like http://collector:4318",
        "where traces are sent; empty: there are none"),
    "MONITORING_TOKEN": Variable(
        long_word, "", f"at least {SHORTEST_TOKEN} characters without blanks",
        "who shows it may read /health/detailed and /health/metrics; empty: only staff the first, anybody the second"),
    "LOG_LEVEL": Variable(
        one_of("DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL"), "INFO",
        "DEBUG, INFO, WARNING, ERROR or CRITICAL", "how much is logged"),
    "LOG_FORMAT": Variable(
        one_of("json", "console"), "json", "json or console",
        "shape of a log line; empty: console with DEBUG=true, else json", debug_default="console"),
    "FILE_STORAGE_URL": Variable(
        file_storage, "file:var/files",
        "file:folder/in/the/project, file:///absolute/folder or s3://key:secret@host/bucket?region=name",
        "where images and uploaded files are kept: a folder, or a bucket of any S3-compatible service"),
    "FILE_SERVING": Variable(
        one_of("app", "x-accel", "signed"), "app", "app, x-accel (with a folder) or signed (with a bucket)",
        "who sends files to their owners: app, x-accel (nginx, told by a header), signed (the bucket's own addresses)"),
    "ATTACHMENT_MAX_MB": Variable(
        whole(1, 100), "20", "a whole number of megabytes from 1 to 100", "the largest file that may be attached"),
    "ATTACHMENT_MAX_FILES": Variable(
        whole(1, 20), "10", "a whole number from 1 to 20", "how many files a question may have"),
    "ATTACHMENT_MAX_PAGES": Variable(
        whole(1, 5_000), "300", "a whole number from 1 to 5000", "how many pages a PDF may have"),
    "ATTACHMENT_STORAGE_MB": Variable(
        whole(1, 1_000_000), "1000", "a whole number of megabytes from 1 to 1000000",
        "how much of a person's files is kept"),
    "TRANSCRIPTION_MODEL": Variable(
        word, "openai/whisper-1", "a model id of OpenRouter's transcription endpoint", "puts recordings into words"),
    "AUDIO_MAX_MINUTES": Variable(
        whole(1, 600), "60", "a whole number of minutes from 1 to 600", "how long a recording may be"),
    "PDF_ENGINE": Variable(
        one_of("auto", "native", "cloudflare-ai", "mistral-ocr"), "auto",
        "auto, native, cloudflare-ai or mistral-ocr",
        "what reads a PDF for a model: auto (the cheapest that can), the model itself, or one of OpenRouter's parsers"),
    "RETENTION_DAYS": Variable(
        whole(0, 36_500), "0", "a whole number of days from 0 to 36500",
        "conversations in which nothing was said for so long are deleted; 0: they are kept"),
    "SHUTDOWN_NOTICE_SECONDS": Variable(
        whole(0, 300), "5", "a whole number of seconds from 0 to 300",
        "how long a process that is to end still takes requests, while balancers notice; 0 with DEBUG=true",
        debug_default="0"),
    "SHUTDOWN_GRACE_SECONDS": Variable(
        whole(0, 600), "20", "a whole number of seconds from 0 to 600",
        "how long answers may go on after that; 0 with DEBUG=true", debug_default="0"),
}  # fmt: skip


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
    log_level: str
    log_format: str
    file_storage_url: str
    file_serving: str
    attachment_max_mb: int
    attachment_max_files: int
    attachment_max_pages: int
    attachment_storage_mb: int
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
    debug = _debug(environ)
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
