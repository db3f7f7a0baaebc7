"""System checks of settings: the pipeline's steps, and how long a lease is."""

from collections.abc import Sequence
from typing import Any

from django.apps import AppConfig
from django.conf import settings
from django.core import checks

from eventstore.reactions import MOST_SECONDS

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


def check_lease(
    app_configs: Sequence[AppConfig] | None, **kwargs: Any
) -> list[checks.CheckMessage]:
    """A sender has what he drains to himself for as long as he may drain."""
    lease = settings.EVENTSTORE.get("LEASE_SECONDS", 10)
    if lease > MOST_SECONDS:
        return []
    return [
        checks.Warning(
            f'EVENTSTORE["LEASE_SECONDS"] is {lease}, and a sender does what his command caused '
            f"for up to {MOST_SECONDS} s: workers get in his way.",
            hint="Set DAYBOOK_LEASE_SECONDS to 10.",
            id="eventstore.W001",
        )
    ]
