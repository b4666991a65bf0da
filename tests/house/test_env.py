"""The environment: defaults, refusals in one line, `.env` below the real environment."""

import os
import stat
import subprocess
import sys
from itertools import pairwise
from pathlib import Path

import pytest

from wisqu.env import ROOT, BadEnvironment, kept_secret, load, merged, read
from wisqu.variables import VARIABLES

SERVED = {"SECRET_KEY": "kQ7-3vXz" * 4 + "Jm2_pLw9Rt" * 3, "OPENROUTER_API_KEY": "sk-or-v1-x"}
DEBUG = {"DEBUG": "true", "SECRET_KEY": "x"}


def refusal(**environ: str) -> str:
    with pytest.raises(BadEnvironment) as caught:
        read({**DEBUG, **environ})
    return str(caught.value)


def test_an_empty_development_environment_is_enough(tmp_path):
    environment = read({"DEBUG": "true"}, root=tmp_path)
    assert environment.llm_model == "anthropic/claude-sonnet-4.5"
    assert environment.default_fallback_models == ("openai/gpt-4o-mini", "google/gemini-2.5-flash")
    assert environment.billing_provider == "sandbox"
    assert environment.email_url == "consolemail://"


def test_a_served_site_takes_safe_defaults():
    environment = read(SERVED)
    assert not environment.debug
    assert environment.billing_provider == "manual"
    assert environment.log_format == "json"


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("OPENROUTER_BASE_URL", "openrouter.ai/api/v1"),
        ("OPENROUTER_BASE_URL", "http://host:port/"),
        ("OPENROUTER_APP_URL", "ftp://example.org"),
        ("OPENROUTER_APP_NAME", "two\nlines"),
        ("WORKER_METRICS_PORT", "65536"),
        ("LLM_PROVIDER", "openai"),
        ("LLM_MODEL", "two words"),
        ("LLM_TEMPERATURE", "2.1"),
        ("LLM_TEMPERATURE", "nan"),
        ("LLM_TEMPERATURE", "-1"),
        ("LLM_MAX_TOKENS", "0"),
        ("LLM_MAX_TOKENS", "many"),
        ("LLM_MAX_TOKENS", "٤٠"),
        ("PROMPT_CACHING_ENABLED", "ture"),
        ("CACHE_CONTROL_STRATEGY", "always"),
        ("CACHE_MIN_TOKENS", "-5"),
        ("ROUTING_STRATEGY", "cheapest"),
        ("IMAGE_GENERATION_ENABLED", "2"),
        ("DEFAULT_FALLBACK_MODELS", "a b,c"),
        ("DEBUG", "maybe"),
        ("ALLOWED_HOSTS", "https://chat.example.org"),
        ("CSRF_TRUSTED_ORIGINS", "chat.example.org"),
        ("CSRF_TRUSTED_ORIGINS", "https://chat.example.org/path"),
        ("DATABASE_URL", "mysql://host/name"),
        ("DATABASE_URL", "sqlite://"),
        ("DATABASE_URL", "postgres://host"),
        ("REDIS_URL", "localhost:6379"),
        ("CELERY_BROKER_URL", "http://host"),
        ("BILLING_PROVIDER", "paypal"),
        ("STRIPE_API_BASE", "stripe"),
        ("EMAIL_URL", "mail.example.org"),
        ("SENTRY_DSN", "yes"),
        ("LOG_LEVEL", "loud"),
        ("LOG_FORMAT", "xml"),
        ("FILE_STORAGE_URL", "/srv/files"),
    ],
)
def test_nonsense_is_refused_in_one_line_that_names_the_variable(name, value):
    line = refusal(**{name: value})
    assert line.startswith(name)
    assert VARIABLES[name].takes in line
    assert "\n" not in line


def test_every_mistake_is_told_at_once():
    lines = refusal(LLM_MAX_TOKENS="x", LOG_LEVEL="y").splitlines()
    assert [line.split("=")[0] for line in lines] == ["LLM_MAX_TOKENS", "LOG_LEVEL"]


@pytest.mark.parametrize(
    "secret", ["", "short", "django-insecure-" + "a1b2c3d4e5" * 5, "change-me-" * 8, "ab" * 40]
)
def test_a_served_site_refuses_a_weak_secret_key(secret):
    with pytest.raises(BadEnvironment, match=r"^SECRET_KEY (is weak|is missing)"):
        read({**SERVED, "SECRET_KEY": secret})


def test_a_served_site_names_its_hosts():
    with pytest.raises(BadEnvironment, match=r"^ALLOWED_HOSTS=\* lets strangers say"):
        read({**SERVED, "ALLOWED_HOSTS": "chat.example.org,*"})
    assert read({**DEBUG, "ALLOWED_HOSTS": "*"}).allowed_hosts == ("*",)


