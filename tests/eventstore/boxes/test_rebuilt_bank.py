"""A bank's accounts in cold storage: rows and balances stay what they were, and all comes back."""

import io
import resource
import time
from collections.abc import Callable
from hashlib import sha256
from itertools import islice
from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command

from eventstore.application import Application
from eventstore.models import Box, StoredCommand, StoredEvent, StoredStream, Tenant
from tests.eventstore.boxes.stowing import rows_of, stow
from tests.eventstore.boxes.support import OF_COLD_STORAGE
from tests.eventstore.forgery import verify
from tests.eventstore.management.rebuild_command import said
from tests.replay import bring_level


def imported(file: Path, tenant: Tenant, application: Application) -> None:
    call_command("import_transactions", str(file), tenant=tenant.slug, stdout=io.StringIO())
    bring_level(application)


def box_half_of_the_accounts(application: Application) -> int:
    accounts = StoredStream.objects.filter(category="account").order_by("id")
    half = list(accounts.values_list("aggregate_id", flat=True))[::2]
    stow(application, *half)
    return len(half)


def rebuild_all_and_compare(application: Application, before: dict[str, Any]) -> None:
    assert rows_of(application) == before, "boxing has changed a row"
    rebuilt = said("--all")
    assert rebuilt.code == 0, rebuilt.error
    assert rows_of(application) == before
    assert said("--all", "--check").code == 0


def test_with_half_of_the_accounts_boxed_a_rebuild_of_everything_gives_the_rows_as_before(
    application: Application, tenant: Tenant, berka_file: Path, tmp_path: Path
) -> None:
    part = tmp_path / "transactions.csv"
    with berka_file.open() as whole:
        part.write_text("".join(islice(whole, 121)))
    imported(part, tenant, application)
    before = rows_of(application)
    assert sum(map(len, before.values())) > 120

    assert box_half_of_the_accounts(application) > 10

    rebuild_all_and_compare(application, before)
    assert verify().exit_code == 0


@pytest.mark.soak
def test_with_half_of_the_1176_accounts_boxed_a_rebuild_gives_the_rows_as_before(
    application: Application, tenant: Tenant, berka_file: Path
) -> None:
    imported(berka_file, tenant, application)
    before = rows_of(application)
    assert box_half_of_the_accounts(application) == 588
    rebuild_all_and_compare(application, before)


@pytest.mark.soak
def test_the_whole_bank_is_boxed_verified_and_unboxed_and_all_is_as_it_was(
    application: Application, tenant: Tenant, berka_file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    imported(berka_file, tenant, application)
    before = rows_of(application), stored()
    streams, events = StoredStream.objects.count(), StoredEvent.objects.count()
    figures = Figures(streams, events)

    figures.take("box", lambda: run("box", tenant))
    assert not StoredEvent.objects.exists()
    assert Box.objects.count() == streams
    figures.take("verify, all boxed", lambda: verify().exit_code)
    figures.take("rebuild all, all boxed", lambda: said("--all").code)
    assert rows_of(application) == before[0]
    figures.take("verify with rows, all boxed", lambda: verify(with_rows=True).exit_code)
    figures.take("unbox", lambda: run("unbox", tenant))

    assert (rows_of(application), stored()) == before
    figures.take("verify, all online", lambda: verify().exit_code)
    with capsys.disabled():
        print(figures)


def run(command: str, tenant: Tenant) -> int:
    return said("--tenant", tenant.slug, "--reason", "it has ended", command=command).code


def stored() -> tuple[str, str]:
    """Digests of all columns of all events, and of all that the log holds of other commands."""
    events = StoredEvent.objects.order_by("position").values_list()
    commands = StoredCommand.objects.exclude(type__in=OF_COLD_STORAGE).order_by("number")
    return digest(events), digest(commands.values_list())


def digest(rows: Any) -> str:
    found = sha256()
    for row in rows.iterator(chunk_size=5_000):
        found.update(repr(row).encode())
    return found.hexdigest()


class Figures:
    """How long each step took, and how large the process had become then."""

    def __init__(self, streams: int, events: int) -> None:
        self._sizes = (streams, events)
        self._lines = [f"\n{streams:,} streams, {events:,} events"]

    def take(self, what: str, act: Callable[[], int]) -> None:
        started = time.monotonic()
        assert act() == 0, what
        seconds = time.monotonic() - started
        streams, events = (round(size / seconds) for size in self._sizes)
        most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
        self._lines.append(
            f"{what}: {seconds:.1f} s, {streams:,} streams/s, {events:,} events/s, up to {most} MB"
        )

    def __str__(self) -> str:
        return "\n".join(self._lines)
