"""Django system checks: what is wrong stops `manage.py` before anything is served."""

from django.core.checks import Tags, register

from eventstore.checks.database import check_database
from eventstore.checks.events import check_events
from eventstore.checks.registration import check_registration
from eventstore.checks.settings import check_lease, check_pipeline


def register_all() -> None:
    register(check_database, Tags.database)
    register(check_pipeline, "eventstore")
    register(check_lease, "eventstore")
    register(check_registration, "eventstore")
    register(check_events, "eventstore")