def test_a_served_site_needs_a_key_for_openrouter():
    with pytest.raises(BadEnvironment, match=r"^OPENROUTER_API_KEY is missing"):
        read({**SERVED, "OPENROUTER_API_KEY": ""})


def test_another_server_than_openrouter_needs_no_key():
    own = {**SERVED, "OPENROUTER_API_KEY": "", "OPENROUTER_BASE_URL": "http://localhost:11434/v1"}
    assert read(own).openrouter_api_key == ""


def test_a_served_site_refuses_the_payment_sandbox():
    with pytest.raises(BadEnvironment, match=r"^BILLING_PROVIDER"):
        read({**SERVED, "BILLING_PROVIDER": "sandbox"})


def test_stripe_needs_its_two_secrets():
    lines = refusal(BILLING_PROVIDER="stripe").splitlines()
    assert [line.split()[0] for line in lines] == ["STRIPE_SECRET_KEY", "STRIPE_WEBHOOK_SECRET"]


def test_a_secret_is_never_repeated():
    assert "hunter2" not in refusal(DATABASE_URL="mysql://me:hunter2@host/name", SENTRY_DSN="hunter2")


def test_an_empty_value_stands_for_the_default():
    assert read({**DEBUG, "LLM_MAX_TOKENS": " ", "LOG_LEVEL": ""}).llm_max_tokens == 4096


def test_an_empty_list_is_a_value():
    assert read({**DEBUG, "DEFAULT_FALLBACK_MODELS": ""}).default_fallback_models == ()


def test_a_relative_sqlite_path_begins_at_the_project(tmp_path):
    assert read(DEBUG).database(root=tmp_path)["NAME"] == str(tmp_path / "var" / "wisqu.sqlite3")


def test_an_absolute_sqlite_path_stays(tmp_path):
    environment = read({**DEBUG, "DATABASE_URL": f"sqlite:///{tmp_path}/x.sqlite3"})
    assert environment.database()["NAME"] == str(tmp_path / "x.sqlite3")


def test_a_postgres_address_is_taken_apart():
    config = read({**DEBUG, "DATABASE_URL": "postgres://me:p%40ss@db:5433/wisqu"}).database()
    assert (config["USER"], config["PASSWORD"], config["HOST"], config["PORT"]) == ("me", "p@ss", "db", 5433)


def test_the_real_environment_wins_over_the_file(tmp_path):
    (tmp_path / ".env").write_text("LLM_MODEL=from/file\nLOG_LEVEL='ERROR'\n")
    both = merged({"LLM_MODEL": "from/environment"}, file=tmp_path / ".env")
    assert both == {"LLM_MODEL": "from/environment", "LOG_LEVEL": "ERROR"}


def test_load_reads_the_named_file(tmp_path, monkeypatch):
    (tmp_path / "some.env").write_text("LLM_MODEL=from/file\n")
    monkeypatch.setenv("WISQU_ENV_FILE", str(tmp_path / "some.env"))
    assert load(root=tmp_path).llm_model == "from/file"


def test_the_development_key_is_made_once_and_private(tmp_path):
    path = tmp_path / "var" / "secret_key"
    first = kept_secret(path)
    assert len(first) > 50
    assert kept_secret(path) == first
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert list(path.parent.iterdir()) == [path]


def test_secrets_stay_out_of_the_repr():
    assert "sk-or-v1-x" not in repr(read(SERVED))


def test_settings_stop_with_status_2_and_no_traceback():
    environ = {**os.environ, "LLM_MAX_TOKENS": "many", "DJANGO_SETTINGS_MODULE": "wisqu.settings"}
    command = [sys.executable, "-c", "import django; django.setup()"]
    answer = subprocess.run(command, env=environ, cwd=ROOT, capture_output=True, text=True)
    assert answer.returncode == 2
    assert answer.stderr.splitlines()[-1].startswith("LLM_MAX_TOKENS='many'")
    assert "Traceback" not in answer.stderr


def example_lines() -> dict[str, tuple[str, str]]:
    """Return value and explanation of every variable that .env.example names."""
    lines = Path(ROOT, ".env.example").read_text().splitlines()
    pairs = [(above, line) for above, line in pairwise(lines) if not line.startswith("#")]
    split = [(line.partition("="), above.removeprefix("# ")) for above, line in pairs if "=" in line]
    return {name: (value, explanation) for (name, _, value), explanation in split}


def test_the_example_names_every_variable_with_default_and_meaning():
    expected = {
        name: ("" if variable.debug_default is not None or name == "DEBUG" else variable.default)
        for name, variable in VARIABLES.items()
    }
    found = example_lines()
    assert {name: value for name, (value, _) in found.items()} == expected
    assert {name: text for name, (_, text) in found.items()} == {n: v.meaning for n, v in VARIABLES.items()}


def test_a_copy_of_the_example_changes_nothing():
    values = {name: value for name, (value, _) in example_lines().items()}
    assert read({**values, **DEBUG}) == read(DEBUG)
