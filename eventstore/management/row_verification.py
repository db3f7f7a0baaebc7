"""Rows of projections against a replay, for `manage.py verify`: the read side's own witness.

It is heard after all others and not in their transaction: each projection is compared as of a
moment of its own, in which nobody else may be at its rows.
"""

import sys
from collections import Counter
from collections.abc import Iterator

from django.db import DataError, IntegrityError

from eventstore.application import Application
from eventstore.checking import Checked
from eventstore.errors import AlreadyRunning, DaybookError, NotRebuildable
from eventstore.integrity import Finding, Scope
from eventstore.management.progress import Progress
from eventstore.management.rebuild_runs import named, one_line
from eventstore.management.row_differences_told import Told, problem, row_of, told
from eventstore.rebuild_log import Order

#: Reasons why the rows of a projection are not looked at.
ONE_STREAM = "projections: other streams feed the same rows; verify the tenant's"
AT_WORK = "projections that somebody is rebuilding, checking or mending"


class RowVerification:
    """One pass; what it counts is complete once its findings have been read."""

    def __init__(self, application: Application, scope: Scope, *, user: str) -> None:
        """`user` is on record: each check is."""
        self._application = application
        self._scope = scope
        self._user = user
        self.looked_at: Counter[str] = Counter()
        #: What was not looked at, and why, with how often.
        self.passed_over: Counter[str] = Counter()
        #: How many rows differ; of each projection only the first ones are findings.
        self.differing = 0

    def findings(self) -> Iterator[Finding]:
        """In the order in which the projections are registered."""
        for projection in self._application.projections:
            if self._scope.aggregate_id:
                self.passed_over[ONE_STREAM] += 1
                continue
            checked = self._checked(projection.name)
            if checked is None:
                continue
            self.looked_at["projections"] += 1
            self.differing += checked.rows
            yield from map(_finding, told(checked.differences))

    def _checked(self, name: str) -> Checked | None:
        """None, and counted, where that cannot be done."""
        order = Order("check", name, self._user, "verify", self._scope.tenant_id)
        try:
            with Progress(sys.stderr, 0, f"positions of {name}") as bar:
                outcome = self._application.rebuilding.run(
                    order, lambda progress: bar.come_to(progress.position, progress.head)
                )
        except AlreadyRunning:
            self.passed_over[AT_WORK] += 1
        except NotRebuildable as error:
            self.passed_over[f"projections: {error.reason}"] += 1
        except (DaybookError, DataError, IntegrityError) as error:
            # An event that cannot be read, or that the projection does not take.
            self.passed_over[f"projections: {named(name, one_line(error))}"] += 1
        else:
            return outcome.checked
        return None


def _finding(difference: Told) -> Finding:
    sentence = f"The row is {problem(difference)}."
    return Finding(difference.tenant, row_of(difference), None, difference.position, sentence)
