"""`eventstore` serves any domain: one of its own runs where ours cannot even be imported."""

import json
import os
import subprocess
import sys
from collections.abc import Generator
from pathlib import Path
from typing import Any

import pytest
from django.db import connection
from psycopg import sql

from eventstore.checks.settings import REQUIRED_STEPS
from tests.contracts.library import play
from tests.eventstore.support import raw_connection

PROJECT = Path(__file__).resolve().parent.parent.parent


@pytest.fixture
def library_database(database: None) -> Generator[dict[str, Any]]:
    """The settings of an empty database beside the tests' own."""
    name = f"{connection.settings_dict['NAME']}_library"
    with raw_connection(autocommit=True) as raw:
        raw.execute(sql.SQL("DROP DATABASE IF EXISTS {}").format(sql.Identifier(name)))
        raw.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
        yield {**connection.settings_dict, "NAME": name}
        raw.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name)))


def run(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """A fresh Python in the project's folder, which knows nothing of Django's settings."""
    inherited = {k: v for k, v in os.environ.items() if k != "DJANGO_SETTINGS_MODULE"}
    return subprocess.run(
        [sys.executable, "-W", "error", *arguments],
        cwd=PROJECT,
        env={**inherited, **environment},
        capture_output=True,
        text=True,
        timeout=60,
    )


def test_a_second_domain_runs_on_the_eventstore_alone(library_database: dict[str, Any]) -> None:
    ended = run(
        "-m",
        play.__name__,
        LIBRARY_DATABASE=json.dumps(library_database, default=str),
        LIBRARY_STEPS=json.dumps(REQUIRED_STEPS),
    )

    assert ended.returncode == 0, ended.stderr
    assert json.loads(ended.stdout) == {
        "versions": [1, 2],
        "replayed": True,
        "refusal": "book_is_out",
        "events": ["book.bought", "book.lent"],
        "rows": [["Momo", "Ada", 1]],
    }


@pytest.mark.parametrize("package", ["ledger", "projections", "config"])
def test_what_is_blocked_cannot_be_imported(package: str) -> None:
    """The wall itself can be run into."""
    block = f"from tests.contracts.blocked import block; block('{package}'); import {package}"

    ended = run("-c", block)

    assert f"ImportError: {package} is blocked" in ended.stderr


PURE = [
    "eventstore.errors",
    "eventstore.tenancy",
    "eventstore.fields",
    "eventstore.commands",
    "eventstore.events",
    "eventstore.aggregates",
    "eventstore.hash_chain",
    "eventstore.event_types",
    "eventstore.command_types",
    "eventstore.upcasting",
    "ledger.errors",
    "ledger.money",
    *(
        f"ledger.{context.name}.{module}"
        for context in sorted((PROJECT / "ledger").iterdir())
        for module in ("aggregate", "commands", "events", "process_manager", "upcasters")
        if (context / f"{module}.py").exists()
    ),
]


@pytest.mark.parametrize("module", PURE)
def test_the_rules_of_the_domain_need_no_django(module: str) -> None:
    code = (
        "from tests.contracts.blocked import block\n"
        "block('django', 'rest_framework', 'psycopg', 'msgspec')\n"
        f"import {module}"
    )

    ended = run("-c", code)

    assert ended.returncode == 0, ended.stderr


def test_all_contexts_of_the_domain_are_among_the_pure_modules() -> None:
    assert {"ledger.accounts.aggregate", "ledger.persons.events"} <= set(PURE)
