"""Django's settings, made from the environment (`wisqu.env` reads and checks it)."""

import os
import sys
from datetime import timedelta
from pathlib import Path
from typing import Any

import environ
from csp.constants import NONCE, NONE, SELF

from wisqu import env as environment
from wisqu.logging import logging_config
from wisqu.telemetry import tracing
from wisqu.telemetry.crashes import report_crashes

BASE_DIR = Path(__file__).resolve().parent.parent
VAR_DIR = Path(os.environ.get("WISQU_VAR", BASE_DIR / "var"))

try:
    ENV = environment.load()
except environment.BadEnvironment as bad:
    print(bad, file=sys.stderr)  # noqa: T201 - one line for the operator instead of a traceback
    raise SystemExit(2) from None

DEBUG = ENV.debug
SECRET_KEY = ENV.secret_key
ALLOWED_HOSTS = list(ENV.allowed_hosts)
CSRF_TRUSTED_ORIGINS = list(ENV.csrf_trusted_origins)

# --- OpenRouter and the model -------------------------------------------------------------------
OPENROUTER_API_KEY = ENV.openrouter_api_key
OPENROUTER_BASE_URL = ENV.openrouter_base_url
OPENROUTER_APP_NAME = ENV.openrouter_app_name
OPENROUTER_APP_URL = ENV.openrouter_app_url
LLM_PROVIDER = ENV.llm_provider
LLM_MODEL = ENV.llm_model
LLM_TEMPERATURE = ENV.llm_temperature
LLM_MAX_TOKENS = ENV.llm_max_tokens
TITLE_MODEL = ENV.title_model
DEFAULT_FALLBACK_MODELS = list(ENV.default_fallback_models)
PROMPT_CACHING_ENABLED = ENV.prompt_caching_enabled
CACHE_CONTROL_STRATEGY = ENV.cache_control_strategy
CACHE_MIN_TOKENS = ENV.cache_min_tokens
MODEL_ROUTING_ENABLED = ENV.model_routing_enabled
ROUTING_STRATEGY = ENV.routing_strategy
FALLBACK_PRICE_FACTOR = ENV.fallback_price_factor
VERSE_LOOKUPS_ENABLED = ENV.verse_lookups_enabled
QUOTATION_REPAIR_ENABLED = ENV.quotation_repair_enabled
TRACK_USER_IDS = ENV.track_user_ids
IMAGE_GENERATION_ENABLED = ENV.image_generation_enabled
IMAGE_GENERATION_MODELS = list(ENV.image_generation_models)

# --- Payment ------------------------------------------------------------------------------------
BILLING_PROVIDER = ENV.billing_provider
STRIPE_SECRET_KEY = ENV.stripe_secret_key
STRIPE_WEBHOOK_SECRET = ENV.stripe_webhook_secret
STRIPE_API_BASE = ENV.stripe_api_base

# --- Apps ---------------------------------------------------------------------------------------
INSTALLED_APPS = [
    "wisqu.accounts",
    "wisqu.api",
    "billing",
    "presets",
    "quran",
    "imagery",
    "chat",
    "support",
    "analytics",
    "console.adminapp.ConsoleAdminConfig",  # Django's admin
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.messages",
    "whitenoise.runserver_nostatic",
    # Serves websockets behind `runserver`; everything else starts a second sooner without it.
    *(["daphne"] if "runserver" in sys.argv else []),
    "django.contrib.staticfiles",
    "allauth",
    "allauth.account",
    "allauth.mfa",
    "channels",
    "rest_framework",
    "drf_spectacular",
    "drf_spectacular_sidecar",
    "ninja",
    "csp",
    "console",  # last: it puts more on what the others have registered with the admin
]
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
AUTH_USER_MODEL = "accounts.User"
ROOT_URLCONF = "wisqu.urls"
ASGI_APPLICATION = "wisqu.asgi.application"

MIDDLEWARE = [
    "wisqu.api.middleware.door",
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "wisqu.api.compressing.Pages",
    "csp.middleware.CSPMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.locale.LocaleMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "allauth.account.middleware.AccountMiddleware",
    "wisqu.accounts.middleware.preferences",
]

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "django.template.context_processors.i18n",
                "csp.context_processors.nonce",
            ],
        },
    },
]

# --- Data ---------------------------------------------------------------------------------------


def _database() -> dict[str, Any]:
    """Return Django's settings of one database; each kind with the options that hold under load."""
    config = ENV.database()
    if config["ENGINE"].endswith("sqlite3"):
        config["OPTIONS"] = {
            # IMMEDIATE takes the write lock at BEGIN, so that a writer waits its turn instead of failing half-way.
            "transaction_mode": "IMMEDIATE",
            "timeout": 20,
            "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL; PRAGMA foreign_keys=ON;",
        }
    else:
        config["CONN_MAX_AGE"] = 0  # the pool keeps them
        # After an outage the pool waits longer and longer between its tries, unless it gives up early: then the next
        # request makes it try at once. A request that gets no connection answers 503 after ten seconds.
        pool = {"min_size": 2, "max_size": 20, "timeout": 10, "reconnect_timeout": 4}
        # A server that a cut cable leads to says nothing at all.
        config["OPTIONS"] = {"pool": pool, "connect_timeout": 10, "tcp_user_timeout": 15_000}
    return config


