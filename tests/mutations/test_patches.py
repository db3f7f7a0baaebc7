"""`make soak` runs the patches; here only that each still fits the code and names its test."""

import subprocess
from pathlib import Path

import pytest

from tests.mutations.run import HERE, PROJECT, read

PATCHES = sorted(HERE.glob("*.patch"))


@pytest.mark.parametrize("patch", PATCHES, ids=lambda path: path.stem)
def test_a_patch_fits_the_code(patch: Path) -> None:
    ended = subprocess.run(
        ["git", "apply", "--check", "-p1", patch], cwd=PROJECT, capture_output=True, text=True
    )

    assert ended.returncode == 0, ended.stderr


@pytest.mark.parametrize("patch", PATCHES, ids=lambda path: path.stem)
def test_a_patch_names_a_test_that_exists(patch: Path) -> None:
    file, _, test = read(patch).red.partition("::")

    assert f"def {test.partition('[')[0]}(" in (PROJECT / file).read_text()


def test_there_are_patches() -> None:
    assert len(PATCHES) > 15
