"""Which PostgreSQL has to serve an installation, which one does, and one to lend by a URL."""

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from config.postgres_programs import WHEEL, Programs, read_versions, system_programs
from tests.installation.installations import Failed, Installation, Source, Version
from tests.installation.leftovers import about, processes_in
from tests.installation.steps import step

# Keeps a server until its input ends.
LEND = """
import sys
from pathlib import Path
from config import postgres
print(postgres.throwaway_server(Path(sys.argv[1])), flush=True)
sys.stdin.read()
"""
ASK = "from django.db import connection; print(connection.pg_version)"


def expected_version(installation: Installation) -> Version:
    """Return the version that has to serve: that of the programs which it should use."""
    if installation.lender:
        return expected_version(installation.lender)
    if installation.source is Source.FOUND:
        programs = system_programs()
    else:
        programs = programs_in_venv(installation)
    if not programs:
        raise Failed(f"There is no PostgreSQL for an installation {installation.title}.")
    newest = max(programs)
    return Version(newest.major, newest.minor)


def programs_in_venv(installation: Installation) -> list[Programs]:
    """Return what the package brought, which is installed only where nothing else serves."""
    return read_versions(installation.clone.glob(f".venv/lib/*/site-packages/{WHEEL}/*/bin"))


def serving_version(installation: Installation) -> Version:
    """Ask the server itself, through the installation, while the demo uses it."""
    return Version(*divmod(int(installation.manage("shell", "--no-imports", "-c", ASK)), 10_000))


@contextmanager
def lent_server(lender: Installation, folder: Path) -> Iterator[str]:
    """Yield the URL of a server of the lender's PostgreSQL; at the end nothing of it is left."""
    with subprocess.Popen(
        [lender.python, "-c", LEND, folder],
        cwd=lender.clone,
        # Our own PATH: the lender, too, may have found its server there.
        env=os.environ | lender.environment,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        # Away from the terminal's Ctrl-C: we end it, after those that use it.
        start_new_session=True,
    ) as process:
        with step(f"start a server for the URL, the one that serves {lender.title}"):
            url = process.stdout.readline().strip() if process.stdout else ""
            if not url:
                raise Failed("The server for the URL could not be started.")
        yield url
        with step("stop that server, until nothing of it is left"):
            process.communicate()
            if process.returncode:
                raise Failed(f"Who kept that server ended with {process.returncode}.")
            left = [*map(str, folder.glob("throwaway-*")), *map(about, processes_in(folder))]
            if left:
                raise Failed(f"Of the server for the URL is left: {', '.join(left)}")
