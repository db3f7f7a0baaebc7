"""What runs in a forked process: a worker, as `manage.py worker` is one."""

import signal
import time
from multiprocessing.connection import Connection

from django.db import DatabaseError, connection

from eventstore import fault_points, subscription_log
from eventstore.application import Application, get_application
from tests.crashes.striking import Place, Strike

#: How often a worker looks when nothing is due, in seconds.
POLL = 0.02
#: When it gives up, in seconds.
PATIENCE = 45

#: Seconds that a worker may stand still in a batch of events here.
MOST_IDLE = 0.5

OPEN = """
SELECT (SELECT count(*) FROM eventstore_reaction WHERE status = 'pending')
     + (SELECT count(*) FROM eventstore_command
        WHERE status = 'pending' OR status = 'scheduled' AND due_at <= statement_timestamp())
     + (SELECT count(*) FROM eventstore_subscription
        WHERE status = 'active' AND mode = 'async'
          AND position < (SELECT max(position) FROM eventstore_event))
"""


def work_to_the_end(tell: Connection, place: Place | None = None) -> None:
    """Do all that was left, also what is leased; then end. Or die at a place."""
    if place:
        fault_points.arm(Strike(place, tell.send))
    until = time.monotonic() + PATIENCE
    application = get_application()
    while is_something_open():
        if not work(application):
            time.sleep(POLL)
        assert time.monotonic() < until, "there is still work to do"


def work_once(tell: Connection, place: Place) -> None:
    """Do all that is due, and stand still at a place on the way."""
    fault_points.arm(Strike(place, tell.send, signal.SIGSTOP))
    work(get_application())


def project_once(tell: Connection, place: Place) -> None:
    """Project what is due, and stand still at a place on the way; it tells what came of it."""
    subscription_log.MOST_IDLE = MOST_IDLE
    fault_points.arm(Strike(place, tell.send, signal.SIGSTOP))
    try:
        get_application().subscriptions.work()
    except DatabaseError:
        tell.send("lost")
    else:
        tell.send("done")


def work_for_ever(tell: Connection) -> None:
    """Until it is killed; it tells when it begins."""
    application = get_application()
    connection.ensure_connection()
    tell.send("begun")
    while True:
        if not work(application):
            time.sleep(POLL)


def work(application: Application) -> int:
    """One turn at everything that a worker does; how much there was."""
    return (
        application.reactions.work()
        + application.scheduling.run_due()
        + application.subscriptions.work()
    )


def is_something_open() -> bool:
    """Whether something waits for a worker; not where it was given up."""
    with connection.cursor() as cursor:
        cursor.execute(OPEN)
        return bool(cursor.fetchone()[0])
