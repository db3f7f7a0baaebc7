"""Files in cold storage that no box is: named by `manage.py verify`, removed where needless."""

from collections import Counter
from collections.abc import Iterator

from django.db import OperationalError

from eventstore.application import Application
from eventstore.errors import ColdStorageFailed
from eventstore.integrity import Finding, Scope
from eventstore.orphans import Orphan

NOBODYS = "No box is this file's"
AT_WORK = "files that somebody may just be writing"


class OrphanVerification:
    """One pass; what it counts and removes is complete once its findings have been read."""

    def __init__(self, application: Application, scope: Scope, *, reconcile: bool) -> None:
        self._application = application
        self._below = "/".join(str(each) for each in (scope.tenant_id, scope.aggregate_id) if each)
        self._reconcile = reconcile
        #: Paths.
        self.removed: list[str] = []
        #: How many are left.
        self.count = 0
        self.passed_over: Counter[str] = Counter()

    def findings(self) -> Iterator[Finding]:
        """Of each file that stays: whether it is needed, and what to do."""
        orphans = self._application.orphans
        look = orphans.remove if self._reconcile else orphans.look
        for path in orphans.unknown(self._below and f"{self._below}/"):
            try:
                orphan = look(path)
            except OperationalError:
                self.passed_over[AT_WORK] += 1
                continue
            except ColdStorageFailed as error:
                self.count += 1
                yield Finding("", path, None, None, f"{NOBODYS}. {error}")
                continue
            if orphan is None:
                continue
            if orphan.is_needless and self._reconcile:
                self.removed.append(path)
            else:
                self.count += 1
                yield Finding("", path, None, None, _problem(orphan))


def _problem(orphan: Orphan) -> str:
    if orphan.is_needless:
        return f"{NOBODYS}, and nothing is in it that is not online. --reconcile removes it."
    return (
        f"{NOBODYS}, and it {orphan.problem}. It stays: see where it comes from, perhaps from a "
        "time after the backup that this database was restored from."
    )
