"""What the tests of every door share: what hostile bodies point to, and what is stored at all."""

from contextlib import closing

from django.db import connection

from tests.eventstore.input.hostile import ACCOUNT, PERSON
from tests.http import Api

# The tables of the project; what a call itself leaves behind (that it was counted, when a key was
# last used) is no trace of a command.
TABLES = """
SELECT tablename FROM pg_tables
WHERE schemaname = current_schema()
  AND tablename NOT IN ('eventstore_call_count', 'eventstore_api_key', 'django_migrations')
ORDER BY tablename
"""


def everything_stored() -> dict[str, tuple[int, str]]:
    """Of each table how many rows it has, and a digest of all that they say."""
    with closing(connection.cursor()) as cursor:
        cursor.execute(TABLES)
        tables = [name for (name,) in cursor.fetchall()]
        assert {"eventstore_event", "eventstore_command", "person_summary"} <= set(tables)
        cursor.execute(" UNION ALL ".join(map(_summary_of, tables)))
        return {name: (count, digest) for name, count, digest in cursor.fetchall()}


def _summary_of(table: str) -> str:
    return (
        f"SELECT '{table}', count(*), md5(coalesce(string_agg(t::text, '' ORDER BY t::text), ''))"
        f' FROM "{table}" AS t'
    )


def given_a_person_with_an_account(api: Api) -> None:
    """Those that the list of hostile bodies names."""
    person = {"aggregate_id": str(PERSON), "first_name": "Ada", "last_name": "King"}
    account = {"aggregate_id": str(ACCOUNT), "owner_id": str(PERSON), "code": "1"}
    assert api.send("register-person", person).status == 201
    assert api.send("open-account", account).status == 201
