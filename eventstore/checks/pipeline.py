"""System check: the pipeline has the steps that make a command happen once."""

from collections.abc import Sequence
from typing import Any

from django.apps import AppConfig
from django.conf import settings
from django.core import checks

#: Without these, in this order, a command would not happen exactly once.
REQUIRED_STEPS = (
    "eventstore.pipeline.Retry",
    "eventstore.pipeline.StoreRefusals",
    "eventstore.pipeline.InTransaction",
)


def check_pipeline(
    app_configs: Sequence[AppConfig] | None, **kwargs: Any
) -> list[checks.CheckMessage]:
    """The pipeline has the steps that make a command happen once, in their order."""
    pipeline = list(settings.EVENTSTORE["PIPELINE"])
    required = [step for step in pipeline if step in REQUIRED_STEPS]
    if tuple(required) == REQUIRED_STEPS:
        return []
    return [
        checks.Error(
            f'EVENTSTORE["PIPELINE"] has {required or "none"} of the steps it cannot do without.',
            hint=f"List {', '.join(REQUIRED_STEPS)}, each once and in this order.",
            id="eventstore.E001",
        )
    ]
