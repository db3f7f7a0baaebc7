"""Boxes aggregates without being asked, once nothing has happened to them for so many days.

A policy is one tenant's for one category; where none was made, nothing is boxed. It never acts on
what it has not reported: a first look counts the aggregates that are idle and notes up to which
event, and only after a notice (a day, as a rule) those of them that are still idle are boxed, by
`box-aggregate` commands like anybody's. What is refused then is counted, and not tried again
before the next report, which follows at once.

Any number of workers may be at it. Whoever takes a policy has a lease on it, which each aggregate
renews; and should two be at the same aggregate all the same, their command has one id.
"""

import logging
from collections.abc import Callable
from enum import Enum, auto
from uuid import UUID, uuid5

from django.db import InterfaceError, OperationalError
from django.db.models import QuerySet

from eventstore.aggregate_types import AggregateTypes
from eventstore.box_commands import BoxAggregate
from eventstore.box_policy_log import BoxPolicyLog, ClaimedPolicy, Idle
from eventstore.command_bus import CommandBus
from eventstore.errors import (
    Busy,
    ColdStorageFailed,
    DaybookError,
    NotFound,
    OutcomeUnknown,
    StaleVersion,
    ValidationFailed,
)
from eventstore.models import BoxPolicy
from eventstore.tenancy import Actor, Role
from eventstore.wakeups import Wakeups, Work

logger = logging.getLogger("daybook.boxes")

#: A century: what is longer is a slip of the hand.
MOST_DAYS = 36_500

#: No aggregate is to blame; so it would be for each. (Of an unknown outcome the id settles it.)
NOBODYS_FAULT = (ColdStorageFailed, Busy, OutcomeUnknown)


class _Outcome(Enum):
    BOXED = auto()
    REFUSED = auto()
    #: Something has happened to it since it was found.
    NOT_IDLE = auto()


class BoxPolicies:
    def __init__(
        self,
        log: BoxPolicyLog,
        *,
        aggregates: AggregateTypes,
        bus: CommandBus,
        wakeups: Wakeups,
        notice_seconds: float,
    ) -> None:
        """`notice_seconds` lie at least between a report and what it leads to; not below 1."""
        if notice_seconds < 1:
            raise ValueError(f"BOX_POLICY_NOTICE is {notice_seconds} s, and must be at least 1 s.")
        self._log = log
        self._aggregates = aggregates
        self._bus = bus
        self._wakeups = wakeups
        self._notice_seconds = notice_seconds

    # By an operator ------------------------------------------------------------------------------

    def all(self) -> QuerySet[BoxPolicy]:
        """Every policy with what it has come to, by tenant and category."""
        return self._log.all()

    def put(
        self, tenant_id: UUID, category: str, idle_days: int, *, user: str, reason: str
    ) -> bool:
        """Make or change a policy, which reports first; False where it says just that already.

        Raises NotFound for an unknown category, and ValidationFailed for a number of days that is
        not from 1 to 36,500. `reason`, of 1 to 200 characters, stands on each box.
        """
        if category not in {aggregate.category for aggregate in self._aggregates}:
            raise NotFound(f"category {category}")
        if not 1 <= idle_days <= MOST_DAYS:
            raise ValidationFailed({"idle_days": [f"It must be from 1 to {MOST_DAYS:,}."]})
        if not self._log.put(tenant_id, category, idle_days, user=user, reason=reason):
            return False
        what = {"tenant_id": tenant_id, "category": category, "idle_days": idle_days}
        logger.info("box_policy_put", extra={**what, "user": user, "reason": reason})
        self._wakeups.wake(Work.BOXES)
        return True

    def drop(self, tenant_id: UUID, category: str, *, user: str, reason: str) -> bool:
        """End a policy; False where there is none. What it has boxed stays boxed."""
        if not self._log.drop(tenant_id, category):
            return False
        what = {"tenant_id": tenant_id, "category": category, "user": user, "reason": reason}
        logger.info("box_policy_dropped", extra=what)
        return True

    # In a worker ---------------------------------------------------------------------------------

    def work(self, until: Callable[[], bool] = lambda: False) -> int:
        """Report and act for all policies that are due; how many reports and aggregates that was.

        Tenants take turns. `until` is asked after each aggregate whether to stop. Raises Django's
        database errors, and NOBODYS_FAULT.
        """
        done = 0
        while not until() and (policy := self._log.claim()):
            done += self._act(policy, until) if policy.is_reported else self._report(policy)
        return done

    def _report(self, policy: ClaimedPolicy) -> int:
        if report := self._log.report(policy, self._notice_seconds):
            what = {"found": report.found, "up_to": report.position}
            logger.info("box_policy_reported", extra={**_named(policy), **what})
        return 1

    def _act(self, policy: ClaimedPolicy, until: Callable[[], bool]) -> int:
        """One turn at what was reported; how many aggregates that was."""
        found = self._log.next(policy)
        if not found:
            self._end(policy)
            return 0
        for tried, idle in enumerate(found):
            if until():
                self._log.release(policy)
                return tried
            try:
                outcome = self._box(policy, idle)
            except NOBODYS_FAULT:
                self._log.release(policy)
                raise
            is_boxed, is_refused = outcome is _Outcome.BOXED, outcome is _Outcome.REFUSED
            noted = self._log.note(policy, idle.stream_id, boxed=is_boxed, refused=is_refused)
            if noted is None:
                return tried + 1  # It is not this worker's any more.
            policy = noted
        self._log.release(policy)
        return len(found)

    def _end(self, policy: ClaimedPolicy) -> None:
        if ended := self._log.end(policy):
            what = {"boxed": ended[0], "refused": ended[1]}
            logger.info("box_policy_acted", extra={**_named(policy), **what})

    def _box(self, policy: ClaimedPolicy, idle: Idle) -> _Outcome:
        command = BoxAggregate(
            aggregate_id=idle.aggregate_id, category=policy.category, reason=policy.reason
        )
        # Whoever takes over from a worker that has died sends it under the same id.
        command_id = uuid5(idle.aggregate_id, f"{policy.id} {policy.reported_at}")
        # As no user is called: whose policy it is has not boxed it himself.
        user = f"policy ({policy.user})"[:150]
        actor = Actor(tenant_id=policy.tenant_id, user=user, role=Role.OPERATOR)
        try:
            self._bus.send(
                command, actor=actor, command_id=command_id, expected_version=idle.version
            )
        except StaleVersion:
            return _Outcome.NOT_IDLE
        except NOBODYS_FAULT:
            raise
        except DaybookError as error:
            what = {"aggregate_id": idle.aggregate_id, "code": error.code, "detail": str(error)}
            logger.info("box_policy_refused", extra={**_named(policy), **what})
            return _Outcome.REFUSED
        except (OperationalError, InterfaceError):
            raise
        except Exception:
            # Whatever it is: else this one aggregate would keep the policy from all others.
            logger.exception("box_policy_failed", extra=_named(policy))
            return _Outcome.REFUSED
        return _Outcome.BOXED


def _named(policy: ClaimedPolicy) -> dict[str, object]:
    """As a line of the log names it."""
    whose = {"tenant_id": policy.tenant_id, "category": policy.category}
    return {**whose, "idle_days": policy.idle_days}
