"""`manage.py import_transactions` on a real bank's transactions, killed on the way."""

import csv
import io
import json
import time
from collections.abc import Iterator
from decimal import Decimal
from itertools import islice
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command
from django.db import connection

from eventstore.application import Application
from eventstore.models import StoredCommand, StoredEvent, Tenant
from ledger.transactions import account_id_of
from projections.models import AccountSummary
from tests.processes import run_manage, start_manage
from tests.replay import assert_rows_equal_a_replay

#: The bank rounds to 0.10, so its balance may be off by so much.
ROUNDING = Decimal("0.80")

PATIENCE = 300


@pytest.fixture
def first_transactions(berka_file: Path, tmp_path: Path) -> Path:
    """The first 1,500 transactions, for `make check`."""
    part = tmp_path / "transactions.csv"
    with berka_file.open() as whole:
        part.write_text("".join(islice(whole, 1_501)))
    return part


@pytest.mark.long
def test_an_import_killed_three_times_posts_each_transaction_once(
    application: Application, tenant: Tenant, first_transactions: Path
) -> None:
    import_with_three_kills(tenant, first_transactions, kill_at=(250, 750, 1_250))
    check_import(application, tenant, first_transactions)


@pytest.mark.soak
def test_the_whole_file_killed_three_times_posts_each_transaction_once(
    application: Application, tenant: Tenant, berka_file: Path
) -> None:
    import_with_three_kills(tenant, berka_file, kill_at=(5_000, 20_000, 40_000))
    check_import(application, tenant, berka_file)
    assert bookings().count() == 46_039


def import_with_three_kills(tenant: Tenant, file: Path, kill_at: tuple[int, ...]) -> None:
    arguments = ("import_transactions", str(file), "--tenant", tenant.slug)
    for events in kill_at:
        process = start_manage(*arguments)
        wait_for_events(events)
        process.kill()
        process.communicate()
        assert process.returncode == -9, "it ended before it was killed"
    finished = run_manage(*arguments)
    assert finished.returncode == 0, finished.stderr
    assert "0 refused" in finished.stdout
    assert "\r" not in finished.stderr, "no progress bar where there is no terminal"


def wait_for_events(count: int) -> None:
    deadline = time.monotonic() + PATIENCE
    while StoredEvent.objects.order_by("-position").values_list("position").first() is None or (
        StoredEvent.objects.count() < count
    ):
        assert time.monotonic() < deadline
        time.sleep(0.02)


def check_import(application: Application, tenant: Tenant, file: Path) -> None:
    """Each transaction stands once, each balance is exact, and the rows equal a replay."""
    sums: dict[str, Decimal] = {}
    of_bank: dict[str, Decimal] = {}
    count = 0
    for row in rows_of(file):
        amount = Decimal(row["amount"])
        sums[row["account"]] = sums.get(row["account"], Decimal(0)) + (
            amount if row["type"] == "credit" else -amount
        )
        of_bank[row["account"]] = Decimal(row["bank_balance"])
        count += 1
    assert bookings().count() == count
    assert not bookings().exclude(status="completed").exists()
    assert StoredEvent.objects.count() == count + 2 * len(sums)

    balances = dict(AccountSummary.objects.values_list("account_id", "balance"))
    assert balances == {
        account_id_of(tenant.id, account): total for account, total in sums.items()
    }
    for account, total in sums.items():
        assert abs(total - of_bank[account]) <= ROUNDING
    days = bookings().values_list("data", flat=True)
    booked_on = {json.loads(data)["booked_on"] for data in days}
    # For an account with its owner five rows; a statement line for each booking; one overview.
    expected = 5 * len(sums) + count + len(booked_on) + 1
    assert assert_rows_equal_a_replay(application) == expected
    assert_each_stream_is_whole()


def rows_of(file: Path) -> Iterator[dict[str, str]]:
    with file.open(newline="") as lines:
        yield from csv.DictReader(lines)


def bookings():
    return StoredCommand.objects.filter(type__in=["deposit-money", "withdraw-money"])


def assert_each_stream_is_whole() -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT count(*) FROM eventstore_stream AS s WHERE s.version <> "
            "(SELECT count(*) FROM eventstore_event AS e WHERE e.stream_id = s.id)"
        )
        assert cursor.fetchone() == (0,)


