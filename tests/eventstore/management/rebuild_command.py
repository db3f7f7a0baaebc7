"""What the tests of `manage.py rebuild` share: its answer, rows broken by SQL, all there is."""

import io
import json
import os
import pwd
from typing import Any, NamedTuple
from uuid import UUID, uuid4

from django.core.management import CommandError, call_command
from django.db import connection

from eventstore.models import StoredEvent
from projections.models import AccountSummary
from tests.eventstore.support import World

NAME = "account_summary"
OWN_NAME = f"manage.py ({pwd.getpwuid(os.getuid()).pw_name})"

TABLES = """
SELECT format('%I.%I', schemaname, tablename) FROM pg_tables
WHERE schemaname !~ '^(pg_|information_schema)' ORDER BY 1
"""


class Said(NamedTuple):
    """How it ended, what it printed, and the error's text."""

    code: int
    out: str
    error: str

    @property
    def lines(self) -> list[str]:
        return self.out.splitlines()


def said(*arguments: str, command: str = "rebuild") -> Said:
    out = io.StringIO()
    try:
        call_command(command, *arguments, stdout=out, stderr=io.StringIO())
    except CommandError as error:
        return Said(error.returncode, out.getvalue(), str(error))
    return Said(0, out.getvalue(), "")


def answer(*arguments: str) -> list[dict[str, Any]]:
    """For programs."""
    answered: list[dict[str, Any]] = json.loads(said(*arguments, "--json").out)
    return answered


class Broken(NamedTuple):
    """Four accounts: one is as it should be, the others were broken by SQL."""

    sound: UUID
    changed: UUID
    deleted: UUID
    invented: UUID


def broken(world: World) -> Broken:
    """The changed one is as it was before the second of its two deposits."""
    sound, changed, deleted = (world.account("5.00") for _ in range(3))
    rows = AccountSummary.objects
    before = rows.filter(account_id=changed).values("balance", "version", "updated_at").get()
    world.deposit(changed)
    rows.filter(account_id=changed).update(**before)
    copied = rows.get(account_id=deleted)
    rows.filter(account_id=deleted).delete()
    invented = uuid4()
    copied.pk, copied.account_id = None, invented
    copied.save()
    return Broken(sound, changed, deleted, invented)


def event(account_id: UUID, version: int) -> StoredEvent:
    return StoredEvent.objects.get(stream__aggregate_id=account_id, version=version)


def xmins() -> dict[UUID, str]:
    """The transaction that has written each row."""
    return dict(query(f"SELECT account_id, xmin::text FROM {NAME}"))


def everything() -> dict[str, tuple[int, str]]:
    """Of each table in the database how many rows it has, and a digest of them."""
    found = {}
    for (table,) in query(TABLES):
        rows = "SELECT count(*), md5(coalesce(string_agg(t::text, chr(10) ORDER BY t::text), ''))"
        ((count, digest),) = query(f"{rows} FROM {table} AS t")
        found[table] = (count, digest)
    return found


def query(statement: str) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(statement)
        return list(cursor.fetchall())
