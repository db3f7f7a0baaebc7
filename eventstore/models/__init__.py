"""The tables of the event store, as Django sees them. DESIGN section 5 is their contract.

Core code writes these tables in SQL through `store` and `command_log`; the models serve the
migrations, the admin and tests. Foreign keys are `DO_NOTHING`: nothing here is ever cascaded.
"""

from eventstore.models.background import (
    OverrideSwitch,
    ProcessInstance,
    Reaction,
)
from eventstore.models.boxes import Box, BoxPolicy
from eventstore.models.commands import StoredCommand
from eventstore.models.json_text import JsonText
from eventstore.models.rebuilds import Rebuild, RowCopy
from eventstore.models.streams import Reservation, Snapshot, StoredEvent, StoredStream
from eventstore.models.subscriptions import Subscription, SubscriptionAction, Wakeup
from eventstore.models.tenants import ApiKey, CallCount, Membership, Tenant

__all__ = [
    "ApiKey",
    "Box",
    "BoxPolicy",
    "CallCount",
    "JsonText",
    "Membership",
    "OverrideSwitch",
    "ProcessInstance",
    "Reaction",
    "Rebuild",
    "Reservation",
    "RowCopy",
    "Snapshot",
    "StoredCommand",
    "StoredEvent",
    "StoredStream",
    "Subscription",
    "SubscriptionAction",
    "Tenant",
    "Wakeup",
]
