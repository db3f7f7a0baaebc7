"""Numbers that the project keeps small. `make check` prints them; test_measures.py limits them."""

import re
import subprocess
import tomllib
from pathlib import Path

PROJECT = Path(__file__).resolve().parent.parent.parent
CORE_LIMIT = 3_000
# What stands around the core of eventstore: its edges, with what they share to show events, their
# parser and the bounds that it reads by, and their door (who may come in, and how often); Django's
# checks; migrations; and its tests' helpers.
AROUND_THE_CORE = {"api", "admin", "management", "input", "fields", "access", "throttling"} | {
    "inspection",
    "checks",
    "migrations",
    "testing",
    "tests",
}
# Hosts of package indexes, spelled so that this file does not name one itself.
INDEX_HOSTS = re.compile(
    r"pypi[.]org|pythonhosted[.]org|npmjs[.](org|com)|registry[.]yarnpkg[.]com"
    r"|deb[.]debian[.]org|archive[.]ubuntu[.]com|conda[.]anaconda[.]org"
)


def core_lines() -> int:
    """Count the lines of eventstore's core that are not blank."""
    core = PROJECT / "eventstore"
    return sum(
        1
        for path in core.rglob("*.py")
        if not AROUND_THE_CORE
        & {part.removesuffix(".py") for part in path.relative_to(core).parts}
        for line in path.read_text().splitlines()
        if line.strip()
    )


def direct_dependencies() -> list[str]:
    """Return what has to be installed to run the project."""
    project = tomllib.loads((PROJECT / "pyproject.toml").read_text())["project"]
    return list(project["dependencies"])


def mentions_of_index_hosts() -> list[str]:
    """Return `file:line: text` of each place in the project's files that names an index's host."""
    return [
        f"{name}:{number}: {line.strip()}"
        for name in project_files()
        for number, line in enumerate(read_lines(PROJECT / name), start=1)
        if INDEX_HOSTS.search(line)
    ]


def project_files() -> list[str]:
    """Return the names of the files that git has, or would take."""
    command = ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"]
    names = subprocess.run(command, cwd=PROJECT, capture_output=True, text=True, check=True)
    return [name for name in names.stdout.split("\0") if (PROJECT / name).is_file()]


def read_lines(path: Path) -> list[str]:
    return path.read_text(errors="replace").splitlines()


if __name__ == "__main__":
    print(f"eventstore's core: {core_lines():,} lines that are not blank, of {CORE_LIMIT:,}")
    print(
        f"direct dependencies: {len(direct_dependencies())} ({', '.join(direct_dependencies())})"
    )
