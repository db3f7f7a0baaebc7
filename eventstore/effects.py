"""Performs effects: with no transaction open, under a lease that is renewed, at least once."""

import logging
import time
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Event, Thread

from django.db import Error as DatabaseError

from eventstore.database import Database
from eventstore.effect_types import EffectTypes
from eventstore.errors import Refusal
from eventstore.fault_points import reach
from eventstore.overrides import Overrides
from eventstore.process_managers import EffectDone, EffectRefused
from eventstore.reaction_log import Claimed, ClaimedEffect, ReactionLog
from eventstore.serialization import decode_as, encode_text

logger = logging.getLogger("daybook.effects")

#: How often a lease is renewed before it could run out.
RENEWALS = 3


class Effects:
    def __init__(
        self,
        database: Database,
        log: ReactionLog,
        *,
        effect_types: EffectTypes,
        overrides: Overrides,
        most_seconds: float,
    ) -> None:
        """An effect that takes longer than `most_seconds` is left to another worker's attempt."""
        self._most_seconds = most_seconds
        self._database = database
        self._log = log
        self._effect_types = effect_types
        self._overrides = overrides

    def perform(self, due: ClaimedEffect) -> bool:
        """Perform one; whether its process manager now has an outcome to react to.

        What the performer raises is noted with the effect: a Refusal ends it, anything else is
        tried again.
        """
        place = {"effect": due.name, "effect_id": due.uid, "attempt": due.claimed.attempts}
        outcome: EffectDone | EffectRefused
        try:
            with self._renewed(due.claimed):
                self._call_performer(due)
            outcome = EffectDone(effect=due.name, effect_id=due.uid)
            logger.info("effect", extra=place)
        except Refusal as refusal:
            logger.warning("effect_refused", extra={**place, "code": refusal.code})
            outcome = EffectRefused(
                effect=due.name, effect_id=due.uid, code=refusal.code, detail=str(refusal)
            )
        except Exception as error:
            # Whatever a team's performer raises: the other side may be back at the next attempt.
            logger.exception("effect_failed", extra=place)
            self._database.close_if_broken()
            self._log.note_fault(due.claimed, error)
            return False
        reach("effect.performed")
        return self._log.finish_effect(due.claimed, encode_text(outcome))

    def _call_performer(self, due: ClaimedEffect) -> None:
        effect_type = self._effect_types.named(due.name)
        effect = decode_as(effect_type.effect_class, due.data)
        tenant_id = due.claimed.instance.tenant_id
        override = self._overrides.performer(tenant_id, effect_type.effect_class)
        (override or effect_type.performer)(effect, due.uid)

    @contextmanager
    def _renewed(self, claimed: Claimed) -> Iterator[None]:
        """Keep others away for as long as this takes, by a thread with its own connection."""
        ended = Event()
        thread = Thread(target=self._renew, args=(claimed, ended), name="lease", daemon=True)
        thread.start()
        try:
            yield
        finally:
            ended.set()
            thread.join()

    def _renew(self, claimed: Claimed, ended: Event) -> None:
        until = time.monotonic() + self._most_seconds
        pause = self._log.lease.total_seconds() / RENEWALS
        try:
            while not ended.wait(pause) and time.monotonic() < until:
                try:
                    self._database.close_if_broken()
                    self._log.renew(claimed)
                except DatabaseError:
                    # Somebody else may perform it as well; its id tells that it is the same.
                    logger.warning("lease_not_renewed", extra={"reaction": claimed.id})
        finally:
            self._database.connection.close()
