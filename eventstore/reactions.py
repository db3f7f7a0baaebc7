"""Process managers at work: drained by whoever caused something to react to, else by a worker.

Nothing here holds what is not stored: every step, command and effect is a row before it is tried,
so a process that ends anywhere leaves its work to the next one.
"""

import logging
import math
import time
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from uuid import UUID

from django.db import InterfaceError, OperationalError

from eventstore.commands import Envelope, Instance
from eventstore.database import Database
from eventstore.effects import Effects
from eventstore.fault_points import reach
from eventstore.logged_commands import LoggedCommands
from eventstore.pending_commands import PendingCommands
from eventstore.reaction_log import ReactionLog
from eventstore.steps import InstanceHeld, Steps
from eventstore.wakeups import Wakeups, Work

logger = logging.getLogger("daybook.reactions")

#: How much a sender does of what his command caused, before he leaves the rest to a worker.
MOST_STEPS = 100
MOST_SECONDS = 5.0
#: How long he waits for an instance that somebody else is at, and how often he looks, in seconds.
PATIENCE = 1.0
LOOK_AGAIN = 0.01


class Reactions:
    def __init__(
        self,
        database: Database,
        *,
        log: ReactionLog,
        steps: Steps,
        pending: PendingCommands,
        effects: Effects,
        logged: LoggedCommands,
        wakeups: Wakeups,
    ) -> None:
        self._database = database
        self._log = log
        self._steps = steps
        self._pending = pending
        self._effects = effects
        self._logged = logged
        self._wakeups = wakeups

    # After a commit ------------------------------------------------------------------------------

    def drain(self, caused: Sequence[Instance], correlation_id: UUID) -> None:
        """Do what a command has caused, and what that causes; never raises.

        `caused` has an entry for each reaction; all have the command's correlation id. What is
        not done when this returns is a worker's: the command is committed, and its answer stands.
        """
        if not caused:
            return
        waiting = deque(caused)
        try:
            self._drain(waiting, correlation_id)
            if waiting:
                self._leave(waiting)
        except Exception:
            # Also a fault of our own: the worker's turn comes when the lease is over.
            logger.exception("drain_failed")
            self._database.close_if_broken()

    def _drain(self, waiting: deque[Instance], correlation_id: UUID) -> None:
        until = time.monotonic() + MOST_SECONDS
        steps = 0
        while waiting and steps < MOST_STEPS and time.monotonic() < until:
            instance = waiting.popleft()
            waiting.extend(self._send_all(self._take_patiently(instance, correlation_id), until))
            steps += 1

    def _take_patiently(self, instance: Instance, correlation_id: UUID) -> list[Envelope]:
        until = time.monotonic() + PATIENCE
        while True:
            try:
                return self._steps.take(instance, correlation_id)
            except InstanceHeld:
                if time.monotonic() > until:
                    self._leave([instance])
                    return []
                time.sleep(LOOK_AGAIN)

    def _leave(self, instances: Iterable[Instance]) -> None:
        """Leave these to a worker, who is called."""
        for instance in instances:
            self._log.release(instance)
        self._wakeups.wake(Work.REACTIONS)

    def _send_all(self, envelopes: Sequence[Envelope], until: float = math.inf) -> list[Instance]:
        """Do one step's commands in their order; one that cannot be done holds up the rest.

        So does the end of the sender's time, `until` on the monotonic clock.
        """
        caused: list[Instance] = []
        for number, envelope in enumerate(envelopes):
            if time.monotonic() > until:
                self._pending.release(envelopes[number:])
                self._wakeups.wake(Work.REACTIONS)
                break
            of_this = self._logged.do(envelope)
            if of_this is None:
                break
            caused += of_this
        return caused

    # In a worker ---------------------------------------------------------------------------------

    def work(self, until: Callable[[], bool] = lambda: False, *, effects: bool = True) -> int:
        """Do all that is due, and return how much that was: steps, commands and effects.

        Steps and commands come first: an effect may take long; without `effects` they are left to
        others. `until` is asked after each one whether to stop. Raises Django's database errors.
        """
        self._log.park_fatal()
        self._pending.fail_fatal()
        done = 0
        while not until():
            did = self._step() + self._command()
            if not did and effects:
                did = int(self._effect())
            if not did:
                break
            done += did
        return done

    def perform_effects(self, until: Callable[[], bool] = lambda: False) -> int:
        """Do the effects that are due, and nothing else; otherwise like `work`."""
        self._log.park_fatal()
        done = 0
        while not until() and self._effect():
            done += 1
        return done

    def _step(self) -> bool:
        claimed = self._log.claim_step()
        if claimed is None:
            return False
        try:
            envelopes = self._steps.take(claimed.instance, claimed)
        except InstanceHeld:
            self._log.give_back(claimed)
            return True
        except (OperationalError, InterfaceError) as error:
            self._database.close_if_broken()
            self._log.note_fault(claimed, error)
            return True
        caused = self._send_all(envelopes)
        if envelopes:
            self.drain(caused, envelopes[0].correlation_id)
        return True

    def _command(self) -> bool:
        pending = self._pending.claim()
        if pending is None:
            return False
        envelope = self._logged.envelope(pending)
        if envelope is not None:
            caused = self._logged.do(envelope, pending.attempts)
            self.drain(caused or (), envelope.correlation_id)
        return True

    def _effect(self) -> bool:
        due = self._log.claim_effect()
        if due is None:
            return False
        reach("effect.claimed")
        if self._effects.perform(due):
            reach("effect.noted")
            self.drain([due.claimed.instance], due.correlation_id)
        return True

    # By an operator ------------------------------------------------------------------------------

    def retry_reaction(self, tenant_id: UUID, reaction_id: int) -> bool:
        """Whether it was set aside, and is due again with five new attempts."""
        is_due = self._log.retry(tenant_id, reaction_id)
        if is_due:
            for kind in (Work.REACTIONS, Work.EFFECTS):
                self._wakeups.wake(kind)
        return is_due

    def retry_command(self, tenant_id: UUID, command_id: UUID) -> bool:
        """Whether it was given up, and is due again with five new attempts."""
        is_due = self._pending.retry(tenant_id, command_id)
        if is_due:
            for kind in (Work.REACTIONS, Work.COMMANDS):
                self._wakeups.wake(kind)
        return is_due
