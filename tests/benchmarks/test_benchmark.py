"""The benchmark runs, every row of it, and all contestants book the same money. No timing."""

import json
from contextlib import ExitStack
from decimal import Decimal
from io import StringIO

import pytest
from django.core.handlers.wsgi import WSGIHandler
from django.core.management import CommandError, call_command
from django.db import DEFAULT_DB_ALIAS, connection, connections, transaction

from config.management.commands.benchmark import NAMES
from eventstore.models import CallCount, Tenant
from tests.benchmarks.connections import unordered_database
from tests.benchmarks.measuring import Booking, Measured, Row, Size, agreed_total
from tests.benchmarks.our_requests import OurPages
from tests.benchmarks.ours import OurAppends
from tests.benchmarks.plain_rest import CACHE_TABLE, PlainPages
from tests.benchmarks.report import table_line
from tests.benchmarks.rival import has_library
from tests.benchmarks.scratch_database import query, scratch_database
from tests.benchmarks.wsgi_client import WsgiClient

ADVISORY_LOCKS = """
SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND pid = pg_backend_pid()
"""


def run(*arguments: str) -> str:
    output = StringIO()
    call_command("benchmark", "--rounds", "1", "--scale", "0.01", *arguments, stdout=output)
    return output.getvalue()


#: Rows of what the library has none of, or that compare the project with itself.
WITHOUT_LIBRARY = {
    "transfer",
    "import",
    "post",
    "page",
    "parse",
    "growth-append",
    "growth-load",
} | {
    "catch-up",
    "catch-up-statement",
    "row-by-worker",
    "row-by-qcluster",
}
REBUILDS = {
    "rebuild-memory": {"limit", "ours"},
    "rebuild": {"limit", "orm", "ours"},
    "rebuild-persons": {"limit", "orm", "ours"},
    "rebuild-statement": {"ours"},
    "rebuild-waits": {"ours"},
}

BOXES = {
    "box": {"limit", "ours"},
    "box-small": {"limit", "ours"},
    "box-memory": {"limit", "ours"},
}

TRANSACTIONS = """transaction_id,account,date,type,operation,amount,bank_balance,purpose
1,7,1993-01-01,credit,,700.00,700.00,
2,8,1993-01-01,credit,,900.00,900.00,
3,7,1993-01-02,withdrawal,,12.34,687.66,
"""


@pytest.mark.long
def test_benchmark_produces_every_row_with_its_rivals(database, tmp_path):
    file = tmp_path / "transactions.csv"
    file.write_text(TRANSACTIONS)
    result = json.loads(run("--json", "--transactions", str(file)))

    rows = {row["name"]: row for row in result["rows"]}
    assert tuple(rows) == NAMES
    expected = {
        "append": {"limit", "orm", "ours"},
        "append-100": {"limit", "orm", "ours"},
        "connections": {"limit", "ours"},
        "command": {"ours"},
        "command-cold": {"ours"},
        "command-warm": {"ours"},
        "deposit": {"orm", "ours"},
        "transfer": {"orm", "ours"},
        "import": {"orm", "ours"},
        "load": {"limit", "orm", "ours"},
        "load-snapshot": {"ours"},
        "load-warm": {"ours"},
        "feed": {"limit", "orm", "ours"},
        "catch-up": {"limit", "orm", "ours"},
        "catch-up-statement": {"orm", "ours"},
        "post": {"orm", "ours"},
        "page": {"orm", "ours"},
        "parse": {"limit", "orm", "ours"},
        "growth-append": {"limit", "ours"},
        "growth-load": {"limit", "ours"},
        "row-by-worker": {"ours"},
        "row-by-qcluster": {"orm", "ours"},
    }
    expected |= REBUILDS | BOXES
    if has_library():
        for name in expected.keys() - WITHOUT_LIBRARY - REBUILDS.keys() - BOXES.keys():
            expected[name].add("library")
    assert {name: set(row["rates"]) for name, row in rows.items()} == expected
    # measure() has compared the totals of all contestants; none of them is empty.
    assert all(Decimal(row["total"]) > 0 for row in rows.values())
    assert all(row["spread"].keys() == row["rates"].keys() for row in rows.values())
    assert all(row["ratios"].keys() == row["rates"].keys() - {"ours"} for row in rows.values())
    without_a_must = {name for name, row in rows.items() if not row["must"]}
    assert without_a_must == {"command-cold", "command-warm", "transfer"} | {
        "catch-up-statement",
        "row-by-worker",
        "row-by-qcluster",
        "rebuild-statement",
        "rebuild-waits",
        "box",
        "box-small",
    }


