"""What only a superuser can do: change what is stored, with every trigger off for that moment."""

import io
import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, NamedTuple
from uuid import UUID

import psycopg
from django.core.management import CommandError, call_command

from eventstore.hash_chain import HashChain
from eventstore.models import StoredEvent, StoredStream
from tests.eventstore.support import raw_connection

TABLES = ("eventstore_event", "eventstore_stream", "eventstore_snapshot", "eventstore_command")

ENABLE = {"O": "ENABLE", "A": "ENABLE ALWAYS", "R": "ENABLE REPLICA", "D": "DISABLE"}

TRIGGERS = "SELECT tgname, tgenabled FROM pg_trigger WHERE tgrelid = %s::regclass ORDER BY 1"


def forge(*statements: str, **parameters: Any) -> None:
    """Execute the statements; each must change a row. Afterwards the triggers are as before."""
    with raw_connection() as superuser:
        before = {table: superuser.execute(TRIGGERS, [table]).fetchall() for table in TABLES}
        for table in TABLES:
            superuser.execute(f"ALTER TABLE {table} DISABLE TRIGGER ALL")
        for statement in statements:
            assert superuser.execute(statement, parameters).rowcount, statement
        superuser.execute("SET CONSTRAINTS ALL IMMEDIATE")
        for table, triggers in before.items():
            for name, state in triggers:
                superuser.execute(f'ALTER TABLE {table} {ENABLE[state]} TRIGGER "{name}"')
        assert before == {
            table: superuser.execute(TRIGGERS, [table]).fetchall() for table in TABLES
        }


@contextmanager
def undone(stream: StoredStream) -> Iterator[None]:
    """Whatever happens meanwhile to the stream's row and events is undone at the end."""
    of_stream = {"eventstore_stream": "id = %(id)s", "eventstore_event": "stream_id = %(id)s"}
    with raw_connection(autocommit=True) as keeper:
        for table, rows in of_stream.items():
            kept = f"CREATE TABLE kept_{table} AS SELECT * FROM {table} WHERE {rows}"
            psycopg.ClientCursor(keeper).execute(kept, {"id": stream.id})
        yield
        for table, rows in of_stream.items():
            restored = f"INSERT INTO {table} SELECT * FROM kept_{table}"
            forge(f"WITH gone AS (DELETE FROM {table} WHERE {rows}) SELECT 1", id=stream.id)
            forge(restored)
            keeper.execute(f"DROP TABLE kept_{table}")


@dataclass(frozen=True, slots=True, kw_only=True)
class ForgedEvent:
    """An event that no command recorded, as it would be stored after the end of its stream."""

    stream: StoredStream
    data: str = '{"amount":"1000000.00","booked_on":null,"reference":null}'
    causation_id: UUID | None = None

    @property
    def metadata(self) -> str:
        cause = "null" if self.causation_id is None else f'"{self.causation_id}"'
        return f'{{"user":"mary","correlation_id":"{self.stream.id:032x}","causation_id":{cause}}}'

    def append(self, *, right_hash: bool = True, mend_stream: bool = True) -> None:
        last = StoredEvent.objects.get(stream=self.stream, version=self.stream.version)
        hash_ = self._hash(last) if right_hash else b"\0" * 32
        statements = [
            "INSERT INTO eventstore_event (stream_id, version, tenant_id, type, schema_version,"
            " data, metadata, recorded_at, hash) VALUES (%(stream)s, %(version)s, %(tenant)s,"
            " 'account.money_deposited', 2, %(data)s::json, %(metadata)s::json, %(time)s,"
            " %(hash)s)"
        ]
        if mend_stream:
            statements.append(
                "UPDATE eventstore_stream SET version = %(version)s, head_hash = %(hash)s"
                " WHERE id = %(stream)s"
            )
        forge(
            *statements,
            stream=self.stream.id,
            version=self.stream.version + 1,
            tenant=self.stream.tenant_id,
            data=self.data,
            metadata=self.metadata,
            time=last.recorded_at,
            hash=hash_,
        )

    def _hash(self, last: StoredEvent) -> bytes:
        hash_chain = HashChain(
            tenant_id=self.stream.tenant_id,
            stream=str(self.stream),
            recorded_at=last.recorded_at,
            metadata=self.metadata.encode(),
        )
        return hash_chain.link(
            bytes(last.hash),
            version=self.stream.version + 1,
            type_name="account.money_deposited",
            schema_version=2,
            data=self.data.encode(),
        )


class Verified(NamedTuple):
    """How `manage.py verify --json` ended, and what it said."""

    exit_code: int
    answer: dict[str, Any]

    @property
    def places(self) -> set[tuple[str, int | None]]:
        return {(found["stream"], found["version"]) for found in self.answer["findings"]}

    @property
    def first(self) -> tuple[str, int | None]:
        """Stream and version of the first bad place."""
        found = self.answer["findings"][0]
        return found["stream"], found["version"]

    @property
    def problems(self) -> str:
        return "\n".join(found["problem"] for found in self.answer["findings"])


def verify(*arguments: str, with_rows: bool = False) -> Verified:
    """`with_rows`: those of projections, too."""
    out = io.StringIO()
    rows = () if with_rows else ("--without-rows",)
    try:
        call_command("verify", "--json", *rows, *arguments, stdout=out)
    except CommandError as error:
        return Verified(error.returncode, json.loads(out.getvalue() or "{}"))
    return Verified(0, json.loads(out.getvalue()))
