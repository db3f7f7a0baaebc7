"""What `manage.py worker --once` could not do, and why."""

from collections.abc import Iterator

from eventstore.application import Application
from eventstore.models import Reaction, Rebuild, StoredCommand, Subscription


def what_is_left(application: Application) -> Iterator[str]:
    """What waits, until when, and what nobody will do before an operator looks at it."""
    alias = application.database.alias
    reactions, commands = Reaction.objects.using(alias), StoredCommand.objects.using(alias)
    subscriptions = Subscription.objects.using(alias)
    tried = (
        reactions.filter(status="pending"),
        commands.filter(status__in=("pending", "scheduled")),
        subscriptions.filter(status="active"),
    )
    waiting = [
        until
        for rows in tried
        for until in rows.values_list("lease_until", flat=True)
        if until is not None
    ]
    if waiting:
        first = f"{min(waiting):%H:%M:%S} UTC"
        yield f"Waiting for a lease or the next attempt: {len(waiting)}, the first until {first}"
    aside = reactions.filter(status="parked").count() + commands.filter(status="failed").count()
    if aside:
        yield f"Set aside: {aside}; see Processes and Commands in the admin"
    rebuilds = Rebuild.objects.using(alias).filter(status__in=("waiting", "running"))
    for run in rebuilds.order_by("pk"):
        yield f"Asked for and not done: {run.kind} of {run.projection}, number {run.pk}"
    for row in subscriptions.exclude(status="active").order_by("projection"):
        yield f"Projection {row.projection} is {row.status} at position {row.position}"
