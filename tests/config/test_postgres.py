"""The launcher, with real servers: who starts, shares, adopts, stops and sweeps them."""

import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from functools import cached_property
from pathlib import Path
from typing import ClassVar

import psycopg
import pytest

from config import postgres_programs, unprivileged
from config.unprivileged import ServerError

pytestmark = pytest.mark.long

PROJECT = Path(__file__).resolve().parent.parent.parent
AS_ROOT = os.geteuid() == 0

# Uses a server until its input ends, or it is killed.
USER_PROCESS = """
import sys
from pathlib import Path
from config import postgres
start = getattr(postgres, sys.argv[1])
print(start(Path(sys.argv[2])), flush=True)
sys.stdin.read()
"""


class User:
    """A process of its own that uses a server."""

    running: ClassVar[list["User"]] = []

    def __init__(self, start: str, directory: Path) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-c", USER_PROCESS, start, directory],
            cwd=PROJECT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        self.running.append(self)

    @cached_property
    def url(self) -> str:
        """The server's; waits until the process has it."""
        return self.process.stdout.readline().strip()

    def end(self) -> None:
        self.process.communicate(timeout=60)
        self.running.remove(self)
        assert self.process.returncode == 0

    def kill(self) -> None:
        self.process.kill()
        self.process.communicate(timeout=60)
        self.running.remove(self)


@pytest.fixture
def directory() -> Iterator[Path]:
    """A folder that the server's user can enter; pytest's own ones are closed."""
    with tempfile.TemporaryDirectory(prefix="daybook-") as folder:
        Path(folder).chmod(0o755)
        yield Path(folder)
        # Only a test that failed has any left.
        for user in User.running:
            user.process.communicate(timeout=60)
        User.running.clear()


def answers(url: str) -> bool:
    try:
        return started_at(url) is not None
    except psycopg.OperationalError:
        return False


def started_at(url: str) -> object:
    with psycopg.connect(url) as connection:
        return connection.execute("SELECT pg_postmaster_start_time()").fetchone()


def setting(url: str, name: str) -> str:
    with psycopg.connect(url) as connection:
        return connection.execute("SELECT current_setting(%s)", [name]).fetchone()[0]


def test_the_last_user_stops_the_server(directory: Path) -> None:
    first, second = User("ensure_server", directory), User("ensure_server", directory)
    assert first.url == second.url
    first.end()
    assert answers(second.url)
    second.end()
    assert not answers(second.url)


def test_a_server_whose_user_was_killed_is_adopted_with_its_data(directory: Path) -> None:
    killed = User("ensure_server", directory)
    with psycopg.connect(killed.url) as connection:
        connection.execute("CREATE TABLE kept ()")
    killed.kill()
    before = started_at(killed.url)
    heir = User("ensure_server", directory)
    assert started_at(heir.url) == before
    heir.end()
    assert not answers(heir.url)

    later = User("ensure_server", directory)
    with psycopg.connect(later.url) as connection:
        connection.execute("SELECT * FROM kept")
    later.end()


def test_users_that_start_at_once_share_one_server(directory: Path) -> None:
    users = [User("ensure_server", directory) for _ in range(4)]
    assert len({user.url for user in users}) == 1
    assert answers(users[0].url)
    for user in users:
        user.end()


def test_a_half_made_data_folder_is_made_anew(directory: Path) -> None:
    user = User("ensure_server", directory)
    assert answers(user.url)
    home = next(directory.glob("postgres-*"))
    user.end()
    (home / "data").rename(home / "data.new")
    user = User("ensure_server", directory)
    assert answers(user.url)
    user.end()


def test_a_killed_server_recovers_and_is_started_again(directory: Path) -> None:
    user = User("ensure_server", directory)
    assert answers(user.url)
    home = next(directory.glob("postgres-*"))
    pid = int((home / "data" / "postmaster.pid").read_text().split()[0])
    with psycopg.connect(user.url) as connection:
        os.kill(pid, signal.SIGKILL)
        # The server's own processes end when they see that their parent is gone.
        with pytest.raises(psycopg.OperationalError):
            connection.execute("SELECT pg_sleep(60)")
    user.end()
    heir = User("ensure_server", directory)
    assert answers(heir.url)
    heir.end()


def test_a_throwaway_server_is_gone_after_its_user(directory: Path) -> None:
    user = User("throwaway_server", directory)
    assert setting(user.url, "fsync") == "off"
    assert list(directory.glob("throwaway-*"))
    user.end()
    assert not list(directory.glob("throwaway-*"))
    assert not answers(user.url)


def test_throwaway_servers_of_killed_users_are_swept_and_others_are_not(directory: Path) -> None:
    killed, living = User("throwaway_server", directory), User("throwaway_server", directory)
    assert killed.url != living.url
    killed.kill()
    assert answers(killed.url)
    sweeper = User("throwaway_server", directory)
    assert answers(sweeper.url)
    assert not answers(killed.url)
    assert answers(living.url)
    assert len(list(directory.glob("throwaway-*"))) == 2
    living.end()
    sweeper.end()


