"""One PostgreSQL server on a unix socket: make its data, start it, stop it, ask whether it is up.

Who may do that, and when, is decided in `config.postgres`.
"""

import shlex
import shutil
import socket
import sys
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

from config.postgres_programs import Programs
from config.unprivileged import ServerError, run, socket_folder

NAME = "daybook"  # of the database and of its owner
SOCKET = ".s.PGSQL.5432"
STARTING_SECONDS = 60
ENDING_SECONDS = 10
# Bytewise order keeps indexes fast; this one lets upper() and lower() know more than ASCII.
LETTERS = "en_US.UTF-8" if sys.platform == "darwin" else "C.UTF-8"


@dataclass(frozen=True)
class Server:
    """Its programs, and the folder of its data, log, locks and (if the path is short) socket."""

    programs: Programs
    home: Path
    fsync: bool = True

    @property
    def url(self) -> str:
        host = quote(str(self.sockets), safe="")
        return f"postgresql://{NAME}@/{NAME}?host={host}&port=5432"

    @property
    def sockets(self) -> Path:
        return socket_folder(self.home, SOCKET)

    def ensure_running(self) -> None:
        if not (self.home / "data").exists():
            self.create()
        if not self.is_listening():
            self.start()
        self.wait_until_ready()

    def create(self) -> None:
        """Make the data folder and in it our database; it gets its name when it is complete."""
        new = self.home / "data.new"
        shutil.rmtree(new, ignore_errors=True)
        sync = [] if self.fsync else ["--no-sync"]
        locale = ["--encoding=UTF8", "--locale=C", f"--lc-ctype={LETTERS}"]
        self.run("initdb", "-D", new.name, "-U", NAME, "--auth=trust", *locale, *sync)
        single = ["--single", "-D", new.name, "-c", f"fsync={self.fsync}", "postgres"]
        self.run("postgres", *single, text=f"CREATE DATABASE {NAME}\n")
        new.rename(self.home / "data")

    def start(self) -> None:
        settings = {
            "listen_addresses": "",
            "unix_socket_directories": f'"{self.sockets}"',
            "port": "5432",
            "max_connections": "200",
            "fsync": str(self.fsync),
            "synchronous_commit": "on",
        }
        options = shlex.join(f"--{name}={value}" for name, value in settings.items())
        wait = f"--timeout={STARTING_SECONDS}"
        self.forget_zombie()
        deadline = time.monotonic() + ENDING_SECONDS
        while True:
            try:
                return self.run("pg_ctl", "start", "-D", "data", "-l", "log", "-o", options, wait)
            except ServerError as error:
                # Of a server that was killed, some processes may still be ending.
                if "is still in use" not in str(error) or time.monotonic() > deadline:
                    raise
            time.sleep(0.1)

    def stop(self, mode: str) -> None:
        if self.is_listening():
            self.run("pg_ctl", "stop", "-D", "data", "-m", mode)

    def remove(self) -> None:
        """Stop the server without care for its data, and remove them."""
        self.stop("immediate")
        for folder in {self.sockets, self.home}:
            # Two processes may do so at once; what is left, the next one removes.
            shutil.rmtree(folder, ignore_errors=True)

    def is_listening(self) -> bool:
        # A server that died leaves its socket's file, but nobody answers there.
        with socket.socket(socket.AF_UNIX) as client, suppress(OSError):
            client.connect(str(self.sockets / SOCKET))
            return True
        return False

    def wait_until_ready(self) -> None:
        """Wait for a server that is still recovering from a crash."""
        deadline = time.monotonic() + STARTING_SECONDS
        while not self.says_ready():
            if time.monotonic() > deadline:
                raise ServerError(f"PostgreSQL is not ready yet; see {self.home / 'log'}.")
            time.sleep(0.02)

    def says_ready(self) -> bool:
        with suppress(FileNotFoundError):
            return (self.home / "data" / "postmaster.pid").read_text().split()[-1:] == ["ready"]
        return False

    def forget_zombie(self) -> None:
        """Remove the lock files of a killed server that nobody has reaped.

        In a container whose first process reaps none, PostgreSQL would take it for a living one.
        """
        pid_file = self.home / "data" / "postmaster.pid"
        with suppress(FileNotFoundError, IndexError):
            pid = pid_file.read_text().split()[0]
            after_name = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2]
            if after_name.split()[0] == "Z":
                (self.sockets / f"{SOCKET}.lock").unlink(missing_ok=True)
                pid_file.unlink()

    def run(self, program: str, *arguments: str, text: str = "") -> None:
        code, output = run(self.programs.folder / program, *arguments, cwd=self.home, text=text)
        if code != 0:
            log = self.home / "log"
            tail = log.read_text(errors="replace").splitlines()[-10:] if log.exists() else []
            said = "\n  ".join([*output.splitlines()[-10:], *tail])
            raise ServerError(f"{program} failed in {self.home}:\n  {said}")
