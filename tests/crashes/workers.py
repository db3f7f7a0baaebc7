"""What runs in a forked process: a worker, as `manage.py worker` is one."""

import signal
import time
from multiprocessing.connection import Connection

from django.db import connection

from eventstore import fault_points
from eventstore.application import get_application
from tests.crashes.striking import Place, Strike

#: How often a worker looks when nothing is due, in seconds.
POLL = 0.02
#: When it gives up, in seconds.
PATIENCE = 45

OPEN = """
SELECT (SELECT count(*) FROM eventstore_reaction WHERE status = 'pending')
     + (SELECT count(*) FROM eventstore_command WHERE status = 'pending')
"""


def work_to_the_end(tell: Connection, place: Place | None = None) -> None:
    """Do all that was left, also what is leased; then end. Or die at a place."""
    if place:
        fault_points.arm(Strike(place, tell.send))
    until = time.monotonic() + PATIENCE
    application = get_application()
    while is_something_open():
        if not application.reactions.work():
            time.sleep(POLL)
        assert time.monotonic() < until, "there is still work to do"


def work_once(tell: Connection, place: Place) -> None:
    """Do all that is due, and stand still at a place on the way."""
    fault_points.arm(Strike(place, tell.send, signal.SIGSTOP))
    get_application().reactions.work()


def work_for_ever(tell: Connection) -> None:
    """Until it is killed; it tells when it begins."""
    application = get_application()
    connection.ensure_connection()
    tell.send("begun")
    while True:
        if not application.reactions.work():
            time.sleep(POLL)


def is_something_open() -> bool:
    """Whether a reaction or a command waits to be done; not where it was given up."""
    with connection.cursor() as cursor:
        cursor.execute(OPEN)
        return bool(cursor.fetchone()[0])
