"""The one place that knows everybody: builds the application and lets each part register."""

import ledger.registration
import projections.registration
from eventstore.application import Application, pipeline_from_settings


def build_application() -> Application:
    application = Application(pipeline=pipeline_from_settings())
    ledger.registration.register(application)
    projections.registration.register(application)
    return application
