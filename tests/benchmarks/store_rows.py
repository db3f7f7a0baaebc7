"""Rows that measure the event store alone: appends, loads, the log, and how it grows."""

from contextlib import ExitStack

from tests.benchmarks import musts
from tests.benchmarks.connections import CONNECTIONS, appends_from_connections
from tests.benchmarks.filling import History
from tests.benchmarks.growth import Growth
from tests.benchmarks.measuring import Contestant, Row, Size
from tests.benchmarks.our_reading import OurFeed, OurSnapshotLoads, OurWarmLoads
from tests.benchmarks.ours import OurAppends, OurLoads
from tests.benchmarks.plain_orm import OrmAppends, OrmFeed, OrmLoads
from tests.benchmarks.raw_limit import RawCopies, RawFeed, RawInserts, RawSelects
from tests.benchmarks.rival import Rival

#: One opening and these deposits are 10,000 events.
LONG = Size(accounts=2, prior=9_999, bookings=400)
#: 10,000 events in the small store; see `growth`.
GROWTH = Size(accounts=100, prior=100, bookings=500)


class StoreRows:
    def __init__(self, closing: ExitStack, rival: Rival) -> None:
        self._closing = closing
        self._rival = rival
        self._growth = Growth(closing)

    def append_rows(self) -> list[Row]:
        return [
            Row(
                name="append",
                work="append 1 event in its own transaction",
                unit="events/s",
                size=Size(accounts=100, prior=0, bookings=500),
                musts={"limit": musts.APPEND_BY_LIMIT},
                contestants=self._append,
            ),
            Row(
                name="append-100",
                work="append 100 events in one transaction",
                unit="events/s",
                size=Size(accounts=20, prior=0, bookings=5000, run=100),
                musts={"limit": musts.APPEND_BY_LIMIT},
                contestants=self._append_100,
            ),
            Row(
                name="connections",
                work=f"append from {CONNECTIONS} connections (limit: unordered)",
                unit="events/s",
                size=Size(accounts=80, prior=0, bookings=1200),
                musts={"limit": musts.CONNECTIONS_BY_LIMIT},
                contestants=self._connections,
            ),
        ]

    def load_rows(self) -> list[Row]:
        return [
            Row(
                name="load",
                work="load 1,000 events, no snapshot, no cache",
                unit="loads/s",
                size=Size(accounts=5, prior=1000, bookings=40),
                musts={"limit": musts.LOAD_BY_LIMIT},
                contestants=self._load,
            ),
            Row(
                name="load-snapshot",
                work="load 10,000 events, snapshot every 100, no cache",
                unit="loads/s",
                size=LONG,
                musts={"library": musts.LOAD_BY_LIBRARY},
                contestants=self._load_snapshot,
                least=musts.READY_IN_A_MILLISECOND,
            ),
            Row(
                name="load-warm",
                work="load 10,000 events, warm cache and a look for new ones",
                unit="loads/s",
                size=LONG,
                musts={"library": musts.LOAD_BY_LIBRARY},
                contestants=self._load_warm,
                least=musts.READY_IN_A_MILLISECOND,
            ),
            Row(
                name="feed",
                work="read the log of 50,000 events, decoded",
                unit="events/s",
                size=History(accounts=500, prior=100, bookings=0),
                musts={"limit": musts.FEED_BY_LIMIT},
                contestants=self._feed,
            ),
        ]

    def growth_rows(self) -> list[Row]:
        return [
            Row(
                name="growth-append",
                work="append 1 to 1,000,000 events (limit: to 10,000)",
                unit="events/s",
                size=GROWTH,
                musts={"limit": musts.GROWN_BY_SMALL},
                contestants=self._growth.appends,
            ),
            Row(
                name="growth-load",
                work="warm load among 1,000,000 events (limit: 10,000)",
                unit="loads/s",
                size=GROWTH,
                musts={"limit": musts.GROWN_BY_SMALL},
                contestants=self._growth.warm_loads,
            ),
        ]

    def _append(self, size: Size) -> dict[str, Contestant]:
        return self._appends(size, RawInserts("raw_insert", self._closing))

    def _append_100(self, size: Size) -> dict[str, Contestant]:
        return self._appends(size, RawCopies("raw_copy", self._closing))

    def _appends(self, size: Size, limit: Contestant) -> dict[str, Contestant]:
        return self._rival.joins(
            {"limit": limit, "orm": OrmAppends(), "ours": OurAppends(size)},
            lambda library: library.LibraryAppends(size, self._closing),
        )

    def _connections(self, size: Size) -> dict[str, Contestant]:
        return appends_from_connections(size, self._closing, with_library=self._rival.is_here)

    def _load(self, size: Size) -> dict[str, Contestant]:
        return self._rival.joins(
            {
                "limit": RawSelects("raw_select", self._closing, size),
                "orm": OrmLoads(size),
                "ours": OurLoads(size),
            },
            lambda library: library.LibraryLoads(size, self._closing),
        )

    def _load_snapshot(self, size: Size) -> dict[str, Contestant]:
        return self._rival.joins(
            {"ours": OurSnapshotLoads(size)},
            lambda library: library.LibraryKeptLoads(
                size, self._closing, library.BookingsWithSnapshots
            ),
        )

    def _load_warm(self, size: Size) -> dict[str, Contestant]:
        return self._rival.joins(
            {"ours": OurWarmLoads(size)},
            lambda library: library.LibraryKeptLoads(size, self._closing, library.CachedBookings),
        )

    def _feed(self, size: Size) -> dict[str, Contestant]:
        return self._rival.joins(
            {
                "limit": RawFeed("raw_feed", self._closing, size),
                "orm": OrmFeed(size),
                "ours": OurFeed(size),
            },
            lambda library: library.LibraryFeed(size, self._closing),
        )
