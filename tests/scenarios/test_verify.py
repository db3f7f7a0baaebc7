"""`manage.py verify` is quiet on a real bank's transactions, and finds each forgery in them."""

import io
from itertools import islice
from pathlib import Path

import pytest
from django.core.management import call_command

from eventstore.application import Application
from eventstore.models import StoredEvent, StoredStream, Tenant
from tests.eventstore.forgery import ForgedEvent, Verified, forge, undone, verify

DELETE = "DELETE FROM eventstore_event WHERE stream_id = %(stream)s AND version >= %(version)s"
MEND = (
    "UPDATE eventstore_stream AS s SET version = e.version, head_hash = e.hash"
    " FROM eventstore_event AS e"
    " WHERE e.stream_id = s.id AND e.version = %(version)s - 1 AND s.id = %(stream)s"
)


@pytest.mark.long
def test_a_thousand_transactions_are_verified(
    application: Application, tenant: Tenant, berka_file: Path, tmp_path: Path
) -> None:
    part = tmp_path / "transactions.csv"
    with berka_file.open() as whole:
        part.write_text("".join(islice(whole, 1_001)))
    import_and_verify(part)


@pytest.mark.soak
def test_all_transactions_are_verified(
    application: Application, tenant: Tenant, berka_file: Path
) -> None:
    import_and_verify(berka_file)


def import_and_verify(file: Path) -> None:
    call_command("import_transactions", file, "--tenant", "acme", stdout=io.StringIO())
    assert_quiet()
    stream = StoredStream.objects.filter(category="account").order_by("-version")[0]
    half = stream.version // 2
    for forgery in (
        change_an_amount,
        delete_the_tail,
        delete_the_tail_neatly,
        delete_the_stream,
        swap_a_pair,
        forge_an_event,
    ):
        with undone(stream):
            place = forgery(stream, half)
            verified = verify()
            assert (verified.exit_code, verified.first) == (4, (str(stream), place)), forgery
        assert_quiet()


def assert_quiet() -> Verified:
    verified = verify()
    assert verified.exit_code == 0, verified.problems
    assert verified.answer["looked_at"]["events"] == StoredEvent.objects.count() > 1_000
    assert verified.answer["passed_over"] == {}
    return verified


# Each forges at the version, and returns the one that must be named first.


def change_an_amount(stream: StoredStream, version: int) -> int:
    change = 'data = regexp_replace(data::text, \'"amount":"\', \'"amount":"9\')::json'
    at = "WHERE stream_id = %(stream)s AND version = %(version)s"
    forge(f"UPDATE eventstore_event SET {change} {at}", stream=stream.id, version=version)
    return version


def delete_the_tail(stream: StoredStream, version: int) -> int:
    forge(DELETE, stream=stream.id, version=version)
    return version


def delete_the_tail_neatly(stream: StoredStream, version: int) -> int:
    forge(DELETE, MEND, stream=stream.id, version=version)
    return version


def delete_the_stream(stream: StoredStream, version: int) -> int:
    forge(
        DELETE, "DELETE FROM eventstore_stream WHERE id = %(stream)s", stream=stream.id, version=1
    )
    return 1


def swap_a_pair(stream: StoredStream, version: int) -> int:
    swap = (
        "UPDATE eventstore_event AS one SET data = two.data FROM eventstore_event AS two"
        " WHERE one.stream_id = %(stream)s AND two.stream_id = %(stream)s"
        " AND (one.version, two.version)"
        " IN ((%(version)s, %(version)s + 1), (%(version)s + 1, %(version)s))"
    )
    forge(swap, stream=stream.id, version=version)
    return version


def forge_an_event(stream: StoredStream, version: int) -> int:
    ForgedEvent(stream=stream).append(right_hash=False)
    return stream.version + 1
