"""Commands for later: kept in the command log until they are due, then done once.

Any number of runners may be at it. Each claims a command before it tries it, in a commit of its
own; the command's own transaction then decides, since only one finds its row still waiting.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID, uuid4

from eventstore.access import Access
from eventstore.commands import Command, Envelope, Result
from eventstore.errors import Forbidden, NotCancellable, NotFound, NotSchedulable
from eventstore.fault_points import reach
from eventstore.logged_commands import LoggedCommands
from eventstore.pending_commands import PendingCommands
from eventstore.pipeline import Proceed, Services
from eventstore.reactions import Reactions
from eventstore.tenancy import Actor
from eventstore.wakeups import Wakeups, Work


@dataclass(frozen=True, slots=True)
class KeepForLater:
    """The innermost step for a command with a time: it is stored, and nothing else done."""

    services: Services

    def __call__(self, envelope: Envelope) -> Result:
        command_type = self.services.command_types.of(type(envelope.command))
        if command_type.secrets:
            raise NotSchedulable(command_type.name)
        status = self.services.command_log.schedule(command_type, envelope)
        if status is None:
            return self.services.command_log.replay(command_type, envelope)
        return Result(
            command_id=envelope.command_id,
            status=status,
            category=None,
            aggregate_id=envelope.command.aggregate_id,
            version=None,
            position=None,
            correlation_id=envelope.correlation_id,
            due_at=envelope.due_at,
        )


class Scheduling:
    def __init__(
        self,
        *,
        keep: Proceed,
        pending: PendingCommands,
        logged: LoggedCommands,
        reactions: Reactions,
        access: Access,
        wakeups: Wakeups,
    ) -> None:
        """`keep` is the way of every command, with `KeepForLater` at its end."""
        self._keep = keep
        self._pending = pending
        self._logged = logged
        self._reactions = reactions
        self._access = access
        self._wakeups = wakeups

    # By a sender ---------------------------------------------------------------------------------

    def schedule(
        self,
        command: Command,
        *,
        at: datetime,
        actor: Actor,
        command_id: UUID | None = None,
        expected_version: int | None = None,
        correlation_id: UUID | None = None,
        client_fields: frozenset[str] | None = None,
    ) -> Result:
        """Keep a command until `at`, an aware time; past: a worker does it as soon as it can.

        It may be sent by whoever may do it now, and is refused when it is due to whoever may not
        then. Raises NotSchedulable for one with a secret.
        """
        command_id = command_id or uuid4()
        result = self._keep(
            Envelope(
                command=command,
                command_id=command_id,
                actor=actor,
                correlation_id=correlation_id or command_id,
                expected_version=expected_version,
                client_fields=client_fields,
                due_at=at,
            )
        )
        if result.status == "pending":
            self._wakeups.wake(Work.COMMANDS)
        return result

    # By an operator ------------------------------------------------------------------------------

    def cancel(self, tenant_id: UUID, command_id: UUID, *, user: str, reason: str) -> None:
        """Never do it; raises NotFound, and NotCancellable for one that is not scheduled."""
        if not self._pending.cancel(tenant_id, command_id, user=user, reason=reason):
            raise self._why_not(tenant_id, command_id)

    def do_now(self, tenant_id: UUID, command_id: UUID) -> None:
        """Let a worker do it at once; raises like `cancel`."""
        if not self._pending.do_now(tenant_id, command_id):
            raise self._why_not(tenant_id, command_id)
        self._wakeups.wake(Work.COMMANDS)

    def _why_not(self, tenant_id: UUID, command_id: UUID) -> NotFound | NotCancellable:
        status = self._pending.status(tenant_id, command_id)
        if status is None:
            return NotFound(f"command with id {command_id}")
        return NotCancellable(command_id, status)

    # In a worker ---------------------------------------------------------------------------------

    def run_due(
        self, until: Callable[[], bool] = lambda: False, *, now: datetime | None = None
    ) -> int:
        """Do all commands that are due, by the database's clock or at `now`; how many were tried.

        Tenants take turns, a command each, so that none waits until another has none left; within
        a tenant the oldest comes first. `until` is asked after each one whether to stop. Raises
        Django's database errors.
        """
        self._pending.fail_fatal()
        tried = 0
        while tenants := self._pending.tenants_due(now):
            claimed = 0
            for tenant_id in tenants:
                if until():
                    return tried
                claimed += self._run_one(tenant_id, now)
            if not claimed:
                break  # Others are at what is left, or it waits for something older.
            tried += claimed
        return tried

    def _run_one(self, tenant_id: UUID, now: datetime | None) -> bool:
        due = self._pending.claim_due(tenant_id, now)
        if due is None:
            return False
        reach("schedule.claimed")
        role = self._access.role_of_name(due.user, tenant_id)
        if role is None:
            error = Forbidden(f"send commands any more, as {due.user}")
            self._pending.note_fault(tenant_id, due.id, due.attempts, error, is_final=True)
            return True
        envelope = self._logged.envelope(due, role)
        if envelope is not None:
            caused = self._logged.do(envelope, due.attempts)
            self._reactions.drain(caused or (), envelope.correlation_id)
        return True
