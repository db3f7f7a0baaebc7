"""Breaks the code on purpose, one patch at a time, and demands that a test turns red.

Each `*.patch` beside this file breaks one promise of DESIGN section 3. Its first lines say

    # breaks: what it does to the code
    # red: tests/...::test_...
    # because: words that the failure must contain

Run it from anywhere: `python tests/mutations/run.py [words of a patch's name ...]`. Ends with 1
where a mutant survives, a patch no longer applies, or a test is red without any patch.
"""

import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from xml.etree import ElementTree

HERE = Path(__file__).resolve().parent
PROJECT = HERE.parent.parent
LEFT_OUT = shutil.ignore_patterns(".venv", ".git", ".daybook", "__pycache__", ".*_cache")
SECONDS_FOR_A_TEST = 300
OPTIONS = ("-q", "-n0", "--tb=short", "--show-capture=no", "-p", "no:cacheprovider")


@dataclass(frozen=True)
class Mutant:
    path: Path
    breaks: str
    red: str
    because: str


@dataclass(frozen=True)
class Outcome:
    """What pytest said of the tests that it was given."""

    failures: int
    errors: int
    text: str


def main(words: Sequence[str]) -> int:
    mutants = [read(path) for path in sorted(HERE.glob("*.patch"))]
    chosen = [m for m in mutants if not words or any(word in m.path.name for word in words)]
    if not chosen:
        print(f"no patch is named like {' or '.join(words) or '*.patch'}")
        return 1
    sound = unbroken_is_green(chosen)
    verdicts = [judge(mutant) for mutant in chosen]
    return 0 if sound and all(verdicts) else 1


def read(path: Path) -> Mutant:
    """A patch with its header; raises KeyError where a line is missing."""
    header = {}
    for line in path.read_text().splitlines():
        if not line.startswith("# "):
            break
        name, _, value = line[2:].partition(": ")
        header[name] = value
    return Mutant(path, header["breaks"], header["red"], header["because"])


def unbroken_is_green(mutants: Sequence[Mutant]) -> bool:
    """Without any patch, all the tests pass; else their red would prove nothing."""
    started = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="daybook-") as folder:
        outcome = run_tests(copy_project(folder), sorted({mutant.red for mutant in mutants}))
    seconds = time.monotonic() - started
    is_green = outcome.failures == outcome.errors == 0
    print_line("green" if is_green else "RED", "the code as it is", seconds)
    if not is_green:
        print(outcome.text[-3000:])
    return is_green


def judge(mutant: Mutant) -> bool:
    """Whether the mutant dies of the test that is there for it."""
    started = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="daybook-") as folder:
        copy = copy_project(folder)
        problem = apply(mutant, copy) or survival(mutant, run_tests(copy, [mutant.red]))
    seconds = time.monotonic() - started
    print_line(
        "red" if not problem else "NOT RED", f"{mutant.path.stem}: {mutant.breaks}", seconds
    )
    if problem:
        print(f"          {mutant.red}\n          {problem}")
    return not problem


def survival(mutant: Mutant, outcome: Outcome) -> str:
    """Why this is not the red that the patch promises; empty where it is."""
    if outcome.errors:
        return f"an error, not a failure:\n{outcome.text[-3000:]}"
    if not outcome.failures:
        return "the test is green"
    if mutant.because not in outcome.text:
        return f"red, but not because of `{mutant.because}`:\n{outcome.text[-3000:]}"
    return ""


def copy_project(folder: str) -> Path:
    # The server's user has to enter it, too.
    Path(folder).chmod(0o755)
    copy = Path(folder) / "project"
    shutil.copytree(PROJECT, copy, ignore=LEFT_OUT)
    return copy


def apply(mutant: Mutant, copy: Path) -> str:
    """Apply the patch to the copy; what went wrong, or nothing."""
    # A repository around the temporary folder must not change where git looks for the files.
    environment = {**os.environ, "GIT_CEILING_DIRECTORIES": str(copy.parent)}
    command = ["git", "apply", "-p1", str(mutant.path)]
    ended = subprocess.run(command, cwd=copy, env=environment, capture_output=True, text=True)
    return f"the patch no longer applies: {ended.stderr.strip()}" if ended.returncode else ""


def run_tests(copy: Path, tests: Sequence[str]) -> Outcome:
    report = copy.parent / "report.xml"
    ended = subprocess.run(
        [sys.executable, "-m", "pytest", *OPTIONS, f"--junitxml={report}", *tests],
        cwd=copy,
        capture_output=True,
        text=True,
        timeout=SECONDS_FOR_A_TEST,
    )
    text = ended.stdout + ended.stderr
    if not report.exists() or ended.returncode not in (0, 1):
        return Outcome(failures=0, errors=1, text=text)
    suites = ElementTree.parse(report).getroot().findall("testsuite")
    failures, errors, ran = (
        sum(int(suite.attrib[name]) for suite in suites)
        for name in ("failures", "errors", "tests")
    )
    return Outcome(failures, errors or int(ran < len(tests)), text)


def print_line(verdict: str, what: str, seconds: float) -> None:
    print(f"{verdict:<9} {seconds:5.1f} s  {what}", flush=True)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
