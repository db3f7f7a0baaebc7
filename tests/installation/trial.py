"""What is done with each installation: clone, set up, use, stop, test; each step with its time."""

import os
import signal
import subprocess
from collections.abc import Container
from dataclasses import replace

from tests.installation.installations import OUR_PATH, PROJECT, Failed, Installation, Version
from tests.installation.leftovers import check_nothing_left, check_nothing_runs
from tests.installation.requests import check_persons, fetch, wait_for_access
from tests.installation.servers import expected_version, lent_server, serving_version
from tests.installation.steps import step

SETUP_SECONDS, TEST_SECONDS, STOP_SECONDS = 1200, 2400, 60
# Git refuses to read a repository of another user otherwise.
GIT = {
    "PATH": OUR_PATH,
    "GIT_CONFIG_COUNT": "1",
    "GIT_CONFIG_KEY_0": "safe.directory",
    "GIT_CONFIG_VALUE_0": "*",
}


def try_out(installation: Installation) -> Version:
    """Return the version that served; raises Failed."""
    print(installation.title, flush=True)
    with step("git clone"):
        clone(installation)
    if installation.lender is None:
        return use(installation)
    folder = installation.clone.with_name(f"server-for-{installation.clone.name}")
    with lent_server(installation.lender, folder) as url:
        environment = installation.environment | {"DATABASE_URL": url}
        return use(replace(installation, environment=environment))


def use(installation: Installation) -> Version:
    with step("make setup"):
        finish(installation, installation.make("setup"), SETUP_SECONDS)
    with step("make setup, nothing left to do"):
        finish(installation, installation.make("setup"), SETUP_SECONDS)
    served = use_demo(installation)
    with step(f"make {' '.join(installation.tests)}"):
        finish(installation, installation.make(*installation.tests), TEST_SECONDS)
    with step("nothing is left"):
        check_nothing_left(installation)
    return served


def use_demo(installation: Installation) -> Version:
    # Any free port: another program of this machine may have the usual one.
    demo = installation.make("demo", "PORT=0")
    with step("make demo, until it serves"):
        access = wait_for_access(installation, demo)
    with step("GET /healthz"):
        fetch(f"{access.url}/healthz")
    with step("GET /api/persons with the demo's key"):
        check_persons(access)
    expected = expected_version(installation)
    with step(f"PostgreSQL {expected} serves it"):
        served = serving_version(installation)
        if served != expected:
            raise Failed(f"PostgreSQL {served} serves it, not {expected}.")
    with step("Ctrl-C, until nothing runs"):
        interrupt(installation, demo)
    return served


def interrupt(installation: Installation, demo: subprocess.Popen[bytes]) -> None:
    os.killpg(demo.pid, signal.SIGINT)
    # How make reports an interrupted recipe depends on its version.
    finish(installation, demo, STOP_SECONDS, (0, 2, 130, -signal.SIGINT))
    if "Traceback" in installation.output():
        raise Failed("There is a traceback in the log.")
    check_nothing_runs(installation)


def clone(installation: Installation) -> None:
    command = ["git", "clone", "--quiet", "--no-hardlinks", str(PROJECT), str(installation.clone)]
    done = subprocess.run(command, env=GIT, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise Failed(done.stderr)
    user, group, _ = installation.user.account
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
        ended = f"did not end in {seconds} s" if code is None else f"ended with {code}"
        raise Failed(f"make {ended}.")
