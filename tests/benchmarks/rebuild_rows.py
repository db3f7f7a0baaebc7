"""Rows that measure how rows are made anew: speed, memory, and who waits meanwhile."""

from contextlib import ExitStack

from tests.benchmarks import musts
from tests.benchmarks.measuring import Contestant, Row, Size
from tests.benchmarks.ours import Ours
from tests.benchmarks.own_peak import STATUS
from tests.benchmarks.rebuilding import Histories, OurPeak, OurRebuild, OurWaits
from tests.benchmarks.rebuilding_rivals import OrmAccounts, OrmPersons, RawRebuild
from tests.benchmarks.whole_histories import Lives

#: Of 50,000 persons, each with an account and 18 bookings: 1,000,000 events.
SIZE = Lives(accounts=50_000, prior=18, bookings=0)
#: Each takes half a minute and more.
ROUNDS = 2


class RebuildRows:
    def __init__(self, closing: ExitStack) -> None:
        self._histories = Histories(closing)

    def rows(self) -> list[Row]:
        return [
            *self._memory_rows(),
            Row(
                name="rebuild",
                work="rebuild account_summary, 1,000,000 events (limit: in SQL)",
                unit="events/s",
                size=SIZE,
                musts={"limit": musts.REBUILD_BY_LIMIT},
                contestants=self._accounts,
                least=musts.REBUILT_IN_A_SECOND,
                most_rounds=ROUNDS,
            ),
            Row(
                name="rebuild-persons",
                work="the same of person_summary",
                unit="events/s",
                size=SIZE,
                musts={"limit": musts.REBUILD_BY_LIMIT},
                contestants=self._persons,
                least=musts.REBUILT_IN_A_SECOND,
                most_rounds=ROUNDS,
            ),
            Row(
                name="rebuild-statement",
                work="the same of account_statement, a row a booking",
                unit="events/s",
                size=SIZE,
                musts={},
                contestants=self._statements,
                most_rounds=1,
            ),
            Row(
                name="rebuild-waits",
                work="50 commands/s during a rebuild: its longest wait, so often",
                unit="a minute",
                size=SIZE,
                musts={},
                contestants=self._waits,
                least=musts.WAITS_IN_A_MINUTE,
                most_rounds=ROUNDS,
            ),
        ]

    def _memory_rows(self) -> list[Row]:
        """First of all: it begins with the tenth of the events by which all rows are there."""
        if not STATUS.exists():
            return []  # A system that does not say how much memory a process has had.
        return [
            Row(
                name="rebuild-memory",
                work="rebuilds that fit into 1 GB (limit: a tenth of the events)",
                unit="of them",
                size=SIZE,
                musts={"limit": musts.MEMORY_BY_A_TENTH},
                contestants=self._memory,
                least=musts.REBUILDS_IN_A_GIGABYTE,
                most_rounds=1,
            )
        ]

    def _memory(self, size: Size) -> dict[str, Contestant]:
        assert isinstance(size, Lives)
        self._histories.owner(size)
        tenth = OurPeak(self._histories)
        return {"limit": tenth, "ours": OurPeak(self._histories.booked(size))}

    def _accounts(self, size: Size) -> dict[str, Contestant]:
        booked, owner = self._booked(size)
        return {
            "limit": RawRebuild(booked, "account_summary"),
            "orm": OrmAccounts(booked),
            "ours": OurRebuild(booked, owner, "account_summary"),
        }

    def _persons(self, size: Size) -> dict[str, Contestant]:
        booked, owner = self._booked(size)
        return {
            "limit": RawRebuild(booked, "person_summary"),
            "orm": OrmPersons(booked),
            "ours": OurRebuild(booked, owner, "person_summary"),
        }

    def _statements(self, size: Size) -> dict[str, Contestant]:
        booked, owner = self._booked(size)
        return {"ours": OurRebuild(booked, owner, "account_statement")}

    def _waits(self, size: Size) -> dict[str, Contestant]:
        booked, owner = self._booked(size)
        return {"ours": OurWaits(booked, owner)}

    def _booked(self, size: Size) -> tuple[Histories, Ours]:
        assert isinstance(size, Lives)
        return self._histories.booked(size), self._histories.owner(size)
