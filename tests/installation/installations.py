"""Who installs the project, where its PostgreSQL comes from, and what the environment holds."""

import os
import shutil
import subprocess
from contextlib import suppress
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from typing import NamedTuple

from config.postgres_programs import Programs
from config.unprivileged import Account, account, run

PROJECT = Path(__file__).resolve().parent.parent.parent
OUR_PATH = os.environ.get("PATH", os.defpath)
LINES_OF_A_LOG = 80
# All that the plain user finds on the PATH, beside Python; the last ones only for the tests.
TOOLS = ("sh", "env", "git", "make", "sed", "touch", "rm", "cat")
TOOLS += ("bash", "curl", "chromium", "chromedriver")
# Servers of the machine are not seen: the wheel's has to serve, or one behind a URL.
NONE_IS_FOUND = {"DAYBOOK_POSTGRES": "wheel"}
# Everything as a plain user with the wheel's server: with one that is found, whoever runs this has
# run it all before. Elsewhere what leans on PostgreSQL most.
ALL = ("check",)
FOLDERS = "tests/eventstore tests/projections --ignore=tests/eventstore/admin"
PART = ("test", f"ARGS={FOLDERS} --numprocesses 2 -m 'not soak and not long'")


class Failed(Exception):
    """A step did not do what it should."""


class Version(NamedTuple):
    """PostgreSQL's."""

    major: int
    minor: int

    def __str__(self) -> str:
        return f"{self.major}.{self.minor}"


class Source(Enum):
    """Where an installation gets its PostgreSQL from."""

    FOUND = "server found"
    WHEEL = "wheel"
    URL = "DATABASE_URL"


class User(NamedTuple):
    """Somebody who installs the project, and his environment."""

    name: str
    account: Account
    environment: dict[str, str]


@dataclass(frozen=True)
class Installation:
    """A clone of the project, who uses it, and in which environment.

    With a URL the PostgreSQL of the `lender` serves. `tests` is what make is told to do.
    """

    clone: Path
    user: User
    source: Source
    environment: dict[str, str]
    tests: tuple[str, ...]
    lender: "Installation | None" = None

    @property
    def title(self) -> str:
        return f"as {self.user.name}, {self.source.value}"

    @property
    def python(self) -> Path:
        return self.clone / ".venv" / "bin" / "python"

    @property
    def log(self) -> Path:
        return self.clone.with_suffix(".log")

    def make(self, *targets: str) -> subprocess.Popen[bytes]:
        """Start make as the leader of a process group, so that it can get a Ctrl-C."""
        with self.log.open("wb") as log:
            return subprocess.Popen(
                [find_tool("make"), *targets],
                cwd=self.clone,
                env=self.environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                **self.user.account._asdict(),
            )

    def manage(self, *arguments: str) -> str:
        """Run `manage.py` to its end and return what it prints."""
        done = subprocess.run(
            [self.python, "manage.py", *arguments],
            cwd=self.clone,
            env=self.environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
            **self.user.account._asdict(),
        )
        if done.returncode != 0:
            raise Failed(f"manage.py {arguments[0]} failed:\n{done.stdout}{done.stderr}")
        return done.stdout

    def output(self) -> str:
        return self.log.read_text(errors="replace") if self.log.exists() else ""

    def end_of_log(self) -> str:
        return "\n".join(self.output().splitlines()[-LINES_OF_A_LOG:])


def all_installations(place: Path, found: Programs | None) -> list[Installation]:
    """Return the six, lenders first; `found` is the machine's PostgreSQL."""
    own, plain = ourselves(), plain_user(place)
    with_wheel = plain.environment | NONE_IS_FOUND
    with_server = plain.environment.copy()
    if found:
        with_server["PATH"] += f":{found.folder}"
    own_found = Installation(place / "own-found", own, Source.FOUND, own.environment, PART)
    own_wheel = Installation(place / "own-wheel", own, Source.WHEEL, NONE_IS_FOUND, PART)
    other = own_found if found else own_wheel
    return [
        own_found,
        own_wheel,
        Installation(place / "own-url", own, Source.URL, NONE_IS_FOUND, PART, own_wheel),
        Installation(place / "plain-found", plain, Source.FOUND, with_server, PART),
        Installation(place / "plain-wheel", plain, Source.WHEEL, with_wheel, ALL),
        Installation(place / "plain-url", plain, Source.URL, with_wheel, PART, other),
    ]


def ourselves() -> User:
    """Return who runs this, with nothing in the environment."""
    return User("root" if os.geteuid() == 0 else "ourselves", Account(), {})


def plain_user(place: Path) -> User:
    """Return `nobody` (ourselves, where we are not root) with few tools and a read-only home."""
    tools, home = place / "tools", place / "home"
    tools.mkdir()
    home.mkdir()
    for name in TOOLS:
        if found := shutil.which(name):
            (tools / name).symlink_to(found)
    # No link: a virtual environment would take the link's folder for Python's home.
    (tools / "python3").write_text(f'#!/bin/sh\nexec {find_python()} "$@"\n')
    (tools / "python3").chmod(0o755)
    home.chmod(0o555)
    return User("a plain user", account(), {"PATH": str(tools), "HOME": str(home)})


def find_tool(name: str) -> str:
    if path := shutil.which(name):
        return path
    raise Failed(f"{name} is not on the PATH.")


def find_python() -> str:
    """Return a Python that is new enough, can make virtual environments, and is open to all."""
    suits = "import ensurepip, sys; sys.exit(sys.version_info < (3, 11))"
    for folder in [*OUR_PATH.split(":"), "/usr/bin"]:
        for name in ("python3", "python3.11", "python3.12", "python3.13", "python3.14"):
            with suppress(OSError):
                if run(Path(folder) / name, "-c", suits)[0] == 0:
                    return str(Path(folder) / name)
    raise Failed("There is no Python 3.11 or newer with venv that a plain user may run.")
