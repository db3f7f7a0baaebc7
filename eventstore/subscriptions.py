"""Projections in the background: batches of events, from a checkpoint to the high-water mark."""

import logging
import time
import traceback
from collections.abc import Callable

from django.db import InterfaceError, OperationalError

from eventstore.errors import (
    Busy,
    NotApplicable,
    NotCaughtUp,
    NotFound,
    ProjectionModeDiffers,
)
from eventstore.projection_batches import (
    NOTHING,
    Batches,
    BatchFailed,
    Obstructed,
    Overtaken,
    Progress,
)
from eventstore.projections import Mode, Projection, Projections
from eventstore.subscription_log import Act, SubscriptionLog
from eventstore.wakeups import Wakeups, Work

logger = logging.getLogger("daybook.projections")

#: How many events one batch looks through. A failure makes it smaller, down to one event.
BATCH = 10_000
SMALLER = 8
#: Seconds that a reader's call may catch up for.
PATIENCE = 10.0


class Subscriptions:
    def __init__(
        self,
        *,
        projections: Projections,
        log: SubscriptionLog,
        batches: Batches,
        wakeups: Wakeups,
    ) -> None:
        self._projections = projections
        self._log = log
        self._batches = batches
        self._wakeups = wakeups
        #: Events in the next batch of a projection that has failed in a larger one.
        self._limits: dict[str, int] = {}

    # In a worker ---------------------------------------------------------------------------------

    def work(self, until: Callable[[], bool] = lambda: False) -> int:
        """Bring level what is due, and return how many events that took.

        `until` is asked before each batch whether to stop. What one raises, which is no fault of
        its events, such as a database error, is raised when all have had their turn.
        """
        done = 0
        is_more = True
        failed: dict[str, Exception] = {}
        # A batch for each that is due, again and again: none waits until another one is level.
        while is_more:
            is_more = False
            for projection in self._due():
                if until():
                    return done
                if projection.name in failed:
                    continue
                try:
                    progress = self._advance_as_worker(projection)
                except Exception as error:
                    # A lock on its tables, perhaps: the others have their turn all the same.
                    failed[projection.name] = error
                    continue
                done += progress.projected
                # Who was called for an event meanwhile has left it to us, who had the row.
                is_more |= progress.is_more or progress.projected > 0
        for first in failed.values():
            raise first
        return done

    def _due(self) -> list[Projection]:
        named = map(self._projections.named, self._log.due())
        return [projection for projection in named if projection]

    def _advance_as_worker(self, projection: Projection) -> Progress:
        try:
            return self._advance(projection, in_line=False)
        except ProjectionModeDiffers as error:
            logger.warning("projection_mode_differs", extra={"detail": str(error)})
        except NotCaughtUp:
            pass  # Paused, stopped, or to be tried later: all of that is on its row.
        return NOTHING

    # For a reader --------------------------------------------------------------------------------

    def catch_up(self, projection: Projection) -> None:
        """Project all that has settled by now; raises NotCaughtUp and ProjectionModeDiffers.

        What was projected until then stays, so that the next reader goes on from there.
        """
        until = time.monotonic() + PATIENCE
        while not self._batches.is_level(projection):
            if not self._advance(projection, in_line=True).is_more:
                return
            if time.monotonic() > until:
                raise NotCaughtUp(projection.name, "there is much to read")

    # By an operator ------------------------------------------------------------------------------

    def act(
        self, act: Act, name: str, *, user: str, reason: str, failed: int | None = None
    ) -> int:
        """Pause, resume, retry or skip, with a reason that stays on record; the position of it.

        `failed`: only if it still stands at this event. Raises NotFound for a projection that is
        not registered, NotApplicable where its mode or status does not allow it, Busy where
        somebody is at it for longer than a lock is waited for.
        """
        if self._projections.named(name) is None:
            raise NotFound(f"projection {name}")
        self._log.ensure()
        try:
            position = self._log.act(act, name, user=user, reason=reason, failed=failed)
        except OperationalError as error:
            raise Busy(type(error.__cause__).__name__) from error
        if position is None:
            raise NotApplicable(self._why_not(act, name))
        if act.status == "active":
            self._wakeups.wake(Work.PROJECTIONS)
        return position

    def forget(self, name: str, *, user: str, reason: str) -> None:
        """Forget one that the code has no more: else the database holds its mode against it.

        Raises NotApplicable where this code has it, NotFound where the database has not.
        """
        if self._projections.named(name) is not None:
            raise NotApplicable(f"{name} is registered. Take its line out of the code first.")
        if not self._log.forget(name, user=user, reason=reason):
            raise NotFound(f"projection {name}")

    def _why_not(self, act: Act, name: str) -> str:
        standing = self._log.standing(name)
        assert standing is not None, "ensure() has made its row"
        if standing.mode is Mode.INLINE:
            return f"{name} is inline: commands write its rows, and nothing can be {act.done}."
        if act.ends_failure:
            return f"{name} is {standing.status} and has no failed event that could be {act.done}."
        possible = " or ".join(act.possible)
        return f"{name} is {standing.status}. Only one that is {possible} can be {act.done}."

    # One batch -----------------------------------------------------------------------------------

    def _advance(self, projection: Projection, *, in_line: bool) -> Progress:
        """Project the next events; `in_line`: wait for whoever is at it, else leave it to him."""
        limit = self._limits.get(projection.name, BATCH)
        try:
            progress = self._batches.advance(projection, limit, in_line=in_line)
        except (OperationalError, InterfaceError):
            # No fault of an event, but of too many at once, perhaps.
            self._limits[projection.name] = max(1, limit // SMALLER)
            raise
        except BatchFailed as failed:
            return self._after_failure(projection, failed)
        except Obstructed as obstructed:
            raise self._after_obstacle(projection, obstructed) from None
        except Overtaken:
            # Not while the row is locked, as it is; but nothing shall rest on that alone.
            raise NotCaughtUp(projection.name, "somebody else has moved it") from None
        if limit < BATCH:
            self._limits[projection.name] = min(BATCH, 2 * limit)
        return progress

    def _after_failure(self, projection: Projection, failed: BatchFailed) -> Progress:
        """Find the event by ever smaller batches, then note it; what comes before it is stored."""
        if failed.count > 1:
            self._limits[projection.name] = max(1, failed.count // SMALLER)
            return Progress(0, is_more=True)
        error = failed.__cause__
        place = {"projection": projection.name, "position": failed.position}
        logger.error("projection_failed", extra=place, exc_info=error)
        text = "".join(traceback.format_exception(error))
        self._log.note_fault(failed.taken, failed.position, text)
        raise NotCaughtUp(projection.name, f"the event at position {failed.position} failed")

    def _after_obstacle(self, projection: Projection, obstructed: Obstructed) -> NotCaughtUp:
        """Note what is in the way: it is tried again until it is gone, and stops nobody."""
        problem = str(obstructed.__cause__)
        place = {"projection": projection.name, "detail": problem}
        logger.error("projection_obstructed", extra=place)
        self._log.note_fault(obstructed.taken, None, problem)
        return NotCaughtUp(projection.name, "a box that it has to read cannot be read")
