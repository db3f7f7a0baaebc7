from django.apps import AppConfig
from django.core.checks import register


class EventstoreConfig(AppConfig):
    name = "eventstore"
    verbose_name = "Event store"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from eventstore import checks  # models must be loaded first
        from eventstore.management.event_checks import check_events

        checks.register_all()
        register(check_events, "eventstore")
