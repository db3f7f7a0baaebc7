"""Hears `NOTIFY`, on a connection of its own: one of Django's would hear only between statements.

What it misses while it is cut off costs time, not work: whoever it calls also looks by himself.
"""

import logging
from collections.abc import Callable
from threading import Event

import psycopg

from eventstore.database import Database
from eventstore.wakeups import CHANNEL

logger = logging.getLogger("daybook.worker")

#: Seconds until it looks whether it is to end, and until it tries to connect again.
PAUSE = 1.0


class Listener:
    def __init__(self, database: Database, url: str = "") -> None:
        """`url` where Django's connections go through a pooler, which has no sessions."""
        self._database = database
        self._url = url

    def listen(self, hear: Callable[[str], None], ended: Event) -> None:
        """Call `hear` with the payload of each notification, until `ended`.

        With "" whenever it has begun to listen: who knows what was said before.
        """
        is_told = False
        while not ended.is_set():
            try:
                with self._connect() as connection:
                    connection.execute(f"LISTEN {CHANNEL}")
                    is_told = False
                    hear("")
                    while not ended.is_set():
                        for notification in connection.notifies(timeout=PAUSE):
                            hear(notification.payload)
            except psycopg.Error as error:
                if not is_told:
                    logger.warning("not_listening", extra={"reason": " ".join(str(error).split())})
                is_told = True
                ended.wait(PAUSE)

    def _connect(self) -> psycopg.Connection:
        if self._url:
            return psycopg.connect(self._url, autocommit=True)
        parameters = self._database.connection.get_connection_params()
        return psycopg.connect(**parameters | {"autocommit": True})
