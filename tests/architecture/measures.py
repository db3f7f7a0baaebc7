"""Numbers that the project keeps small. `make check` prints them; test_measures.py limits them."""

import ast
import re
import subprocess
import tomllib
from collections.abc import Iterator
from pathlib import Path

PROJECT = Path(__file__).resolve().parent.parent.parent
# The design asks for 3,000 when all is built. What it asks of the core by now takes more: process
# managers, subscriptions, scheduling, rebuilds, boxes. The limit keeps it from growing unnoticed.
CORE_LIMIT = 8_370
# What stands around the core of eventstore: its edges, with what they share to show events and how
# far the background is behind, their parser, and their door (who may come in, and how often);
# Django's checks; migrations; and its tests' helpers. And the vocabulary below it, which is pure
# Python; see `pure_modules`.
AROUND_THE_CORE = {"api", "admin", "management", "input", "access", "throttling"} | {
    "changes",
    "history",
    "lag",
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
    """Count the lines of code in eventstore's core: no blank ones, docstrings or comments."""
    return sum(len(lines_of_code(path.read_text())) for path in core_modules())


def core_modules() -> Iterator[Path]:
    core = PROJECT / "eventstore"
    around = AROUND_THE_CORE | pure_modules()
    for path in core.rglob("*.py"):
        if not around & {part.removesuffix(".py") for part in path.relative_to(core).parts}:
            yield path


def pure_modules() -> set[str]:
    """Those of eventstore that the import contracts call pure Python."""
    settings = tomllib.loads((PROJECT / "pyproject.toml").read_text())
    contracts = settings["tool"]["importlinter"]["contracts"]
    (pure,) = (contract for contract in contracts if "pure Python" in contract["name"])
    prefix = "eventstore."
    return {name.removeprefix(prefix) for name in pure["source_modules"] if prefix in name}


def lines_of_code(source: str) -> set[int]:
    """The numbers of the lines that are neither blank, nor a comment, nor of a docstring."""
    lines = enumerate(source.splitlines(), start=1)
    code = {number for number, line in lines if line.strip() and not line.lstrip().startswith("#")}
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef) and ast.get_docstring(
            node
        ):
            code -= set(range(node.body[0].lineno, (node.body[0].end_lineno or 0) + 1))
    return code


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
    print(f"eventstore's core: {core_lines():,} lines of code, of {CORE_LIMIT:,}")
    print(
        f"direct dependencies: {len(direct_dependencies())} ({', '.join(direct_dependencies())})"
    )