IS_EMBEDDED = ENV.database_url.startswith("sqlite")
DATABASES = {"default": _database()}
REDIS_URL = ENV.redis_url

if REDIS_URL:
    CACHES: dict[str, Any] = {
        "default": {"BACKEND": "wisqu.api.cache.ForgivingRedisCache", "LOCATION": REDIS_URL}
    }
else:
    CACHES = {
        "default": {
            "BACKEND": "django.core.cache.backends.filebased.FileBasedCache",
            "LOCATION": VAR_DIR / "cache",
        }
    }

# --- Jobs ---------------------------------------------------------------------------------------
JOB_APPLICATION = "wisqu.celery.app"
CELERY_BROKER_URL = ENV.celery_broker_url or REDIS_URL


def _every(interval: timedelta, task: str) -> dict[str, Any]:
    """Return a regular job. One that still waits when the next is due is not done any more."""
    return {"task": task, "schedule": interval, "options": {"expires": interval.total_seconds()}}


CELERY_BEAT_SCHEDULE: dict[str, Any] = {
    "close-abandoned-turns": _every(timedelta(seconds=5), "chat.tasks.close_abandoned_turns"),
    "send-due-titles": _every(timedelta(seconds=10), "chat.tasks.send_due_titles"),
    # Looks once a day; asked for more often, it makes up for a restart or a failure.
    "sync-model-catalogue": _every(timedelta(minutes=15), "presets.tasks.sync_models"),
    "tell-corrections": _every(timedelta(minutes=5), "chat.tasks.tell_corrections"),
    "clear-out-conversations": _every(timedelta(minutes=1), "chat.tasks.clear_out"),
    "let-go-of-old-conversations": _every(timedelta(days=1), "chat.tasks.let_go_of_old_conversations"),
    "catch-up-with-search": _every(timedelta(hours=1), "chat.tasks.catch_up_search"),
    "learn-conversation-habits": _every(timedelta(days=1), "chat.tasks.learn_habits"),
    "sweep-images": _every(timedelta(seconds=5), "imagery.tasks.sweep_images"),
    "pay-owed-images": _every(timedelta(seconds=15), "imagery.tasks.pay_owed_images"),
    "clear-out-images": _every(timedelta(minutes=1), "imagery.tasks.clear_out_images"),
    "sweep-image-files": _every(timedelta(hours=1), "imagery.tasks.sweep_image_files"),
    "pass-time-of-subscriptions": _every(timedelta(minutes=5), "billing.tasks.pass_time_of_subscriptions"),
    "send-billing-mails": _every(timedelta(minutes=1), "billing.tasks.send_billing_mails"),
    "handle-waiting-webhooks": _every(timedelta(minutes=1), "billing.tasks.handle_waiting_webhooks"),
    "read-attachments-on": _every(timedelta(minutes=2), "chat.tasks.read_attachments_on"),
    "sweep-attachments": _every(timedelta(hours=1), "chat.tasks.sweep_attachments"),
    "release-expired-reservations": _every(
        timedelta(minutes=1), "billing.tasks.release_expired_reservations"
    ),
    "roll-up-numbers": _every(timedelta(minutes=1), "analytics.tasks.roll_up"),
    "prove-rollups": _every(timedelta(days=1), "analytics.tasks.prove_rollups"),
    "mail-lost-usage-warnings": _every(timedelta(minutes=10), "billing.tasks.mail_lost_usage_warnings"),
    "show-that-the-clock-goes": _every(timedelta(seconds=30), "wisqu.api.tasks.show_that_the_clock_goes"),
    "forget-old-idempotency-keys": _every(timedelta(hours=1), "wisqu.api.tasks.forget_old_idempotency_keys"),
    "forget-expired-sign-ins": _every(timedelta(hours=6), "wisqu.accounts.tasks.forget_expired_sign_ins"),
}

