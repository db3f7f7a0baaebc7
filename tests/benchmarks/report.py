"""Shows what was measured: a table for people, a dict for programs."""

import os
import platform
from collections.abc import Sequence
from importlib.metadata import version
from importlib.util import find_spec
from typing import Any

from tests.benchmarks.measuring import Measured
from tests.benchmarks.rows import RIVALS
from tests.benchmarks.scratch_database import setting

#: Packages by their names, with the module of each.
PACKAGES = {
    "Django": "django",
    "djangorestframework": "rest_framework",
    "psycopg": "psycopg",
    "msgspec": "msgspec",
    "eventsourcing": "eventsourcing",
}
NOT_INSTALLED = "eventsourcing (library) is not installed: make bench installs it"
HEADINGS = ("work", "limit", "library", "plain ORM", "ours", "/limit", "/library", "/ORM", "must")
LAYOUT = "{:<62}{:>15}{:>15}{:>15}{:>15}  {:>7}{:>10}{:>6}  {}"
LEGEND = (
    "median of the rounds, and half the distance between the slowest and the fastest of them; "
    "ratios are medians of ratios within a round"
)


def machine() -> dict[str, Any]:
    """What a reader has to know to judge the numbers."""
    packages = {name: version(name) for name, module in PACKAGES.items() if find_spec(module)}
    return {
        "postgresql": setting("server_version"),
        "fsync": setting("fsync"),
        "synchronous_commit": setting("synchronous_commit"),
        "cores": os.cpu_count(),
        "python": platform.python_version(),
        "packages": packages,
    }


def header(facts: dict[str, Any], rounds: int) -> str:
    packages = ", ".join(f"{name} {number}" for name, number in facts["packages"].items())
    return (
        f"PostgreSQL {facts['postgresql']}, fsync {facts['fsync']}, "
        f"synchronous_commit {facts['synchronous_commit']}, {facts['cores']} cores, "
        f"Python {facts['python']}, {packages}; {rounds} rounds\n{LEGEND}"
    )


def table_head() -> str:
    return LAYOUT.format(*HEADINGS)


def table_line(measured: Measured) -> str:
    rates = [_rate(measured, name) for name in (*RIVALS, "ours")]
    ratios = [_ratio(measured.ratio(name)) for name in RIVALS]
    work = f"{measured.row.work}, {measured.row.unit}"
    return LAYOUT.format(work, *rates, *ratios, _musts(measured))


def as_json(facts: dict[str, Any], rounds: int, results: Sequence[Measured]) -> dict[str, Any]:
    return {"machine": facts, "rounds": rounds, "rows": [_row_as_json(row) for row in results]}


def _row_as_json(measured: Measured) -> dict[str, Any]:
    musts = measured.row.musts
    return {
        "name": measured.row.name,
        "work": measured.row.work,
        "unit": measured.row.unit,
        "rates": {name: measured.rate(name) for name in measured.rates},
        "spread": {name: measured.spread(name) for name in measured.rates},
        "rounds": measured.rates,
        "ratios": {name: measured.ratio(name) for name in RIVALS if name in measured.rates},
        "must": {name: {"at_least": musts[name], "holds": measured.holds(name)} for name in musts},
        "least": {"at_least": measured.row.least, "holds": measured.is_fast_enough()},
        "total": str(measured.total),
    }


def _rate(measured: Measured, name: str) -> str:
    rate, spread = measured.rate(name), measured.spread(name)
    if rate is None or spread is None:
        return "-"
    slowest, fastest = spread
    return f"{rate:,.0f} ±{(fastest - slowest) / 2 / rate:.0%}"


def _ratio(value: float | None) -> str:
    return "-" if value is None else f"{value:.2f}"


def _musts(measured: Measured) -> str:
    answers = {True: "holds", False: "MISSED", None: "not measured"}
    musts = [
        f"{bound} x {rival}: {answers[measured.holds(rival)]}"
        for rival, bound in measured.row.musts.items()
    ]
    if measured.row.least is not None:
        musts.append(f"{measured.row.least:,.0f}/s: {answers[measured.is_fast_enough()]}")
    return ", ".join(musts)
