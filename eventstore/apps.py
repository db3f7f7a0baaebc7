"""The app: its checks, and what is written down after a migration."""

from typing import Any

from django.apps import AppConfig
from django.db.migrations.state import StateApps
from django.db.models import Model
from django.db.models.signals import post_migrate


class EventstoreConfig(AppConfig):
    name = "eventstore"
    verbose_name = "Event store"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from eventstore import checks  # models must be loaded first

        checks.register_all()
        post_migrate.connect(ensure_subscriptions, sender=self)


def ensure_subscriptions(using: str, apps: StateApps, **kwargs: Any) -> None:
    """Write down the modes of new projections before any process may disagree about them.

    Not on the way to an older version, whose table is another.
    """
    from eventstore.application import get_application  # models must be loaded first
    from eventstore.models import Subscription

    application = get_application()
    if using == application.database.alias and _has_table_of(Subscription, apps):
        application.subscription_log.ensure()


def _has_table_of(model: type[Model], apps: StateApps) -> bool:
    try:
        migrated = apps.get_model(model._meta.label)
    except LookupError:
        return False
    return {f.attname for f in migrated._meta.fields} == {f.attname for f in model._meta.fields}