# --- People -------------------------------------------------------------------------------------
PASSWORD_HASHERS = [
    "django.contrib.auth.hashers.Argon2PasswordHasher",
    "django.contrib.auth.hashers.PBKDF2PasswordHasher",
]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": f"django.contrib.auth.password_validation.{name}"}
    for name in ("UserAttributeSimilarityValidator", "CommonPasswordValidator")
] + [
    {
        "NAME": "django.contrib.auth.password_validation.MinimumLengthValidator",
        "OPTIONS": {"min_length": 8},
    },
]
AUTHENTICATION_BACKENDS = ["allauth.account.auth_backends.AuthenticationBackend"]
LOGIN_URL = "account_login"
LOGIN_REDIRECT_URL = "/"
LOGOUT_REDIRECT_URL = "account_login"
ACCOUNT_USER_MODEL_USERNAME_FIELD = None
ACCOUNT_LOGIN_METHODS = {"email"}
ACCOUNT_SIGNUP_FIELDS = ["email*", "password1*"]
ACCOUNT_EMAIL_VERIFICATION = "mandatory"
ACCOUNT_PREVENT_ENUMERATION = "strict"
ACCOUNT_SESSION_REMEMBER = True
ACCOUNT_LOGOUT_ON_PASSWORD_CHANGE = False
ACCOUNT_EMAIL_SUBJECT_PREFIX = ""
ACCOUNT_ADAPTER = "wisqu.accounts.adapter.Adapter"
ACCOUNT_FORMS = {
    "signup": "wisqu.accounts.forms.SignUpForm",
    "login": "wisqu.accounts.forms.SignInForm",
    "reset_password": "wisqu.accounts.forms.ForgottenForm",
    "reset_password_from_key": "wisqu.accounts.forms.NewPasswordForm",
    "change_password": "wisqu.accounts.forms.ChangePasswordForm",
    "set_password": "wisqu.accounts.forms.SetPasswordForm",
    "add_email": "wisqu.accounts.forms.ChangeAddressForm",
    "reauthenticate": "wisqu.accounts.forms.ReauthenticateForm",
}
ACCOUNT_CHANGE_EMAIL = True
ACCOUNT_EMAIL_CONFIRMATION_AUTHENTICATED_REDIRECT_URL = "/accounts/email/"
ACCOUNT_REAUTHENTICATION_REQUIRED = True
ACCOUNT_LOGIN_ON_EMAIL_CONFIRMATION = True  # only in the browser that signed up
ACCOUNT_EMAIL_NOTIFICATIONS = True
MFA_SUPPORTED_TYPES = ["totp", "recovery_codes"]
MFA_TOTP_ISSUER = "WisQu"
MFA_TOTP_TOLERANCE = 1  # half a minute either way: clocks of telephones differ
STAFF_SECOND_FACTOR = ENV.staff_second_factor

SIMPLE_JWT = {
    "ACCESS_TOKEN_LIFETIME": timedelta(minutes=15),
    "REFRESH_TOKEN_LIFETIME": timedelta(days=30),
    "ALGORITHM": "HS256",
    "SIGNING_KEY": SECRET_KEY,
    "USER_ID_FIELD": "id",
}

vars().update(environ.Env.email_url_config(ENV.email_url))
DEFAULT_FROM_EMAIL = "WisQu <no-reply@wisqu.local>"
SUPPORT_EMAIL = ENV.support_email
SUPPORT_ANSWER_HOURS = ENV.support_answer_hours
SUPPORT_PRIORITY_ANSWER_HOURS = ENV.support_priority_answer_hours

# --- API ----------------------------------------------------------------------------------------
REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": ["wisqu.accounts.auth.Authentication"],
    "DEFAULT_PERMISSION_CLASSES": ["rest_framework.permissions.IsAuthenticated"],
    "DEFAULT_RENDERER_CLASSES": ["wisqu.api.bodies.JSONRenderer"],
    "DEFAULT_PARSER_CLASSES": ["wisqu.api.bodies.StrictJSONParser"],
    "DEFAULT_PAGINATION_CLASS": "wisqu.api.pagination.CursorPagination",
    "DEFAULT_SCHEMA_CLASS": "drf_spectacular.openapi.AutoSchema",
    "EXCEPTION_HANDLER": "wisqu.api.handlers.drf_exception_handler",
    "UNAUTHENTICATED_USER": None,
    "URL_FORMAT_OVERRIDE": None,  # `format` means what each address says it means
}
SPECTACULAR_SETTINGS = {
    "TITLE": "WisQu",
    "DESCRIPTION": "A chat service on OpenRouter: the public API.",
    "VERSION": "1",
    "OAS_VERSION": "3.1.0",
    "SERVE_INCLUDE_SCHEMA": False,
    "SERVE_PERMISSIONS": ["rest_framework.permissions.AllowAny"],
    "SERVE_AUTHENTICATION": [],
    "SCHEMA_PATH_PREFIX": "/api/v1",
    "COMPONENT_SPLIT_REQUEST": True,
    "ENUM_NAME_OVERRIDES": {
        "SubscriptionStatusEnum": "billing.models.Subscription.Status",
        "TicketStatusEnum": "support.models.Ticket.Status",
    },
    "SWAGGER_UI_DIST": "SIDECAR",
    "SWAGGER_UI_FAVICON_HREF": "SIDECAR",
    "POSTPROCESSING_HOOKS": [
        "drf_spectacular.hooks.postprocess_schema_enums",
        "wisqu.api.openapi.add_ninja_paths",
    ],
}
# One request may not hold more than this in memory; the message itself is bounded much lower.
DATA_UPLOAD_MAX_MEMORY_SIZE = 2 * 1024 * 1024
MAX_MESSAGE_CHARACTERS = 200_000