@pytest.mark.long
def test_benchmark_prints_a_table_of_the_rows_that_were_asked_for(database):
    lines = run("--only", "append").splitlines()

    assert "PostgreSQL" in lines[0]
    assert lines[-2].startswith("work")
    assert lines[-1].startswith("append 1 event")


@pytest.mark.long
def test_benchmark_leaves_the_configured_database_alone(database):
    name = connection.settings_dict["NAME"]

    run("--only", "append")

    assert connection.settings_dict["NAME"] == name
    assert not Tenant.objects.exists()
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT count(*) FROM pg_database WHERE datname = %s", [f"{name}_benchmark"]
        )
        assert cursor.fetchone() == (0,)


def test_benchmark_refuses_an_unknown_row():
    with pytest.raises(CommandError, match="invalid choice"):
        run("--only", "flying")


def test_a_request_that_is_refused_is_no_work(database):
    client = WsgiClient(WSGIHandler(), "Bearer of a wrong key")

    with pytest.raises(RuntimeError, match="/api/accounts answered 401"):
        client.get("/api/accounts?page=1")


@pytest.mark.long
def test_both_apis_show_the_same_accounts_and_count_the_call(database):
    size = Size(accounts=3, prior=0, bookings=3)
    with ExitStack() as closing:
        closing.enter_context(scratch_database())
        ours, plain = OurPages(size, closing), PlainPages(size, closing)
        our_page = ours.client.get("/api/accounts?page=1")
        plain_page = plain.client.get("/plain/accounts?page=1")
        our_calls = CallCount.objects.get().calls
        # Not by the cache, which forgets it within the second.
        plain_callers = query(connection, f"SELECT count(*) FROM {CACHE_TABLE}")

    shown = [[row["account_id"], row["balance"]] for row in our_page["results"]]
    assert shown == [[row["id"], row["balance"]] for row in plain_page["results"]]
    assert our_page["count"] == plain_page["count"] == 3
    assert our_calls == plain_callers == 1


def test_a_line_shows_medians_spreads_ratios_and_what_must_hold():
    row = Row("row", "work", "units/s", Size(1, 0, 1), {"limit": 0.5, "orm": 3.0}, dict, least=90)
    rates = {"limit": [200.0, 100.0, 160.0], "orm": [50.0, 50.0, 50.0], "ours": [100.0] * 3}
    measured = Measured(row, rates)

    assert measured.spread("limit") == (100.0, 200.0)
    assert measured.ratio("limit") == 100 / 160
    words = table_line(measured).split()
    assert words[:2] == ["work,", "units/s"]
    assert words[2:9] == ["160", "±31%", "-", "50", "±0%", "100", "±0%"]
    assert words[9:12] == ["0.62", "-", "2.00"]
    assert " ".join(words[12:]) == "0.5 x limit: holds, 3.0 x orm: MISSED, 90/s: holds"


@pytest.mark.long
def test_the_limit_of_the_connections_is_ours_without_what_orders(database):
    with ExitStack() as closing:
        closing.enter_context(scratch_database())
        alias = closing.enter_context(unordered_database())
        ordered, unordered = (
            (OurAppends(Size(1, 0, 1), alias=name), connections[name])
            for name in (DEFAULT_DB_ALIAS, alias)
        )
        locks = []
        for contestant, wrapper in (ordered, unordered):
            with transaction.atomic(using=wrapper.alias):
                contestant.work([Booking(0, Decimal(1))])
                locks.append(query(wrapper, ADVISORY_LOCKS))

    assert locks == [1, 0]


def test_contestants_with_different_money_are_no_rivals():
    class Holding:
        def __init__(self, total: int) -> None:
            self._total = total

        def work(self, bookings: list[Booking]) -> None: ...

        def total(self) -> Decimal:
            return Decimal(self._total)

        def setting(self, name: str) -> str:
            return "on"

    assert agreed_total({"ours": Holding(3), "orm": Holding(3)}) == 3
    with pytest.raises(RuntimeError, match="same money"):
        agreed_total({"ours": Holding(3), "orm": Holding(4)})
