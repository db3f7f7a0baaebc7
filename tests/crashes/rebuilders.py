"""What runs in a forked process: somebody who rebuilds a projection."""

import signal
from multiprocessing.connection import Connection

from eventstore import fault_points
from eventstore.application import get_application
from eventstore.rebuild_log import Order
from tests.crashes.striking import Place, Strike

#: One that commands write, and one that workers do.
REBUILT = ("account_summary", "account_statement")


def rebuild(
    tell: Connection,
    name: str,
    place: Place | None = None,
    by: signal.Signals = signal.SIGKILL,
    kind: str = "rebuild",
) -> None:
    """Rebuild it, and die or stand still at a place; it tells the place, or how many rows."""
    if place:
        fault_points.arm(Strike(place, tell.send, by))
    order = Order(kind, name, "olga", "because")
    outcome = get_application().rebuilding.run(order, lambda progress: None)
    tell.send(outcome.rows)


def rebuild_what_was_asked_for(tell: Connection) -> None:
    """As a worker does; it tells how much that was."""
    tell.send(get_application().rebuilding.work())
