"""What another thread does meanwhile, with a connection of its own; it may stand still in it."""

from collections.abc import Callable, Generator
from contextlib import contextmanager
from threading import Event, Thread, get_ident

from django.db import connections

from eventstore import fault_points
from tests.eventstore.support import PATIENCE


class Meanwhile:
    """A call in another thread; its `outcome` is what it returned or raised."""

    def __init__(self, call: Callable[[], object], point: str = "") -> None:
        self.outcome: object = None
        self.reached, self._released = Event(), Event()
        self._call = call
        self._point = point
        self._thread = Thread(target=self._run)
        self._thread.start()

    def is_alive(self) -> bool:
        return self._thread.is_alive()

    def release(self) -> None:
        """It goes on."""
        self._released.set()

    def end(self) -> object:
        """Let it go on, and wait for its end."""
        self.release()
        self._thread.join(PATIENCE)
        assert not self.is_alive(), "it does not end"
        return self.outcome

    def _run(self) -> None:
        me = get_ident()

        def strike(point: str) -> None:
            if point == self._point and get_ident() == me and not self.reached.is_set():
                self.reached.set()
                assert self._released.wait(PATIENCE)

        if self._point:
            fault_points.arm(strike)
        try:
            self.outcome = self._call()
        except Exception as error:
            self.outcome = error
        finally:
            self.reached.set()
            connections.close_all()


@contextmanager
def paused_at(point: str, call: Callable[[], object]) -> Generator[Meanwhile]:
    """The call stands still there; it comes to its end at the end of the block at the latest."""
    meanwhile = Meanwhile(call, point)
    try:
        assert meanwhile.reached.wait(PATIENCE), f"{point} is not reached"
        assert meanwhile.is_alive(), meanwhile.outcome
        yield meanwhile
    finally:
        meanwhile.end()
        fault_points.arm(None)
