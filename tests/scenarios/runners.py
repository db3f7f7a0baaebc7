"""What runs in a forked process: somebody who does commands for later, and may die of it."""

import os
import signal
import time
from multiprocessing.connection import Connection
from typing import Any

from django.db.models.functions import Now

from eventstore import fault_points
from eventstore.application import get_application
from eventstore.models import StoredCommand
from ledger.persons.aggregate import Person
from tests.crashes.striking import Place, Strike

#: How often a runner looks when nothing is due, and when it gives up, in seconds.
POLL, PATIENCE = 0.02, 45
#: Nobody of this name is ever registered.
DEADLY = "Deadly"


def run_to_the_end(tell: Connection, place: Place | None = None) -> None:
    """Do all that is due, also what is leased; then end. Or die at a place."""
    if place:
        fault_points.arm(Strike(place, tell.send))
    until = time.monotonic() + PATIENCE
    tried = 0
    while is_something_due():
        tried_now = get_application().scheduling.run_due()
        tried += tried_now
        if not tried_now:
            time.sleep(POLL)
        assert time.monotonic() < until, "there is still something to do"
    tell.send(tried)


def run_and_die_of_the_deadly(tell: Connection) -> None:
    """The same; but whoever registers a person of that name is gone."""
    register = Person.register

    def registered(person: Person, first_name: str, *others: Any, **named: Any) -> None:
        if first_name == DEADLY:
            os.kill(os.getpid(), signal.SIGKILL)
        register(person, first_name, *others, **named)

    Person.register = registered  # type: ignore[method-assign]
    run_to_the_end(tell)


def is_something_due() -> bool:
    """Whether a command is due that was not given up."""
    waiting = StoredCommand.objects.filter(status__in=["scheduled", "pending"])
    return waiting.filter(due_at__lte=Now()).exists()
