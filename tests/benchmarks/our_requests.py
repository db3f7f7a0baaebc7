"""This project's API: whole requests, through middleware, key, throttle, parser and renderer."""

from collections.abc import Sequence
from contextlib import ExitStack
from decimal import Decimal
from typing import Any
from uuid import uuid4

from django.contrib.auth.models import User
from django.core.handlers.wsgi import WSGIHandler

from eventstore.application import get_application
from eventstore.models import Tenant
from eventstore.throttling import Throttle
from tests.benchmarks.measuring import Booking, Size
from tests.benchmarks.ours import OurCommands
from tests.benchmarks.pages import different_balances, money_on, page_count
from tests.benchmarks.wsgi_client import WsgiClient

#: More than anybody here can send, so that every call is counted and let in.
CALLS_PER_MINUTE = 10**9


class OurRequests(OurCommands):
    """A member's key in a tenant of its own."""

    def __init__(self, size: Size, closing: ExitStack) -> None:
        super().__init__(size, inline=True, kept=True)
        # The one of the process, which the views ask for; it has registered the same.
        application = get_application()
        closing.callback(setattr, application, "throttle", application.throttle)
        application.throttle = Throttle(application.database, calls_per_minute=CALLS_PER_MINUTE)
        tenant = Tenant.objects.get(pk=self.actor.tenant_id)
        user, _ = User.objects.get_or_create(username=self.actor.user)
        key = application.access.create_key(tenant, user, self.actor.role)
        self.client = WsgiClient(WSGIHandler(), f"Bearer {key}")


class OurPosts(OurRequests):
    def work(self, bookings: Sequence[Booking]) -> None:
        for booking in bookings:
            document = {
                "aggregate_id": str(self.ids[booking.account]),
                "amount": str(booking.amount),
                "reference": "Salary",
            }
            command_id = str(uuid4())
            self.client.post(
                "/api/commands/deposit-money", document, HTTP_IDEMPOTENCY_KEY=command_id
            )


class OurPages(OurRequests):
    def __init__(self, size: Size, closing: ExitStack) -> None:
        super().__init__(size, closing)
        OurCommands.work(self, different_balances(size))
        self._page_count = page_count(size)
        self._read: list[Any] = []

    def work(self, bookings: Sequence[Booking]) -> None:
        pages = (1 + booking.account % self._page_count for booking in bookings)
        self._read = [self.client.get(f"/api/accounts?page={page}") for page in pages]

    def total(self) -> Decimal:
        return money_on(self._read)
