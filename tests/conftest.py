"""Fixtures for every test: the sandbox, web servers of our own, seeds, and a fence around the machine."""

from collections.abc import Callable, Iterator

import pytest
from django.core.management import call_command, get_commands
from django.db import connection
from django.utils import translation

from billing.models import PlanLimit
from tests.flushing import keep_seeds
from tests.live import Sandbox, Web, end_running_turns
from tests.network import refuse_outside

# One run of these says everything: they touch neither the database nor Redis, or ask nothing that would differ there.
PURE = (
    "tests/house/", "tests/openrouter/", "tests/sandbox/", "tests/scripture/", "tests/media/",
    "tests/files/", "tests/telemetry/", "tests/deploy/test_proxy.py", "tests/deploy/test_manifests.py",
    "tests/security/test_headers.py", "tests/api/test_openapi.py", "tests/api/test_serializers.py",
    "tests/chat/test_citations.py", "tests/chat/test_folding.py", "tests/chat/test_joining.py",
    "tests/chat/test_jsonschemas.py", "tests/chat/test_marking.py", "tests/chat/test_rendering.py",
    "tests/billing/test_periods.py", "tests/presets/test_tokens.py",
)  # fmt: skip
SEEDS = ("seed_models", "seed_plans", "seed_presets")
DATABASE_FIXTURES = {"db", "transactional_db", "sandbox"}

refuse_outside()


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "pure: the same whichever the database is (set by folder)")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    root = config.rootpath
    for item in items:
        folder = item.path.relative_to(root).as_posix()
        if folder.startswith(PURE) and not item.get_closest_marker("postgres"):
            item.add_marker("pure")
        if folder.startswith("tests/browser/"):
            item.add_marker("browser")


@pytest.hookimpl(trylast=True, specname="pytest_collection_modifyitems")
def pytest_collection_browser_last(items: list[pytest.Item]) -> None:
    """Playwright's loop stays in the main thread, where no asyncio test could run after it."""
    items.sort(key=lambda item: item.get_closest_marker("browser") is not None)


def pytest_runtest_setup(item: pytest.Item) -> None:
    if item.get_closest_marker("postgres") and connection.vendor != "postgresql":
        pytest.skip("needs PostgreSQL")


def uses_database(request: pytest.FixtureRequest) -> bool:
    marked = request.node.get_closest_marker("django_db") is not None
    return marked or not DATABASE_FIXTURES.isdisjoint(request.fixturenames)


@pytest.fixture(autouse=True)
def english_again() -> Iterator[None]:
    """A request leaves the language it was answered in to this thread, and so to the next test."""
    yield
    translation.deactivate()


def seed() -> None:
    """What every installation has: plans and the catalogue of models. Tests ask more often than any plan allows."""
    known = get_commands()
    for command in SEEDS:
        if command in known:
            call_command(command, verbosity=0)
    PlanLimit.objects.update(requests_per_minute=100_000)


@pytest.fixture(scope="session")
def django_db_setup(django_db_setup: None, django_db_blocker) -> Iterator[None]:
    with django_db_blocker.unblock():
        seed()
        keep_seeds()
    yield
    if connection.vendor == "postgresql":
        with django_db_blocker.unblock():
            end_other_sessions()


def end_other_sessions() -> None:
    """PostgreSQL drops no database that somebody is connected to: threads of this process may still be."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
            "WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )


# --- Processes ------------------------------------------------------------------------------------


@pytest.fixture(scope="session")
def sandbox() -> Iterator[Sandbox]:
    """The OpenRouter of this run, shared by all tests: tell them apart by user, session or words."""
    server = Sandbox()
    yield server
    server.stop()


@pytest.fixture(autouse=True)
def _openrouter_is_the_sandbox(request: pytest.FixtureRequest, settings) -> None:
    if uses_database(request):
        server = request.getfixturevalue("sandbox")
        settings.OPENROUTER_BASE_URL, settings.OPENROUTER_API_KEY = server.url, server.key


@pytest.fixture(scope="session")
def _web_servers() -> Iterator[dict[int, Web]]:
    servers: dict[int, Web] = {}
    yield servers
    for server in servers.values():
        server.stop()


@pytest.fixture(scope="session")
def _web_pool(django_db_setup: None, sandbox: Sandbox, _web_servers: dict[int, Web]) -> Callable[[int], Web]:
    def nth(number: int) -> Web:
        if number not in _web_servers or not _web_servers[number].is_running:
            _web_servers[number] = Web(sandbox=sandbox)
        return _web_servers[number]

    return nth


@pytest.fixture
def no_other_server(_web_servers: dict[int, Web]) -> None:
    """Ends the shared web servers: they rightly close what a server that lost its database seems to leave."""
    for server in _web_servers.values():
        server.stop()


@pytest.fixture
def live(transactional_db: None, _web_pool: Callable[[int], Web]) -> Iterator[Web]:
    """A running web server: .url, .ws_url, .log(), .stop(), .kill(). Shared until a test ends it."""
    yield _web_pool(0)
    end_running_turns()


@pytest.fixture
def live_pair(transactional_db: None, _web_pool: Callable[[int], Web]) -> Iterator[tuple[Web, Web]]:
    """Two web servers on the same database: what one alone would hide, two of them show."""
    yield _web_pool(0), _web_pool(1)
    end_running_turns()


@pytest.fixture
def start_live(transactional_db: None, sandbox: Sandbox) -> Iterator[Callable[..., Web]]:
    """Starts web servers of the test's own; keyword arguments become environment variables."""
    started: list[Web] = []

    def start(**env: str) -> Web:
        started.append(Web(sandbox=sandbox, **env))
        return started[-1]

    yield start
    for server in started:
        server.stop()
