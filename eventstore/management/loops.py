"""What the threads of `manage.py worker` do: work, wait for a call or a second, work again."""

import logging
import time
from collections.abc import Callable
from contextlib import suppress
from threading import Event, Lock

from django.db import InterfaceError, OperationalError

from eventstore.database import Database
from eventstore.wakeups import Work

logger = logging.getLogger("daybook.worker")

#: How often to look when nobody has called, in seconds.
POLL_SECONDS = 1.0
#: How often at most to say that something does not work.
SILENCE_SECONDS = 60.0


class Outages:
    """Says for all loops together that the database is gone, not each second, and that it is back.

    `say` may be called by any of them. That nobody reads it any more (`| head`) ends no loop.
    """

    def __init__(self, say: Callable[[str], object]) -> None:
        self._say = say
        self._lock = Lock()
        self._without: set[Work] = set()
        self._said_at = float("-inf")
        self._is_told = False

    def begin(self, kind: Work, reason: str) -> None:
        with self._lock:
            self._without.add(kind)
            if time.monotonic() - self._said_at >= SILENCE_SECONDS:
                self._said_at = time.monotonic()
                self._is_told = True
                self._tell(f"The database does not answer ({reason}). Trying again every second.")

    def end(self, kind: Work) -> None:
        if kind not in self._without:
            return
        with self._lock:
            self._without.discard(kind)
            if self._is_told and not self._without:
                self._is_told = False
                self._tell("The database answers again.")

    def _tell(self, what: str) -> None:
        with suppress(OSError, ValueError):  # A pipe without a reader, or a closed file.
            self._say(what)


class Loop:
    """One kind of work, for as long as the worker lives; whoever sets `bell` calls it."""

    def __init__(
        self,
        kind: Work,
        database: Database,
        work: Callable[[Callable[[], bool]], int],
        ended: Event,
        outages: Outages,
    ) -> None:
        self.kind = kind
        self.bell = Event()
        self._database = database
        self._work = work
        self._ended = ended
        self._outages = outages
        self._faulted_at = float("-inf")

    def run(self) -> None:
        """Go on whatever happens: the database may be stopped for a while."""
        while not self._ended.is_set():
            # Before the work: who calls meanwhile may have come too late for it.
            self.bell.clear()
            # After a failure nobody's call is heeded: the next attempt would fail as well.
            (self.bell if self._succeeds() else self._ended).wait(POLL_SECONDS)
        self._database.connection.close()

    def _succeeds(self) -> bool:
        """Do what is due; False, and said, where that cannot be done."""
        try:
            self._work(self._ended.is_set)
        except (OperationalError, InterfaceError) as error:
            self._database.connection.close()
            self._outages.begin(self.kind, " ".join(str(error).split()))
            return False
        except Exception:
            # A fault of ours, or a database that is not migrated: the other kinds go on.
            self._database.connection.close()
            if time.monotonic() - self._faulted_at >= SILENCE_SECONDS:
                self._faulted_at = time.monotonic()
                logger.exception("work_failed", extra={"kind": self.kind.value})
            return False
        self._outages.end(self.kind)
        return True