def test_the_real_server_keeps_what_it_commits(directory: Path) -> None:
    user = User("ensure_server", directory)
    assert setting(user.url, "fsync") == "on"
    assert setting(user.url, "synchronous_commit") == "on"
    assert setting(user.url, "listen_addresses") == ""
    user.end()


def test_a_path_too_long_for_a_socket_gets_a_short_stand_in(directory: Path) -> None:
    deep = directory / ("deep" * 15) / ("deeper" * 8)
    user = User("ensure_server", deep)
    assert answers(user.url)
    home = next(deep.glob("postgres-*"))
    assert not list(home.glob(".s.PGSQL*"))
    user.end()
    unprivileged.stand_in(home).rmdir()


def test_a_folder_that_the_servers_user_cannot_enter_gets_an_open_stand_in(
    directory: Path,
) -> None:
    closed = directory / "closed"
    closed.mkdir(mode=0o700)
    user = User("ensure_server", closed)
    assert answers(user.url)
    user.end()
    stand_in = unprivileged.stand_in(closed)
    used, unused = (stand_in, closed) if AS_ROOT else (closed, stand_in)
    assert list(used.glob("postgres-*"))
    assert not list(unused.glob("postgres-*"))
    shutil.rmtree(stand_in)


def test_programs_that_the_servers_user_cannot_reach_are_copied(directory: Path) -> None:
    closed = directory / "closed"
    closed.mkdir(mode=0o700)
    programs = write_programs(closed / "package" / "install" / "bin", "16.3")
    (closed / "package.libs").mkdir()
    (closed / "package.libs" / "libpq.so").touch()

    runnable = postgres_programs.runnable(programs)

    code, said = unprivileged.run(runnable.folder / "postgres", "--version")
    assert (code, said) == (0, "postgres (PostgreSQL) 16.3\n")
    assert (runnable.folder / "../../../package.libs/libpq.so").exists()
    assert (runnable != programs) == AS_ROOT
    shutil.rmtree(unprivileged.open_folder(closed / "package" / "install"))


@pytest.fixture
def install(directory: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Pretend that the machine has just these versions, each in a folder of its name."""

    def install(*versions: str) -> None:
        folders = [write_programs(directory / version, version).folder for version in versions]
        monkeypatch.setattr(postgres_programs, "system_folders", lambda: iter(folders))

    monkeypatch.setenv("DAYBOOK_POSTGRES", "system")
    return install


def test_the_newest_supported_version_is_chosen(directory: Path, install) -> None:
    install("14.9", "15.2", "17.1", "19beta1")
    assert postgres_programs.choose_programs(directory).folder == directory / "17.1"


def test_the_version_that_made_the_data_is_chosen(directory: Path, install) -> None:
    install("15.2", "17.1")
    (directory / "postgres-15").mkdir()
    assert postgres_programs.choose_programs(directory).folder == directory / "15.2"


def test_data_of_a_version_that_is_gone_are_not_passed_over(directory: Path, install) -> None:
    install("17.1")
    (directory / "postgres-16").mkdir()
    with pytest.raises(ServerError, match="belong to postgres-16, which is not here any more"):
        postgres_programs.choose_programs(directory)


def test_without_any_server_the_error_says_what_to_do(directory: Path, install) -> None:
    install()
    with pytest.raises(ServerError, match="apt install postgresql"):
        postgres_programs.choose_programs(directory)


def test_a_server_that_does_not_start_shows_the_end_of_its_log(directory: Path) -> None:
    user = User("ensure_server", directory)
    assert answers(user.url)
    user.end()
    with next(directory.glob("postgres-*/data/postgresql.conf")).open("a") as configuration:
        configuration.write("no_such_setting = 1\n")
    command = [sys.executable, "-c", USER_PROCESS, "ensure_server", directory]
    failed = subprocess.run(command, cwd=PROJECT, capture_output=True, text=True, check=False)
    assert failed.returncode != 0
    assert 'unrecognized configuration parameter "no_such_setting"' in failed.stderr


def test_somebody_elses_folder_is_refused(directory: Path) -> None:
    theirs = directory / "theirs"
    theirs.mkdir()
    theirs.chmod(0o777)
    with pytest.raises(ServerError, match="only the user with id"):
        unprivileged.own_folder(theirs)


def write_programs(folder: Path, version: str) -> postgres_programs.Programs:
    """Write programs that know nothing but their version."""
    folder.mkdir(parents=True)
    for name in postgres_programs.NAMES:
        (folder / name).write_text(f"#!/bin/sh\necho 'postgres (PostgreSQL) {version}'\n")
        (folder / name).chmod(0o755)
    major, _, minor = version.partition(".")
    return postgres_programs.Programs(int(major.split("beta")[0]), int(minor or 0), folder)
