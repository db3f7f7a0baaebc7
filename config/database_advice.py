"""What `manage.py` says instead of a traceback where the database is not as it should be."""

import sys

from django.db import DatabaseError, OperationalError, ProgrammingError, connections

from config.health import is_migrated
from eventstore.database import sqlstate


def advice_on(error: DatabaseError) -> str | None:
    """A sentence with the remedy; None: it is a fault of the program's, of which all is wanted."""
    if "--traceback" in sys.argv:
        return None
    # Without a code of PostgreSQL's nobody has answered.
    if isinstance(error, OperationalError) and sqlstate(error) is None:
        reason = " ".join(str(error).split())
        return f"The database does not answer ({reason}). See DATABASE_URL, then try again."
    if isinstance(error, ProgrammingError) and sys.argv[1] != "migrate" and lacks_migrations():
        return "Migrations are missing. Run `manage.py migrate`."
    return None


def lacks_migrations() -> bool:
    """Whether that is why the database knew no such table or column."""
    return not all(is_migrated(connection) for connection in connections.all())
