"""Copies of rows as of a moment, for `manage.py rebuild`: made, listed and dropped."""

import sys
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from typing import Any

from django.core.management.base import CommandError

from eventstore.application import Application
from eventstore.errors import AlreadyRunning, NotApplicable, NotFound, ValidationFailed
from eventstore.management.arguments import printable, tenants
from eventstore.management.progress import Progress
from eventstore.management.rebuild_arguments import Scope
from eventstore.management.rebuild_runs import ALREADY_RUNNING, FAILED, FAILURES, one_line
from eventstore.models import RowCopy

WRONG_INPUT = 2
#: The arguments' names here, where the core has others.
FLAGS = {"label": "--into", "as_of": "--as-of", "position": "--until"}


def make(
    application: Application,
    label: str,
    names: Sequence[str],
    scope: Scope,
    *,
    moment: tuple[datetime | None, int | None],
    user: str,
    reason: str,
) -> RowCopy:
    """With a bar on a terminal; CommandError with 2, 3 or 1 where it cannot be made."""
    as_of, position = moment
    try:
        with Progress(sys.stderr, 0, f"positions into {printable(label)!a}") as bar:
            return application.copies.make(
                label,
                position=position,
                as_of=as_of,
                names=names,
                tenant_id=scope.tenant_id,
                user=user,
                reason=reason,
                report=lambda progress: bar.come_to(progress.position, progress.head),
            )
    except ValidationFailed as error:
        raise CommandError(_problems(error), returncode=WRONG_INPUT) from None
    except NotApplicable as error:
        # Its label is taken.
        raise CommandError(str(error), returncode=WRONG_INPUT) from None
    except AlreadyRunning as error:
        raise CommandError(str(error), returncode=ALREADY_RUNNING) from None
    except FAILURES as error:
        raise CommandError(one_line(error), returncode=FAILED) from None


def drop(application: Application, label: str, scope: Scope, *, user: str, reason: str) -> None:
    """A tenant's own, or without one a copy of all tenants; CommandError with the known ones."""
    try:
        application.copies.drop(printable(label), scope.tenant_id, user=user, reason=reason)
    except NotFound:
        copies = application.copies.all(scope.tenant_id)
        known = [copy for copy in copies if copy.tenant_id == scope.tenant_id]
        whose = f"tenant {scope.tenant} alone" if scope.tenant else "all tenants"
        raise CommandError(
            f"There is no copy {label!a} of {whose}. "
            f"Known: {', '.join(copy.label for copy in known) or 'none'}.",
            returncode=WRONG_INPUT,
        ) from None
    except FAILURES as error:
        raise CommandError(one_line(error), returncode=FAILED) from None


def lines(copies: Iterable[RowCopy]) -> list[str]:
    """One for each copy, or one that says that there is none."""
    told = [
        f"{copy['label']}: {copy['tenant'] or 'all tenants'}, {_as_of(copy)}, "
        f"{copy['rows']:,} rows of {', '.join(copy['projections'])}; made {copy['made_at']} by "
        f"{copy['user']}{': ' if copy['reason'] else ''}{copy['reason']}"
        for copy in plain(copies)
    ]
    return told or ["There are no copies. `rebuild --as-of TIME --into LABEL` makes one."]


def plain(copies: Iterable[RowCopy]) -> list[dict[str, Any]]:
    """For programs, with tenants' slugs."""
    copies = list(copies)
    slugs = dict(
        tenants()
        .filter(pk__in={copy.tenant_id for copy in copies if copy.tenant_id})
        .values_list("pk", "slug")
    )
    return [
        {
            "label": copy.label,
            "tenant": copy.tenant_id and slugs.get(copy.tenant_id, str(copy.tenant_id)),
            "position": copy.position,
            "as_of": _text(copy.as_of),
            "projections": list(copy.projections),
            "rows": copy.rows,
            "user": copy.user,
            "reason": copy.reason,
            "made_at": _text(copy.made_at),
        }
        for copy in copies
    ]


def _as_of(copy: dict[str, Any]) -> str:
    position = f"up to position {copy['position']:,}"
    return f"as of {copy['as_of']} ({position})" if copy["as_of"] else position


def _text(moment: datetime | None) -> str | None:
    return moment.astimezone(UTC).isoformat() if moment else None


def _problems(error: ValidationFailed) -> str:
    return "\n".join(
        f"{FLAGS.get(name, name)} {message}."
        for name, messages in error.errors.items()
        for message in messages
    )
