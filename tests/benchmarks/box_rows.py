"""Rows that measure cold storage: an aggregate of many events, many small ones, and memory."""

from contextlib import ExitStack

from tests.benchmarks import musts
from tests.benchmarks.boxing import (
    OneStream,
    RawBoxes,
    folder_of_boxes,
    measured_peaks,
    our_boxes,
)
from tests.benchmarks.measuring import Contestant, Row, Size
from tests.benchmarks.own_peak import STATUS

EVENTS = 10_000
LARGE = OneStream(accounts=1, prior=EVENTS, bookings=EVENTS, run=EVENTS)


class BoxRows:
    def __init__(self, closing: ExitStack) -> None:
        self._closing = closing

    def rows(self) -> list[Row]:
        return [
            Row(
                name="box",
                work="box and unbox an aggregate of 10,000 events (limit: COPY)",
                unit="events/s",
                size=LARGE,
                musts={},
                contestants=self._large,
                least=musts.BOXED_IN_A_SECOND,
            ),
            Row(
                name="box-small",
                work="box and unbox aggregates of 4 events (limit: COPY)",
                unit="of them/s",
                size=Size(accounts=200, prior=3, bookings=200),
                musts={},
                contestants=self._small,
                least=musts.SMALL_BOXES_IN_A_SECOND,
            ),
            *self._memory_rows(),
        ]

    def _memory_rows(self) -> list[Row]:
        if not STATUS.exists():
            return []  # A system that does not say how much memory a process has had.
        return [
            Row(
                name="box-memory",
                work="those who box 10,000 events in 1 GB (limit: a tenth of the events)",
                unit="of them",
                size=LARGE,
                musts={"limit": musts.MEMORY_BY_A_TENTH},
                contestants=self._memory,
                least=musts.REBUILDS_IN_A_GIGABYTE,
                most_rounds=1,
            )
        ]

    def _large(self, size: Size) -> dict[str, Contestant]:
        return {
            "limit": RawBoxes("raw_box", self._closing, size),
            "ours": our_boxes(size, folder_of_boxes(self._closing)),
        }

    def _small(self, size: Size) -> dict[str, Contestant]:
        return {
            "limit": RawBoxes("raw_small_boxes", self._closing, size),
            "ours": our_boxes(size, folder_of_boxes(self._closing)),
        }

    def _memory(self, size: Size) -> dict[str, Contestant]:
        return dict(measured_peaks(size, folder_of_boxes(self._closing)))
