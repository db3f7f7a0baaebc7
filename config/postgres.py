"""The project's own PostgreSQL: started by the first process that needs it, stopped by the last.

Every process that uses a server holds a shared lock on its `users.lock`. The kernel drops that
lock with the process, however it dies, so no process id has to be believed: at its end a process
tries for the exclusive lock, and who gets it was the last user and stops the server. A server
whose users were killed is adopted by the next one. (Children that inherit the URL live under the
lock of their parent.)
"""

import atexit
import fcntl
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from config.postgres_programs import choose_programs
from config.postgres_server import Server
from config.unprivileged import own_folder, reachable_folder


def ensure_server(directory: Path) -> str:
    """Return the URL of the server whose data lie in `directory`, started if need be."""
    place = reachable_folder(directory)
    programs = choose_programs(place)
    home = own_folder(place / f"postgres-{programs.major}")
    server = Server(programs, home)
    with locked(home / "start.lock"):
        join(server)
    return server.url


def throwaway_server(parent: Path, *, fsync: bool = False) -> str:
    """Return the URL of a new, empty server, which ends with this process.

    First removes those under `parent` whose processes were killed. Without `fsync` a crash of
    the machine ruins the data; a crash of the server does not.
    """
    place = reachable_folder(parent)
    programs = choose_programs(place)
    with locked(place / "throwaway.lock"):
        for leftover in place.glob("throwaway-*/"):
            Use(Server(programs, leftover), throwaway=True).end()
        home = own_folder(Path(tempfile.mkdtemp(prefix="throwaway-", dir=place)))
        server = Server(programs, home, fsync)
        join(server, throwaway=True)
    return server.url


@dataclass
class Use:
    """This process's use of a server."""

    server: Server
    throwaway: bool
    lock: int | None = None
    process: int = field(default_factory=os.getpid)

    @property
    def lock_path(self) -> Path:
        return self.server.home / "users.lock"

    def begin(self) -> None:
        # Waits here while the last user is stopping the server.
        self.lock = open_lock(self.lock_path, fcntl.LOCK_SH)
        self.server.ensure_running()

    def end(self) -> None:
        if self.lock is not None:
            # Closed, not upgraded: a forked child that shares this lock remains a user.
            os.close(self.lock)
        try:
            lock = open_lock(self.lock_path, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except (BlockingIOError, FileNotFoundError):
            return  # Others use it, or have just removed it.
        if self.throwaway:
            self.server.remove()
        else:
            self.server.stop("fast")
        os.close(lock)


_uses: dict[str, Use] = {}


def join(server: Server, *, throwaway: bool = False) -> None:
    if server.url not in _uses:
        use = Use(server, throwaway)
        use.begin()
        _uses[server.url] = use


@atexit.register
def end_all_uses() -> None:
    for use in _uses.values():
        if use.process == os.getpid():  # not in a forked child
            use.end()


@contextmanager
def locked(path: Path) -> Iterator[None]:
    lock = open_lock(path, fcntl.LOCK_EX)
    try:
        yield
    finally:
        os.close(lock)


def open_lock(path: Path, kind: int) -> int:
    """Return a file descriptor that holds the lock until it is closed."""
    lock = os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, mode=0o600)
    try:
        fcntl.flock(lock, kind)
    except OSError:
        os.close(lock)
        raise
    return lock
