"""What the README says of a box is enough to read it without this program."""

import re
import subprocess
import sys
from pathlib import Path

from eventstore.application import get_application
from eventstore.models import Box
from tests.conftest import PROJECT
from tests.eventstore.boxes.support import box, renamed_person
from tests.http import Api


def test_the_program_in_the_readme_reads_a_box_and_proves_it(
    operator: Api, tmp_path: Path
) -> None:
    person = renamed_person(operator, renames=2)
    box(operator, person)
    path = get_application().cold_storage.root / Box.objects.get().path
    forged = tmp_path / "forged.jsonl"
    forged.write_bytes(path.read_bytes().replace(b"King 1", b"King 2"))

    true, false = read(path), read(forged)

    said = [line.split(" ", 2) for line in true.stdout.splitlines()]
    assert [line[:2] for line in said] == [
        ["1", "person.registered"],
        ["2", "person.renamed"],
        ["3", "person.renamed"],
    ]
    assert "King 1" in said[2][2]
    assert true.returncode == 0, true.stderr
    assert "AssertionError: 3" in false.stderr


def read(path: Path) -> subprocess.CompletedProcess[str]:
    """Run the program that stands under "The file"."""
    section = (PROJECT / "README.md").read_text().split("### The file")[1]
    found = re.search(r"```python\n(.*?)```", section, re.DOTALL)
    assert found, "the README has no program under The file"
    command = [sys.executable, "-I", "-c", found[1], str(path)]
    return subprocess.run(command, capture_output=True, text=True, check=False)