def test_day_and_reference_come_from_the_file(
    application: Application, tenant: Tenant, first_transactions: Path
) -> None:
    lines = first_transactions.read_text().splitlines()[:2]
    first_transactions.write_text("\n".join(lines) + "\n")
    out = io.StringIO()
    call_command("import_transactions", first_transactions, "--tenant", "acme", stdout=out)
    assert out.getvalue().startswith("3 commands: 3 posted, 0 were there already")
    recorded = list(application.reader.read_log())
    booking = recorded[-1].event
    assert booking.booked_on.isoformat() == "1993-01-01"
    assert booking.reference == "695247 cash_deposit"
    assert recorded[0].event.last_name == recorded[1].event.code == "2378"


HEADER = "transaction_id,account,date,type,operation,amount,bank_balance,purpose\n"


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("", "line 1: the columns"),
        ("a,b\n1,2\n", "line 1: the columns"),
        (HEADER + "1,2,1993-01-01,credit,,5.00,5.00,\n1,2,1993-13-01,credit,,5,5,\n", "line 3"),
        (HEADER + "1,2,1993-01-01,loan,,5.00,5.00,\n", "neither credit nor withdrawal"),
        (HEADER + "1,2,1993-01-01,credit,,5.001,5.00,\n", "at most 2 digits"),
        (HEADER + "1,2,1993-01-01,credit,,NaN,5.00,\n", "exact amount"),
        (HEADER + "1,,1993-01-01,credit,,1.00,5.00,\n", "must not be empty"),
        (HEADER + "1,2\n", "line 2"),
        (HEADER + f"1,2,1993-01-01,credit,{'x' * 200},5.00,5.00,\n", "line 2: {'reference'"),
        (HEADER + f"1,{'7' * 60},1993-01-01,credit,,5.00,5.00,\n", "line 2: {'code'"),
        (HEADER + "1,2\0,1993-01-01,credit,,5.00,5.00,\n", "line 2: {'last_name'"),
        (HEADER + f"1,{'2' * 200_000},1993-01-01,credit,,5.00,5.00,\n", "field larger"),
        (HEADER + "1,2,1993-W01-1,credit,,5.00,5.00,\n", "line 2: must be a day"),
        ("transaction_id,account,type,operation,amount,purpose,date\n1,2,credit\n", "line 2"),
    ],
)
def test_a_file_that_cannot_be_read_posts_nothing(
    tenant: Tenant, tmp_path: Path, text: str, problem: str
) -> None:
    file = tmp_path / "transactions.csv"
    file.write_text(text)
    failure = import_fails(file)
    assert failure.returncode == 2
    assert problem in str(failure)
    assert not StoredCommand.objects.exists()


def test_a_file_that_is_not_there_or_no_text_is_refused(tenant: Tenant, tmp_path: Path) -> None:
    file = tmp_path / "transactions.csv"
    assert import_fails(file).returncode == 2
    file.write_bytes(b"\xff\xfe\0")
    assert import_fails(file).returncode == 2


def import_fails(file: Path, tenant: str = "acme") -> CommandError:
    """Run the import here, and return how it failed."""
    with pytest.raises(CommandError) as failure:
        call_command("import_transactions", file, "--tenant", tenant, stdout=io.StringIO())
    return failure.value


def test_the_mark_of_a_spreadsheet_is_no_hindrance(
    application: Application, tenant: Tenant, tmp_path: Path
) -> None:
    file = tmp_path / "transactions.csv"
    file.write_text("\ufeff" + HEADER + "1,7,1993-01-02,credit,,9.00,9.00,\n")
    call_command("import_transactions", file, "--tenant", "acme", stdout=io.StringIO())
    assert AccountSummary.objects.get().balance == Decimal("9.00")


def test_an_inactive_tenant_gets_nothing(tenant: Tenant, first_transactions: Path) -> None:
    Tenant.objects.update(active=False)
    assert import_fails(first_transactions).returncode == 2


def test_an_unknown_tenant_is_answered_with_the_known_ones(
    tenant: Tenant, first_transactions: Path
) -> None:
    failure = import_fails(first_transactions, "acne")
    assert failure.returncode == 2
    assert "Known: acme" in str(failure)


def test_a_refused_transaction_is_shown_and_the_others_are_posted(
    application: Application,
    tenant: Tenant,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    file = tmp_path / "transactions.csv"
    file.write_text(
        HEADER + "1,7,1993-01-01,withdrawal,,5.00,0,\n2,7,1993-01-02,credit,,9.00,9.00,\n"
    )
    assert import_fails(file).returncode == 1
    said = capsys.readouterr().err
    assert said.startswith("Line 2: ")
    assert "holds 0.00, which is less than 5.00" in said
    assert AccountSummary.objects.get().balance == Decimal("9.00")
