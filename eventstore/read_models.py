"""What a query may promise of its read model: up to which position, and from when it is."""

import time
from datetime import datetime
from typing import NamedTuple

from django.db import InterfaceError, OperationalError

from eventstore.errors import (
    Busy,
    NotCaughtUp,
    NotWaitable,
    ProjectionModeDiffers,
    ValidationFailed,
)
from eventstore.high_water_mark import HighWaterMark
from eventstore.projections import Mode, Projections
from eventstore.subscription_log import Standing, SubscriptionLog
from eventstore.subscriptions import Subscriptions
from eventstore.wakeups import Wakeups, Work

#: How often who waits looks, in seconds.
LOOK_AGAIN = 0.01


class Freshness(NamedTuple):
    """Every event up to `position` is in the rows read after this.

    `as_of`: of a scheduled projection, all that had settled then is in them; None: not run yet,
    or of another mode.
    """

    mode: Mode
    position: int
    as_of: datetime | None


class ReadModels:
    def __init__(
        self,
        *,
        projections: Projections,
        log: SubscriptionLog,
        subscriptions: Subscriptions,
        mark: HighWaterMark,
        wakeups: Wakeups,
    ) -> None:
        self._projections = projections
        self._log = log
        self._subscriptions = subscriptions
        self._mark = mark
        self._wakeups = wakeups

    def freshness(self, name: str, minimum: int | None = None, wait: float = 0) -> Freshness:
        """What rows of a projection contain, read after this call; outside a transaction.

        `minimum`: the position that they must contain, for which a reader waits up to `wait`
        seconds. Raises ValidationFailed where it lies beyond the last position, NotWaitable,
        NotCaughtUp, and ProjectionModeDiffers where this process is not up to date; Busy where
        the database cannot tell.
        """
        try:
            return self._freshness(name, minimum, wait)
        except (OperationalError, InterfaceError) as error:
            raise Busy(type(error.__cause__).__name__) from error

    def _freshness(self, name: str, minimum: int | None, wait: float) -> Freshness:
        until = time.monotonic() + wait
        standing = self._standing(name)
        if minimum is not None and minimum > standing.head:
            problem = f"lies beyond the last position, which is {standing.head}"
            raise ValidationFailed({"min_position": [problem]})
        match standing.mode:
            case Mode.INLINE:
                position = self._mark.settled()
            case Mode.ASYNC:
                position = self._wait_for_worker(name, standing, minimum, until)
            case Mode.ON_DEMAND:
                position = self._catch_up(name, minimum, until)
            case Mode.SCHEDULED:
                if minimum is not None:
                    raise NotWaitable(name)
                position = standing.position
        return Freshness(standing.mode, position, standing.as_of)

    def _standing(self, name: str) -> Standing:
        standing = self._log.standing(name)
        if standing is None:
            self._log.ensure()
            standing = self._log.standing(name)
        assert standing is not None, "a query's projection is registered"
        if not self._projections.accepts(name, standing.mode):
            raise ProjectionModeDiffers(name, standing.mode, self._projections.mode_of(name))
        return standing

    def _wait_for_worker(
        self, name: str, standing: Standing, minimum: int | None, until: float
    ) -> int:
        if minimum is not None and standing.position < minimum:
            # Nobody was called for an event that no projection takes.
            self._wakeups.wake(Work.PROJECTIONS)
        while minimum is not None and standing.position < minimum:
            if standing.status != "active":
                raise NotCaughtUp(name, f"it is {standing.status}")
            if time.monotonic() >= until:
                raise NotCaughtUp(name, f"it has come to position {standing.position}")
            time.sleep(LOOK_AGAIN)
            standing = self._standing(name)
            if standing.mode is not Mode.ASYNC:
                # It has just been changed, and this process knows both modes.
                return self._freshness(name, minimum, until - time.monotonic()).position
        return standing.position

    def _catch_up(self, name: str, minimum: int | None, until: float) -> int:
        projection = self._projections.named(name)
        assert projection is not None, "a query's projection is registered"
        while True:
            self._subscriptions.catch_up(projection)
            position = self._standing(name).position
            if minimum is None or position >= minimum:
                return position
            # An event that is not settled: a transaction before it is still open.
            if time.monotonic() >= until:
                raise NotCaughtUp(name, f"it has come to position {position}")
            time.sleep(LOOK_AGAIN)
