"""Rows that measure what happens after the answer: projections in the background."""

from contextlib import ExitStack

from config import tasks
from eventstore.application import get_application
from eventstore.models import Subscription
from tests.benchmarks import musts
from tests.benchmarks.catching_up import (
    OrmCatchUp,
    OrmStatements,
    OurStatements,
    OurSummaries,
    RawCatchUp,
)
from tests.benchmarks.filling import History
from tests.benchmarks.latency import OrmLatency, OurLatency, running
from tests.benchmarks.measuring import Contestant, Row, Size


class BackgroundRows:
    def __init__(self, closing: ExitStack) -> None:
        self._closing = closing
        self._running = closing.enter_context(ExitStack())

    def rows(self) -> list[Row]:
        return [
            Row(
                name="catch-up",
                work="project 100,000 events in the background, row an account",
                unit="events/s",
                size=History(accounts=1000, prior=100, bookings=0),
                musts={"limit": musts.CATCH_UP_BY_LIMIT},
                contestants=self._catch_up,
                least=musts.CAUGHT_UP_IN_A_SECOND,
            ),
            Row(
                name="catch-up-statement",
                work="the same, a row a booking with its balance",
                unit="events/s",
                size=History(accounts=1000, prior=100, bookings=0),
                musts={},
                contestants=self._statements,
            ),
        ]

    def waiting_rows(self) -> list[Row]:
        """Last of all: the processes that they start would take part in other rows as well."""
        return [
            Row(
                name="row-by-worker",
                work="commit to background row by worker, 1 / 95th percentile",
                unit="rows/s",
                size=Size(accounts=20, prior=6, bookings=400),
                musts={},
                contestants=self._by_worker,
                least=musts.ROW_IN_TEN_MILLISECONDS,
            ),
            Row(
                name="row-by-qcluster",
                work="the same by qcluster (ORM: a task for each)",
                unit="rows/s",
                size=Size(accounts=20, prior=6, bookings=40),
                musts={},
                contestants=self._by_qcluster,
                least=musts.ROW_IN_A_SECOND,
            ),
        ]

    def _by_worker(self, size: Size) -> dict[str, Contestant]:
        self._start_at_the_end()
        ours = OurLatency(size)
        self._start("worker")
        return {"ours": ours}

    def _by_qcluster(self, size: Size) -> dict[str, Contestant]:
        self._start_at_the_end()
        ours, orm = OurLatency(size), OrmLatency(size)
        ours.application.wakeups.enqueue = tasks.enqueue
        self._start("qcluster")
        return {"orm": orm, "ours": ours}

    def _start_at_the_end(self) -> None:
        """Of the log: histories of other rows lack what these projections expect."""
        self._running.close()
        application = get_application()
        application.subscription_log.ensure()
        Subscription.objects.update(position=application.high_water_mark.settled())

    def _start(self, command: str) -> None:
        self._running.enter_context(running(command))

    def _catch_up(self, size: Size) -> dict[str, Contestant]:
        limit = RawCatchUp("raw_catch_up", self._closing, size)
        return {"limit": limit, "orm": OrmCatchUp(size), "ours": OurSummaries(size)}

    def _statements(self, size: Size) -> dict[str, Contestant]:
        return {"orm": OrmStatements(size), "ours": OurStatements(size)}
