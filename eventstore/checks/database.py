"""System check: the database is set as the event store needs it."""

from collections.abc import Sequence
from typing import Any

from django.apps import AppConfig
from django.core import checks

from eventstore.application import get_application

#: The event store's guards that are off, which somebody may have forgotten after a repair.
SLEEPING_TRIGGERS = """
SELECT tgrelid::regclass::text, tgname FROM pg_trigger
WHERE tgrelid IN (to_regclass('eventstore_event'), to_regclass('eventstore_stream'))
  AND NOT tgisinternal AND tgenabled <> 'A'
ORDER BY 1, 2
"""

#: What the database must be set to, or an event could be lost or come out of order.
DATABASE_SETTINGS = """
SELECT coalesce((SELECT seqcache FROM pg_sequence
                 WHERE seqrelid = to_regclass('eventstore_event_position_seq')), 1),
       current_setting('synchronous_commit'), current_setting('transaction_isolation')
"""


def check_database(
    app_configs: Sequence[AppConfig] | None, databases: Sequence[str] | None = None, **kwargs: Any
) -> list[checks.CheckMessage]:
    """Runs with `check --database default` and before each `migrate`."""
    database = get_application().database
    if database.alias not in (databases or ()):
        return []
    cache, synchronous_commit, isolation = database.rows(DATABASE_SETTINGS)[0]
    wrong = []
    if cache != 1:
        wrong.append(f"eventstore_event_position_seq has CACHE {cache}; ALTER it to CACHE 1")
    if synchronous_commit == "off":
        wrong.append("synchronous_commit is off; set it to on")
    if isolation != "read committed":
        wrong.append(f"transactions are {isolation}; set them to read committed")
    wrong += [
        f"a guard is off; ALTER TABLE {table} ENABLE ALWAYS TRIGGER {name}"
        for table, name in database.rows(SLEEPING_TRIGGERS)
    ]
    return [checks.Error(f"{problem}.", id="eventstore.E005") for problem in wrong]
