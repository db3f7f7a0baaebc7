"""Empties a test database. The guards against TRUNCATE are off for that one transaction."""

from django.db import connection, transaction

from eventstore.application import get_application

EMPTY_EVERYTHING = """
DO $$
DECLARE
    tables text;
BEGIN
    SELECT string_agg(format('%I', tablename), ', ') INTO tables
    FROM pg_tables
    WHERE schemaname = current_schema()
      AND tablename NOT IN ('django_migrations', 'django_content_type', 'auth_permission');
    ALTER TABLE eventstore_event DISABLE TRIGGER eventstore_event_append_only;
    ALTER TABLE eventstore_stream DISABLE TRIGGER eventstore_stream_stays;
    EXECUTE 'TRUNCATE ' || tables || ' RESTART IDENTITY';
    ALTER TABLE eventstore_event ENABLE ALWAYS TRIGGER eventstore_event_append_only;
    ALTER TABLE eventstore_stream ENABLE ALWAYS TRIGGER eventstore_stream_stays;
END
$$
"""


def wipe() -> None:
    """Remove every row but Django's own, and start all sequences anew.

    Only for a database whose name begins with `test_`; raises RuntimeError for any other.
    """
    name = str(connection.settings_dict["NAME"])
    if not name.startswith("test_"):
        raise RuntimeError(f"{name} is no test database, so it is not wiped.")
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(EMPTY_EVERYTHING)
    get_application().cache.clear()
