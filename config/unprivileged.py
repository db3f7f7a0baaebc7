"""Run programs as a user that PostgreSQL accepts, in folders which that user can enter.

PostgreSQL refuses to run as root. Where we are root, its programs run as `nobody`; everybody else
runs them as themselves. `/var/tmp` is the one place that both can always reach.
"""

import functools
import hashlib
import os
import pwd
import stat
import subprocess
from pathlib import Path
from typing import NamedTuple

OPEN_PLACE = Path("/var/tmp")
# The kernel's limit for a socket's path is 107 bytes on Linux and 103 on macOS.
LONGEST_SOCKET_PATH = 103
EVERYBODY_ELSE = stat.S_IRWXG | stat.S_IRWXO


class ServerError(RuntimeError):
    """PostgreSQL cannot be found or started; the text says what to do."""


class Account(NamedTuple):
    """Whom programs run as; all None: as ourselves."""

    user: int | None = None
    group: int | None = None
    extra_groups: list[int] | None = None


@functools.cache
def account() -> Account:
    if os.geteuid() != 0:
        return Account()
    nobody = pwd.getpwnam("nobody")
    return Account(nobody.pw_uid, nobody.pw_gid, [])


def run(*command: str | Path, cwd: str | Path = "/", text: str = "") -> tuple[int, str]:
    """Run `command` as the server's user with `text` as input; return exit code and output.

    The session of its own keeps the terminal's Ctrl-C away from a server that this starts.
    """
    # PGDATA and its kin would lead the programs elsewhere; their messages shall be English.
    environment = {k: v for k, v in os.environ.items() if not k.startswith("PG")}
    user, group, extra_groups = account()
    done = subprocess.run(
        command,
        cwd=cwd,
        env=environment | {"LC_ALL": "C"},
        input=text,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
        start_new_session=True,
        user=user,
        group=group,
        extra_groups=extra_groups,
    )
    return done.returncode, done.stdout


def can_enter(folder: Path) -> bool:
    return account().user is None or run("sh", "-c", 'cd "$0"', folder)[0] == 0


def can_run(program: Path) -> bool:
    """Return whether the server's user can reach and execute `program`."""
    return account().user is None or run("sh", "-c", 'test -x "$0"', program)[0] == 0


def reachable_folder(folder: Path) -> Path:
    """Make `folder`; return it, or its stand-in where the server's user cannot enter it."""
    folder.mkdir(parents=True, exist_ok=True)
    return folder if can_enter(folder) else stand_in(folder)


def socket_folder(folder: Path, socket_name: str) -> Path:
    """Return `folder`, or its stand-in where the path of a socket in it would be too long."""
    fits = len(os.fsencode(folder / socket_name)) <= LONGEST_SOCKET_PATH
    return folder if fits else stand_in(folder)


def stand_in(folder: Path) -> Path:
    """Return the folder in the open place that always stands in for `folder`."""
    digest = hashlib.sha256(os.fsencode(folder.resolve())).hexdigest()
    return own_folder(OPEN_PLACE / f"daybook-{digest[:12]}")


def open_folder(folder: Path) -> Path:
    """Return a folder of our own that everybody can read and nobody else can write.

    It stands in for `folder`; what we copy into it as root must not pass through others' links.
    """
    digest = hashlib.sha256(os.fsencode(folder.resolve())).hexdigest()
    place = OPEN_PLACE / f"daybook-programs-{digest[:12]}"
    place.mkdir(mode=0o755, exist_ok=True)
    found = place.lstat()
    writable = found.st_mode & (stat.S_IWGRP | stat.S_IWOTH)
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.geteuid() or writable:
        raise ServerError(f"{place} is not ours alone to write. Remove it, and try again.")
    return place


def own_folder(folder: Path) -> Path:
    """Make `folder` for the server's user alone; refuse one that others own or can enter."""
    folder.mkdir(mode=0o700, exist_ok=True)
    user, group, _ = account()
    if user is not None and group is not None and folder.lstat().st_uid == 0:
        os.chown(folder, user, group, follow_symlinks=False)
    found = folder.lstat()
    owner = os.geteuid() if user is None else user
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != owner or found.st_mode & EVERYBODY_ELSE:
        raise ServerError(
            f"{folder} must be a folder that only the user with id {owner} can enter, "
            f"but it belongs to user {found.st_uid} with mode {stat.filemode(found.st_mode)}. "
            "Run this as the user who made it, or remove it if its data may go."
        )
    return folder
