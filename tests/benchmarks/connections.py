"""Appends from several connections at once: does the order of all events hold writers up?

Processes, not threads: threads would wait for each other's Python, and look ordered for free.
Each has one connection and streams of its own, so that nobody waits for a stream.
"""

import signal
import traceback
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from decimal import Decimal
from importlib import import_module
from multiprocessing.connection import Connection
from typing import Any

from django.db import DEFAULT_DB_ALIAS, connections

from tests.benchmarks.measuring import Booking, Contestant, Size
from tests.benchmarks.processes import CONTEXT, set_up
from tests.benchmarks.scratch_database import execute, second_database

CONNECTIONS = 8
UNORDERED = "unordered"
#: "Ready" takes long: each process imports everything first. In seconds.
PATIENCE = 120

# No floor is published, no advisory lock taken, no position checked. What is left is the same
# function, the same table and its indexes.
WITHOUT_ORDER = "ALTER TABLE eventstore_event DISABLE TRIGGER USER"


def appends_from_connections(
    size: Size, closing: ExitStack, *, with_library: bool
) -> dict[str, Contestant]:
    """Ours; the limit, which is ours where nothing orders; the library with its table lock."""
    closing.enter_context(unordered_database())
    clients = Clients(size, closing)
    names = ["limit", "ours", *(["library"] if with_library else [])]
    return {name: AppendsFromConnections(clients, name) for name in names}


@contextmanager
def unordered_database() -> Iterator[str]:
    """The alias of a database in which nothing orders the events."""
    with second_database(UNORDERED) as alias:
        execute(connections[alias], WITHOUT_ORDER)
        yield alias


class AppendsFromConnections:
    def __init__(self, clients: "Clients", name: str) -> None:
        self._clients = clients
        self._name = name

    def work(self, bookings: Sequence[Booking]) -> None:
        """The bookings dealt out to all; returns when the last one is done."""
        shares: list[list[Booking]] = [[] for _ in range(CONNECTIONS)]
        for account, amount in bookings:
            shares[account % CONNECTIONS].append(Booking(account // CONNECTIONS, amount))
        self._clients.ask(self._name, "work", [(share,) for share in shares])

    def total(self) -> Decimal:
        totals: list[Decimal] = self._clients.ask_in_turn(self._name, "total", ())
        return sum(totals, Decimal(0))

    def setting(self, name: str) -> str:
        (value,) = set(self._clients.ask_in_turn(self._name, "setting", (name,)))
        return str(value)


class Clients:
    """The processes; each makes the contestants for itself when it is first asked for one."""

    def __init__(self, size: Size, closing: ExitStack) -> None:
        databases = {
            name: dict(connections[name].settings_dict) for name in ("default", UNORDERED)
        }
        self._pipes: list[Connection] = []
        for number in range(CONNECTIONS):
            ours, theirs = CONTEXT.Pipe()
            accounts = len(range(number, size.accounts, CONNECTIONS))
            arguments = (theirs, databases, Size(accounts, 0, 0))
            process = CONTEXT.Process(target=serve, args=arguments, daemon=True)
            process.start()
            theirs.close()
            closing.callback(process.join)
            closing.callback(ours.close)  # It ends when nobody can ask it any more.
            self._pipes.append(ours)

    def ask(self, name: str, method: str, arguments: Sequence[tuple[Any, ...]]) -> list[Any]:
        """Call the method of this contestant in all processes at once, each with its arguments."""
        for pipe, its_arguments in zip(self._pipes, arguments, strict=True):
            pipe.send((name, method, its_arguments))
        return [self._answer(pipe) for pipe in self._pipes]

    def ask_in_turn(self, name: str, method: str, arguments: tuple[Any, ...]) -> list[Any]:
        """In one process after the other: what makes tables must not race."""
        answers = []
        for pipe in self._pipes:
            pipe.send((name, method, arguments))
            answers.append(self._answer(pipe))
        return answers

    def _answer(self, pipe: Connection) -> Any:
        if not pipe.poll(PATIENCE):
            raise RuntimeError(f"A client process did not answer within {PATIENCE} seconds.")
        succeeded, answer = pipe.recv()
        if not succeeded:
            raise RuntimeError(f"A client process failed: {answer}")
        return answer


def serve(pipe: Connection, databases: Mapping[str, Any], size: Size) -> None:
    """What a client process does: answer until its parent has gone."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the parent's to handle.
    set_up(databases)
    contestants: dict[str, Contestant] = {}
    with ExitStack() as closing:
        while True:
            try:
                name, method, arguments = pipe.recv()
            except (EOFError, ConnectionResetError):
                return
            try:
                if name not in contestants:
                    contestants[name] = _make(name, size, closing)
                pipe.send((True, getattr(contestants[name], method)(*arguments)))
            except Exception:
                pipe.send((False, traceback.format_exc()))


def _make(name: str, size: Size, closing: ExitStack) -> Contestant:
    # Imported by name: not before Django is ready, and the library only where it takes part.
    contestant: Contestant
    if name == "library":
        library = import_module("tests.benchmarks.library")
        contestant = library.LibraryAppends(size, closing, library.LoneBookings)
    else:
        alias = UNORDERED if name == "limit" else DEFAULT_DB_ALIAS
        contestant = import_module("tests.benchmarks.ours").OurAppends(size, alias=alias)
    return contestant
