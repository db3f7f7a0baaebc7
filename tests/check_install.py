"""`make check-install`: prove that a fresh clone works on a machine that has next to nothing.

Clones HEAD twice and runs `make check` and `make demo` in each clone: once as ourselves in an
empty environment, once as a plain user whose home is read-only and who has neither PostgreSQL nor
uv. Standard library only.
"""

import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Container, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from config.unprivileged import Account, account, run

PROJECT = Path(__file__).resolve().parent.parent
SHARED = PROJECT.parent / "shared"
CHECK_SECONDS, DEMO_SECONDS, LISTEN_SECONDS, STOP_SECONDS = 3600, 600, 20, 60
SERVING = re.compile(r"^Serving on (http://\S+)", re.MULTILINE)
# All that the plain user finds on the PATH, beside Python.
TOOLS = ("sh", "env", "git", "make", "sed", "touch", "rm", "cat", "chromium", "chromedriver")
# Git refuses to read a repository of another user otherwise.
GIT = {
    "PATH": os.environ.get("PATH", os.defpath),
    "GIT_CONFIG_COUNT": "1",
    "GIT_CONFIG_KEY_0": "safe.directory",
    "GIT_CONFIG_VALUE_0": "*",
}


class Failed(Exception):
    """A step did not do what it should; the text is what the user needs to see."""


@dataclass(frozen=True)
class Installation:
    """A clone of the project, who uses it, and in which environment."""

    title: str
    clone: Path
    user: Account
    environment: dict[str, str]

    @property
    def log(self) -> Path:
        return self.clone.with_suffix(".log")

    def start(self, *targets: str) -> subprocess.Popen[bytes]:
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
                user=self.user.user,
                group=self.user.group,
                extra_groups=self.user.extra_groups,
            )

    def output(self) -> str:
        return self.log.read_text(errors="replace") if self.log.exists() else ""


def main() -> int:
    place = Path(tempfile.mkdtemp(prefix="daybook-install-"))
    place.chmod(0o755)
    if SHARED.exists():
        (place / "shared").symlink_to(SHARED)
    try:
        for installation in (ourselves(place), plain_user(place)):
            try_out(installation)
    except Failed as failure:
        print(failure, file=sys.stderr)
        return 1
    finally:
        for process in processes_in(place):
            os.kill(process, signal.SIGKILL)
        shutil.rmtree(place)
    return 0


def ourselves(place: Path) -> Installation:
    return Installation("as ourselves, empty environment", place / "own", Account(), {})


def plain_user(place: Path) -> Installation:
    """Return an installation of `nobody` (of ourselves, where we are not root) with few tools."""
    user = account()
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
    environment = {"PATH": str(tools), "HOME": str(home), "DAYBOOK_POSTGRES": "wheel"}
    title = "as a plain user, no PostgreSQL, no uv, read-only home"
    return Installation(title, place / "plain", user, environment)


def find_tool(name: str) -> str:
    if path := shutil.which(name):
        return path
    raise Failed(f"{name} is not on the PATH.")


def find_python() -> str:
    """Return a Python that is new enough, can make virtual environments, and is open to all."""
    suits = "import ensurepip, sys; sys.exit(sys.version_info < (3, 11))"
    for folder in [*GIT["PATH"].split(":"), "/usr/bin"]:
        for name in ("python3", "python3.11", "python3.12", "python3.13", "python3.14"):
            with suppress(OSError):
                if run(Path(folder) / name, "-c", suits)[0] == 0:
                    return str(Path(folder) / name)
    raise Failed("There is no Python 3.11 or newer with venv that a plain user may run.")


def try_out(installation: Installation) -> None:
    print(installation.title, flush=True)
    with step("git clone"):
        clone(installation)
    with step("make check"):
        finish(installation, installation.start("check"), CHECK_SECONDS)
    with step("make setup, nothing left to do"):
        finish(installation, installation.start("setup"), CHECK_SECONDS)
    demo = installation.start("demo")
    with step("make demo, until it serves"):
        url = serving_url(installation, demo)
    with step("GET /healthz"):
        fetch(url.rstrip("/") + "/healthz")
    with step("Ctrl-C, until nothing runs"):
        os.killpg(demo.pid, signal.SIGINT)
        # How make reports an interrupted recipe depends on its version.
        finish(installation, demo, STOP_SECONDS, (0, 2, 130, -signal.SIGINT))
        if "Traceback" in installation.output():
            raise Failed(installation.output())
        if survivors := processes_in(installation.clone):
            raise Failed(f"These processes survived: {survivors}")


@contextmanager
def step(name: str) -> Iterator[None]:
    start = time.monotonic()
    outcome = "FAILED"
    try:
        yield
        outcome = "ok"
    finally:
        print(f"  {time.monotonic() - start:7.1f} s  {name}: {outcome}", flush=True)


def clone(installation: Installation) -> None:
    command = ["git", "clone", "--quiet", "--no-hardlinks", str(PROJECT), str(installation.clone)]
    done = subprocess.run(command, env=GIT, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise Failed(done.stderr)
    user, group, _ = installation.user
    if user is not None and group is not None:
        for path in (installation.clone, *installation.clone.rglob("*")):
            os.chown(path, user, group, follow_symlinks=False)


def finish(
    installation: Installation,
    process: subprocess.Popen[bytes],
    seconds: int,
    expected: Container[int] = (0,),
) -> None:
    """Wait for `process`, which has to end in time and with an expected exit code."""
    try:
        code = process.wait(seconds)
    except subprocess.TimeoutExpired:
        code = None
    if code is None or code not in expected:
        raise Failed(f"{installation.output()}\nmake ended with {code} (None: not in time).")


def serving_url(installation: Installation, demo: subprocess.Popen[bytes]) -> str:
    """Wait for the line in which the demo names its URL."""
    deadline = time.monotonic() + DEMO_SECONDS
    while not (found := SERVING.search(installation.output())):
        if demo.poll() is not None or time.monotonic() > deadline:
            raise Failed(f"{installation.output()}\nmake demo did not serve.")
        time.sleep(0.1)
    return found[1]


def fetch(url: str) -> None:
    """Expect a 200 from `url`, which may need a moment to listen."""
    deadline = time.monotonic() + LISTEN_SECONDS
    while True:
        try:
            with urllib.request.urlopen(url, timeout=10) as response:
                if response.status == 200:
                    return
                raise Failed(f"{url} answered {response.status}, not 200.")
        except OSError as error:
            refused = isinstance(getattr(error, "reason", None), ConnectionRefusedError)
            if not refused or time.monotonic() > deadline:
                raise Failed(f"{url}: {error}") from error
        time.sleep(0.1)


def processes_in(place: Path) -> list[int]:
    """Return the processes that have to do with `place`; the dead that nobody reaped do not."""
    if Path("/proc/self").exists():
        numbers = [int(entry.name) for entry in Path("/proc").iterdir() if entry.name.isdigit()]
        return [number for number in numbers if str(place) in about(number)]
    listing = subprocess.run(
        ["ps", "-Axo", "pid=,args="], capture_output=True, text=True, check=True
    )
    lines = [line for line in listing.stdout.splitlines() if str(place) in line]
    return [int(line.split()[0]) for line in lines]


def about(number: int) -> str:
    """Return the working folder and the command line of a process."""
    process = Path("/proc") / str(number)
    try:
        return f"{(process / 'cwd').readlink()} {(process / 'cmdline').read_text()}"
    except OSError:
        return ""


if __name__ == "__main__":
    sys.exit(main())
