"""Every environment variable WisQu understands: how it is read, its default and its meaning."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from wisqu.envvalues import (
    boolean,
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

SHORTEST_SECRET = 50
SHORTEST_TOKEN = 16


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


def is_debug(values: Mapping[str, str]) -> bool:
    """Return whether these values ask for DEBUG, before anything was checked."""
    return values.get("DEBUG", "").strip().lower() in {"true", "1", "yes", "on"}


def _needs_key(values: Mapping[str, str]) -> bool:
    """A served site without a key could answer nobody."""
    base = values.get("OPENROUTER_BASE_URL", "").strip() or VARIABLES["OPENROUTER_BASE_URL"].default
    return not is_debug(values) and is_openrouter(base)


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
        required=lambda values: not is_debug(values)),
    "DEBUG": Variable(
        boolean, "false", YES_NO, "development settings; not set: false, but `make run` uses true"),
    "ALLOWED_HOSTS": Variable(
        many(host_name), "localhost,127.0.0.1,[::1]", "host names parted by commas, without scheme or port",
        "names this site is reached by; * with DEBUG=true alone", is_list=True),
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
    "WORKER_METRICS_PORT": Variable(
        whole(0, 65_535), "0", "a port from 1 to 65535, or 0",
        "where a worker tells its figures by itself, at HOST; 0: nowhere, web processes beside it tell them"),
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
    "IMPORT_MAX_MB": Variable(
        whole(2, 2_000), "64", "a whole number of megabytes from 2 to 2000",
        "the largest ZIP file of conversations that the API takes at a time"),
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
