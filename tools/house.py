"""The commands behind `make`: run, test, lint, bench, lock. Standard library, Python 3.11 or newer."""

from __future__ import annotations

import hashlib
import os
import secrets
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path

if sys.version_info < (3, 11):  # noqa: UP036 - `python3` may well be older than what the project asks for
    for newer in ("python3.14", "python3.13", "python3.12", "python3.11"):
        if shutil.which(newer):
            os.execvp(newer, [newer, "-m", "tools.house", *sys.argv[1:]])
    sys.exit(
        f"WisQu needs Python 3.11 or newer and this is {sys.version.split()[0]}. "
        "Name a newer one: make PYTHON=/path/to/python3.11 …"
    )

from tools import chromium, processes, supervisor
from tools.supervisor import Failed

ROOT = Path(__file__).resolve().parent.parent
VENV = ROOT / ".venv"
PYTHON = VENV / "bin" / "python"
UV = VENV / "bin" / "uv"
REQUIREMENTS = ROOT / "requirements"


def call(*argv: str | Path, env: Mapping[str, str] | None = None, quiet: bool = False) -> int:
    """Run `argv` to its end and return its exit status; stopping us stops it."""
    output = subprocess.DEVNULL if quiet else None
    with processes.Family() as family:
        process = family.start(
            str(argv[0]), [str(each) for each in argv], env=env, stdout=output, stderr=output
        )
        return process.wait()


# --- Installing -----------------------------------------------------------------------------------


def install(lock: str) -> None:
    """Make `.venv` hold what requirements/`lock` names; nothing is done when it already does."""
    path = REQUIREMENTS / lock
    stamp = VENV / f".installed-{lock}"
    wanted = hashlib.sha256(path.read_bytes() + sys.version.encode()).hexdigest()
    if PYTHON.exists() and stamp.exists() and stamp.read_text() == wanted:
        return
    if not PYTHON.exists() or not (UV.exists() or pip_for_venv()):
        make_venv()
    print(f"Installing requirements/{lock} …", flush=True)
    environ = {**os.environ, "PIP_DISABLE_PIP_VERSION_CHECK": "1"}
    if not (install_with_uv(path, environ) or install_with_pip(path, environ)):
        raise Failed(f"requirements/{lock} could not be installed; the lines above say why.")
    stamp.write_text(wanted)


def make_venv() -> None:
    print("Making .venv …", flush=True)
    shutil.rmtree(VENV, ignore_errors=True)
    if call(sys.executable, "-m", "venv", VENV, quiet=True) == 0:
        return
    # Debian parts venv from Python: a pip outside can fill an environment that holds none.
    shutil.rmtree(VENV, ignore_errors=True)
    if call(sys.executable, "-m", "venv", "--without-pip", VENV) != 0 or not pip_for_venv():
        shutil.rmtree(VENV, ignore_errors=True)
        raise Failed("Python can't make virtual environments here. On Debian: apt-get install python3-venv")


def pip_for_venv() -> list[str]:
    """Return how pip is called for `.venv`; empty when there is no pip at all."""
    for command in ([str(PYTHON), "-m", "pip"], [sys.executable, "-m", "pip", "--python", str(PYTHON)]):
        if call(*command, "--version", quiet=True) == 0:
            return command
    return []


def install_with_uv(path: Path, environ: Mapping[str, str]) -> bool:
    if not UV.exists():
        call(*pip_for_venv(), "install", "-q", "--require-hashes", "-r", REQUIREMENTS / "uv.txt", env=environ)
    if not UV.exists():
        return False
    # Not `pip sync`: going from one lock to the other would take packages away.
    command = (UV, "pip", "install", "-q", "--python", PYTHON, "--require-hashes", "-r", path)
    return call(*command, env=environ) == 0


def install_with_pip(path: Path, environ: Mapping[str, str]) -> bool:
    print("uv could not do it; trying pip, which takes longer …", flush=True)
    return call(*pip_for_venv(), "install", "-q", "--require-hashes", "-r", path, env=environ) == 0


# --- Commands -------------------------------------------------------------------------------------


def run(_: Sequence[str]) -> int:
    """start everything: web, worker and, without a key, a sandbox for answers (HOST, PORT)"""
    host, port = supervisor.address(os.environ)
    install("base.txt")
    return supervisor.run(python=PYTHON, root=ROOT, host=host, port=port)


def without_settings() -> dict[str, str]:
    """Return our environment without the product's own variables: somebody's real keys change no check."""
    named = {line.partition("=")[0] for line in (ROOT / ".env.example").read_text().splitlines()}
    rest = {name: value for name, value in os.environ.items() if name not in named and name != "WISQU_VAR"}
    return {**rest, "WISQU_ENV_FILE": os.devnull}


