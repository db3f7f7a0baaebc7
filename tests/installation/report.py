"""What came of the installations: the table at the end, and what this machine could not try."""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from config.postgres_programs import NEWEST, OLDEST
from tests.installation.installations import Version

OK, FAILED, LEFT_OUT, NOT_TRIED = "ok", "FAILED", "left out", "not tried"


class Result(NamedTuple):
    """Of one installation; `served` is the version of the PostgreSQL that really served it.

    `why` says what failed.
    """

    title: str
    outcome: str
    served: Version | None = None
    seconds: float = 0
    why: str = ""


def table(results: Sequence[Result]) -> str:
    return "\n".join(lines(results))


def lines(results: Sequence[Result]) -> Iterator[str]:
    width = max(len(result.title) for result in results)
    yield f"{'installation':<{width}}  served by         seconds  outcome"
    for title, outcome, served, seconds, _ in results:
        server = f"PostgreSQL {served}" if served else "-"
        yield f"{title:<{width}}  {server:<16}  {seconds:7.1f}  {outcome}"
    total = sum(result.seconds for result in results)
    yield f"{'together':<{width}}  {'':<16}  {total:7.1f}"


def verdict(results: Sequence[Result], *, in_ci: bool) -> int:
    """Return the exit code. What this machine cannot try is a failure in CI only."""
    failures = [result for result in results if result.outcome == FAILED]
    for failure in failures:
        print(f"Failed {failure.title}: {failure.why}", flush=True)
    if failures:
        return 1
    untried = gaps(results)
    for gap in untried:
        print(f"{'In CI a failure' if in_ci else 'Not tried'}: {gap}", flush=True)
    return 1 if in_ci and untried else 0


def gaps(results: Sequence[Result]) -> list[str]:
    """Say what nobody tried: an installation, or an end of the range of supported versions."""
    majors = {result.served.major for result in results if result.served}
    return [
        f"{result.title}: no PostgreSQL {OLDEST} to {NEWEST} was found on this machine."
        for result in results
        if result.outcome == LEFT_OUT
    ] + [
        f"PostgreSQL {major} served no installation."
        for major in (OLDEST, NEWEST)
        if major not in majors
    ]
