"""Aggregates that go into cold storage and come back, beside the same rows copied out and in."""

import os
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from decimal import Decimal
from pathlib import Path
from tempfile import TemporaryDirectory
from uuid import UUID

from django.conf import settings

from eventstore.box_commands import BoxAggregate, UnboxAggregate
from eventstore.tenancy import Actor, Role
from tests.benchmarks.box_memory import peaks
from tests.benchmarks.measuring import Booking, Size
from tests.benchmarks.ours import OurCommands, Ours
from tests.benchmarks.raw_limit import RawSelects, RawTable

REASON = "the benchmark"


@dataclass(frozen=True, slots=True)
class OneStream(Size):
    """One account of `prior` deposits; a booking stands for each, so that rates are events."""

    def scaled(self, scale: float) -> "OneStream":
        events = max(20, round(self.prior * scale))
        # One turn: who boxes does it as a whole.
        return OneStream(accounts=1, prior=events, bookings=events, run=events)


def our_boxes(size: Size, root: Path) -> "OurBoxes":
    """With accounts whose deposits are in the log of commands as well."""
    made = OurCommands(size, kept=True)
    return OurBoxes(root, made.actor, made.ids)


def folder_of_boxes(closing: ExitStack) -> Path:
    """Where cold storage is, so on the same disk, and gone at the end."""
    parent: Path = settings.EVENTSTORE["COLD_STORAGE_ROOT"].parent
    parent.mkdir(parents=True, exist_ok=True)
    return Path(closing.enter_context(TemporaryDirectory(prefix="benchmark-", dir=parent)))


class OurBoxes(Ours):
    """Each account boxed and unboxed, by commands through the bus, with what the log has of it."""

    def __init__(self, root: Path, actor: Actor, ids: list[UUID]) -> None:
        super().__init__(cold_storage=root)
        self.actor, self.ids = replace(actor, role=Role.OPERATOR), ids

    def work(self, bookings: Sequence[Booking]) -> None:
        for number in dict.fromkeys(booking.account for booking in bookings):
            self.to_and_fro(self.ids[number])

    def to_and_fro(self, aggregate_id: UUID) -> None:
        for kind in (BoxAggregate, UnboxAggregate):
            command = kind(aggregate_id=aggregate_id, category="account", reason=REASON)
            self.application.bus.send(command, actor=self.actor)


class RawBoxes(RawSelects):
    """The rows alone: COPY to a file that is on the disk before they are deleted, and back."""

    def __init__(self, table: str, closing: ExitStack, size: Size) -> None:
        super().__init__(table, closing, size)
        self._folder = folder_of_boxes(closing)

    def work(self, bookings: Sequence[Booking]) -> None:
        for number in dict.fromkeys(booking.account for booking in bookings):
            file = self._folder / str(number)
            self._box(number + 1, file)
            self._unbox(file)
            file.unlink()

    def _box(self, stream: int, path: Path) -> None:
        rows = f"SELECT * FROM {self.table} WHERE stream_id = {stream} ORDER BY version"
        with self.connection.transaction():
            with path.open("wb") as file:
                with self.cursor.copy(f"COPY ({rows}) TO STDOUT (FORMAT binary)") as copy:
                    for chunk in copy:
                        file.write(chunk)
                file.flush()
                os.fsync(file.fileno())
            folder = os.open(self._folder, os.O_RDONLY)
            os.fsync(folder)
            os.close(folder)
            self.cursor.execute(f"DELETE FROM {self.table} WHERE stream_id = {stream}")

    def _unbox(self, path: Path) -> None:
        statement = f"COPY {self.table} FROM STDIN (FORMAT binary)"
        with (
            self.connection.transaction(),
            path.open("rb") as file,
            self.cursor.copy(statement) as copy,
        ):
            while chunk := file.read(64 * 1024):
                copy.write(chunk)

    def total(self) -> Decimal:
        return RawTable.total(self)


class OurPeak(Ours):
    """Counted as if a second were a megabyte: the rate says how many such processes fill 1 GB.

    Measured once, in a process that does nothing else; a smaller account comes first in it.
    """

    def __init__(self, owner: Ours, megabytes: float) -> None:
        super().__init__()
        self.actor, self.ids = owner.actor, owner.ids
        self._megabytes = megabytes
        self._events = 0

    def work(self, bookings: Sequence[Booking]) -> None:
        self._events = len(bookings)

    def counted(self) -> float:
        return self._events * self._megabytes / 1024


def measured_peaks(size: Size, root: Path) -> dict[str, OurPeak]:
    """Of an account with a tenth of the deposits, which is the limit, and of one with all."""
    tenth = replace(size, prior=size.prior // 10)
    owners = [OurCommands(each, kept=True) for each in (tenth, size)]
    small, large = peaks([(each.actor, each.ids[0]) for each in owners], root)
    # Both have the larger account's money: the process has held it all the same.
    return {"limit": OurPeak(owners[1], small), "ours": OurPeak(owners[1], large)}