def test(arguments: Sequence[str]) -> int:
    """every test, on SQLite and on PostgreSQL with Redis (ARGS="-k word": SQLite only, or DB=postgres)"""
    install("dev.txt")
    environ = without_settings()
    path = chromium.ensure()
    if path:
        environ["CHROMIUM"] = path
    pytest = (PYTHON, "-m", "pytest")
    on_postgres = (PYTHON, "-m", "tests.servers", *pytest, "-m", "not browser and not pure")
    if os.environ.get("DB") == "postgres":
        return call(*on_postgres, *arguments, env=environ)
    if arguments:
        return call(*pytest, *arguments, env=environ)
    parts = {
        "SQLite": (*pytest, "-m", "not browser and not pure"),
        "in the browser, and without a database": (*pytest, "-m", "browser or pure"),
        "PostgreSQL and Redis": on_postgres,
    }
    return together(parts, environ)


def together(parts: Mapping[str, Sequence[str | Path]], environ: Mapping[str, str]) -> int:
    """Run the parts at the same time, since each waits a lot; the first is shown as it goes, the others at its end."""
    with ExitStack() as stack:
        outputs = {name: stack.enter_context(tempfile.TemporaryFile()) for name in list(parts)[1:]}
        family = stack.enter_context(processes.Family())
        processes_by_name = {}
        for name, argv in parts.items():
            output = outputs.get(name)
            processes_by_name[name] = family.start(
                "pytest", [str(each) for each in argv], env=environ, stdout=output, stderr=output
            )
        print(f"== {next(iter(parts))} (the rest runs at the same time and is shown below) ==", flush=True)
        statuses = {name: process.wait() for name, process in processes_by_name.items()}
        for name, output in outputs.items():
            print(f"\n== {name} ==", flush=True)
            output.seek(0)
            sys.stdout.buffer.write(output.read())
            sys.stdout.flush()
    for name, status in statuses.items():
        print(f"{name}: {'passed' if status == 0 else f'FAILED (status {status})'}", flush=True)
    return max(statuses.values(), key=bool)


def lint(_: Sequence[str]) -> int:
    """ruff, mypy, import-linter, migrations, check --deploy, the OpenAPI document"""
    install("dev.txt")
    here = {**without_settings(), "DEBUG": "true"}
    served = {
        **here,
        "DEBUG": "false",
        "SECRET_KEY": secrets.token_urlsafe(64),
        "ALLOWED_HOSTS": "chat.example.org",
        "CSRF_TRUSTED_ORIGINS": "https://chat.example.org",
        "OPENROUTER_API_KEY": "sk-or-v1-not-a-key",
    }
    manage = (PYTHON, "manage.py")
    checks: list[tuple[str, tuple[str | Path, ...], Mapping[str, str]]] = [
        ("ruff check", (PYTHON, "-m", "ruff", "check", "."), here),
        ("ruff format", (PYTHON, "-m", "ruff", "format", "--check", "."), here),
        ("mypy", (PYTHON, "-m", "mypy", "."), here),
        (
            "import-linter",
            (PYTHON, "-c", "from importlinter.cli import lint_imports_command as c; c()"),
            here,
        ),
        ("migrations", (*manage, "makemigrations", "--check", "--dry-run"), here),
        ("check --deploy", (*manage, "check", "--deploy", "--fail-level", "WARNING"), served),
        ("OpenAPI", (*manage, "openapi", "--check"), here),
    ]
    failed = []
    for name, argv, environ in checks:
        print(f"\n== {name} ==", flush=True)
        if call(*argv, env=environ) != 0:
            failed.append(name)
    print(f"\nFailed: {', '.join(failed)}" if failed else "\nAll checks passed.", flush=True)
    return 1 if failed else 0


def bench(arguments: Sequence[str]) -> int:
    """the benchmarks: a table, and JSON under bench/results/"""
    install("dev.txt")
    return call(PYTHON, "-m", "bench", *arguments)


def lock(_: Sequence[str]) -> int:
    """write requirements/*.txt anew from requirements/*.in, hashed and without index addresses"""
    install("dev.txt")
    compile_ = (UV, "pip", "compile", "-q", "--universal", "--python-version", "3.11",
                "--generate-hashes", "--no-emit-index-url", "--no-header")  # fmt: skip
    for name, options in (("uv", ()), ("dev", ()), ("base", ("-c", "requirements/dev.txt"))):
        files = (f"requirements/{name}.in", "-o", f"requirements/{name}.txt")
        if call(*compile_, *options, *files) != 0:
            return 1
    return 0


COMMANDS = {"run": run, "test": test, "lint": lint, "bench": bench, "lock": lock}


def keep_bytecode() -> None:
    """Let what we start compile each module once, wherever bytecode is unwanted beside the sources."""
    if os.environ.pop("PYTHONDONTWRITEBYTECODE", ""):
        os.environ.setdefault("PYTHONPYCACHEPREFIX", str(VENV / "bytecode"))


def main(argv: Sequence[str]) -> int:
    command = COMMANDS.get(argv[0] if argv else "help")
    if command is None:
        print("\n".join(f"make {name:6} {each.__doc__}" for name, each in COMMANDS.items()))
        return 0
    os.chdir(ROOT)
    keep_bytecode()
    processes.listen_for_stop()
    try:
        return command(argv[1:])
    except processes.Stopped:
        return 0 if command is run else 130
    except Failed as failure:
        print(failure, file=sys.stderr)
        return 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
