"""The one place that knows everybody: builds the application and lets each part register."""

from django.conf import settings

import ledger.registration
import projections.registration
from config import tasks
from eventstore.application import Application, pipeline_from_settings


def build_application() -> Application:
    application = Application(
        pipeline=pipeline_from_settings(),
        calls_per_minute=settings.EVENTSTORE["CALLS_PER_MINUTE"],
        snapshot_every=settings.EVENTSTORE["SNAPSHOT_EVERY"],
        cache_size=settings.EVENTSTORE["CACHE_SIZE"],
        lease_seconds=settings.EVENTSTORE["LEASE_SECONDS"],
        retry_after=settings.EVENTSTORE["RETRY_AFTER"],
        effect_seconds=settings.EVENTSTORE["EFFECT_SECONDS"],
        cold_storage=settings.EVENTSTORE["COLD_STORAGE_ROOT"],
        box_policy_notice=settings.EVENTSTORE["BOX_POLICY_NOTICE"],
    )
    ledger.registration.register(application)
    ledger.registration.register_overrides(
        application, umbrella_owner=settings.LEDGER["UMBRELLA_OWNER"]
    )
    projections.registration.register(
        application, totals_every=settings.PROJECTIONS["TOTALS_EVERY"]
    )
    application.wakeups.enqueue = tasks.enqueue
    return application
