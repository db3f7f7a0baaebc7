"""`manage.py` that tells at its end how much memory it has had at the most, in kilobytes."""

import os
import re
import sys
from pathlib import Path

from django.core.management import execute_from_command_line

STATUS = Path("/proc/self/status")


def main() -> None:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
    execute_from_command_line(["manage.py", *sys.argv[1:]])
    # Not `getrusage`, which counts what the parent had when it started this process.
    found = re.search(r"VmHWM:\s+(\d+) kB", STATUS.read_text())
    print(found[1] if found else 0)


if __name__ == "__main__":
    main()
