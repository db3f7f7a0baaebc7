"""Which projections a command brings up to date itself: of one that changes, the database knows.

A process is registered with its modes; the active ones stand in the database. A process that is
wrong about them is refused, since two would write the same rows, or nobody. One that knows that a
mode is being changed (`formerly`) goes by the database.
"""

from eventstore.database import Database
from eventstore.errors import ProjectionModeDiffers
from eventstore.projections import Mode, Projection, Projections
from eventstore.subscription_log import SubscriptionLog

ACTIVE = "SELECT projection FROM eventstore_subscription WHERE mode = 'inline'"


class ActiveModes:
    """For the event store: see `eventstore.store.InlineModes`."""

    def __init__(self, database: Database, projections: Projections, log: SubscriptionLog) -> None:
        self._database = database
        self._projections = projections
        self._log = log

    def registered(self) -> list[str] | None:
        if self._projections.former_modes:
            return None
        return sorted(projection.name for projection in self._projections.in_mode(Mode.INLINE))

    def settle(self) -> None:
        self._log.ensure()
        active = self._active()
        names = [projection.name for projection in self._projections]
        possible = {name for name in names if self._projections.accepts(name, Mode.INLINE)}
        certain = possible - self._projections.former_modes.keys()
        for name in sorted(active - possible | certain - active):
            raise ProjectionModeDiffers(
                name,
                active=Mode.INLINE if name in active else "not inline",
                registered=Mode.INLINE if name in certain else "not inline",
            )

    def inline(self) -> list[Projection]:
        """Those whose rows a command writes, once it has appended.

        Then it stays so until the command's end: who changes it waits for all who have appended.
        """
        if not self._projections.former_modes:
            return self._projections.in_mode(Mode.INLINE)
        active = self._active()
        return [projection for projection in self._projections if projection.name in active]

    def _active(self) -> set[str]:
        return {name for (name,) in self._database.rows(ACTIVE)}