# --- Files --------------------------------------------------------------------------------------
ATTACHMENT_MAX_BYTES = ENV.attachment_max_mb * 1_000_000
ATTACHMENT_MAX_FILES = ENV.attachment_max_files
ATTACHMENT_MAX_PAGES = ENV.attachment_max_pages
ATTACHMENT_STORAGE_BYTES = ENV.attachment_storage_mb * 1_000_000
IMPORT_MAX_BYTES = ENV.import_max_mb * 1_000_000
TRANSCRIPTION_MODEL = ENV.transcription_model
AUDIO_MAX_MINUTES = ENV.audio_max_minutes
PDF_ENGINE = ENV.pdf_engine
# Where a request of this type may be larger than DATA_UPLOAD_MAX_MEMORY_SIZE; the form around a file takes a few bytes
# too.
LARGE_BODIES = {
    "/api/v1/attachments": ("multipart/form-data", ATTACHMENT_MAX_BYTES + 100_000),
    "/api/v1/audio/transcriptions": ("multipart/form-data", 25_100_000),
    "/api/v1/conversations/import": ("application/zip", IMPORT_MAX_BYTES),
}

# --- Pages --------------------------------------------------------------------------------------
LANGUAGE_CODE = "en"
LANGUAGES = [
    ("en", "English"),
    ("ar", "العربية"),
    ("fa", "فارسی"),
    ("ur", "اردو"),
    ("tr", "Türkçe"),
    ("id", "Bahasa Indonesia"),
    ("fr", "Français"),
]
LOCALE_PATHS = [BASE_DIR / "locale"]
USE_TZ = True
TIME_ZONE = "UTC"
STATIC_URL = "/static/"
# An image brings its static files along; else `manage.py prepare` collects them.
STATIC_ROOT = Path(os.environ.get("WISQU_STATIC", VAR_DIR / "static"))
STATICFILES_DIRS = [BASE_DIR / "static"]
STORAGES = {
    "default": ENV.file_storage(),
    "staticfiles": {
        "BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"
        if DEBUG
        else "wisqu.api.static.Storage"
    },
}
FILE_SERVING = ENV.file_serving
# Where nginx finds the files with FILE_SERVING=x-accel: an internal location, see docs/settings.md.
X_ACCEL_LOCATION = "/_files/"

# --- Security -----------------------------------------------------------------------------------
CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": [SELF],
        "script-src": [SELF, NONCE],
        "style-src": [SELF],
        "img-src": [SELF, "data:", *ENV.file_origins()],
        "connect-src": [SELF],
        "object-src": [NONE],
        "base-uri": [NONE],
        "form-action": [SELF],
        "frame-ancestors": [NONE],
    }
}
SECURE_CONTENT_TYPE_NOSNIFF = True
SECURE_REFERRER_POLICY = "same-origin"
X_FRAME_OPTIONS = "DENY"
SESSION_ENGINE = "wisqu.accounts.sessions"
SESSION_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = "Lax"
CSRF_COOKIE_SAMESITE = "Lax"
if not DEBUG:
    SECURE_SSL_REDIRECT = True
    SECURE_REDIRECT_EXEMPT = [r"^api/v1/health"]
    SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
    SECURE_HSTS_SECONDS = 365 * 24 * 3600
    SECURE_HSTS_INCLUDE_SUBDOMAINS = True
    SECURE_HSTS_PRELOAD = True
    SESSION_COOKIE_SECURE = True
    CSRF_COOKIE_SECURE = True
    SESSION_COOKIE_NAME = "__Host-sessionid"
    CSRF_COOKIE_NAME = "__Host-csrftoken"

LOGGING = logging_config(level=ENV.log_level, output=ENV.log_format)
LOGGING_CONFIG = "logging.config.dictConfig"

# --- Watching it --------------------------------------------------------------------------------
VERSION = environment.version()
MONITORING_TOKEN = ENV.monitoring_token
WORKER_METRICS_PORT = ENV.worker_metrics_port
SHUTDOWN_NOTICE_SECONDS = ENV.shutdown_notice_seconds
SHUTDOWN_GRACE_SECONDS = ENV.shutdown_grace_seconds
RETENTION_DAYS = ENV.retention_days
report_crashes(ENV.sentry_dsn, release=VERSION, environment="development" if DEBUG else "production")
tracing.start(ENV.otel_exporter_otlp_endpoint, service="wisqu", version=VERSION)
