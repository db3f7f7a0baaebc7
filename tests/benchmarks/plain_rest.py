"""The rival's API: Django REST framework as its own documentation advises, over `plain_orm`.

Token authentication, a throttle whose cache all processes share, serializers for what comes in
and goes out, JSON and nothing but JSON, the middleware of Django's `startproject`. Where the
documentation leaves a choice, the rival has the faster one:

- The throttle keeps the time of each call within its period, and reads and writes them all with
  each call. So its period is a second; with a minute's calls it would crawl.
- The cache's table is unlogged, so the throttle does not wait for the disk, as ours does not.
- Serializers of answers are read-only, and fetch their rows with `select_related`.
"""

from collections.abc import Sequence
from contextlib import ExitStack
from decimal import Decimal
from typing import Any, ClassVar

from django.contrib.auth.models import User
from django.core.cache.backends.db import DatabaseCache
from django.core.handlers.wsgi import WSGIHandler
from django.core.management import call_command
from django.db import connection, models
from django.http import Http404
from django.test.utils import override_settings
from rest_framework import serializers
from rest_framework.authentication import TokenAuthentication
from rest_framework.authtoken.models import Token
from rest_framework.exceptions import ValidationError
from rest_framework.generics import ListAPIView
from rest_framework.pagination import PageNumberPagination
from rest_framework.parsers import JSONParser
from rest_framework.permissions import IsAuthenticated
from rest_framework.renderers import JSONRenderer
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.throttling import UserRateThrottle
from rest_framework.views import APIView

from tests.benchmarks.measuring import Booking, Size
from tests.benchmarks.pages import PAGE_SIZE, different_balances, money_on, page_count
from tests.benchmarks.plain_orm import (
    Account,
    BenchmarkModel,
    OrmBookings,
    book,
    create_tables,
)
from tests.benchmarks.scratch_database import execute
from tests.benchmarks.wsgi_client import WsgiClient

CACHE_TABLE = "benchmarks_cache"

#: What `django-admin startproject` writes into new settings.
STARTPROJECT_MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
]


class PlainToken(BenchmarkModel):
    """The columns of REST framework's own, whose app is not installed here."""

    key = models.CharField(max_length=40, primary_key=True)
    user = models.OneToOneField(User, models.CASCADE, related_name="+")
    created = models.DateTimeField(auto_now_add=True)


class PlainAuthentication(TokenAuthentication):
    """Bearer tokens, as the documentation of TokenAuthentication shows."""

    keyword = "Bearer"
    model: Any = PlainToken


class SharedThrottle(UserRateThrottle):
    """More a second than anybody here can send, so that every call is counted and let in."""

    cache: Any = DatabaseCache(CACHE_TABLE, {})
    rate = "100000/second"


class PlainView(APIView):
    authentication_classes = (PlainAuthentication,)
    permission_classes = (IsAuthenticated,)
    throttle_classes = (SharedThrottle,)
    parser_classes = (JSONParser,)
    renderer_classes = (JSONRenderer,)


class DepositSerializer(serializers.Serializer[Any]):
    """The fields of `deposit-money`, with the same bounds."""

    aggregate_id = serializers.UUIDField()
    amount = serializers.DecimalField(max_digits=17, decimal_places=2, min_value=Decimal("0.01"))
    booked_on = serializers.DateField(required=False, allow_null=True, default=None)
    reference = serializers.CharField(max_length=140, required=False, allow_blank=True, default="")


class DepositView(PlainView):
    def post(self, request: Request) -> Response:
        serializer = DepositSerializer(data=request.data)
        serializer.is_valid(raise_exception=True)
        fields = serializer.validated_data
        try:
            entry = book(
                fields["aggregate_id"],
                fields["amount"],
                fields["reference"],
                request.user.get_username(),
                booked_on=fields["booked_on"],
            )
        except Account.DoesNotExist:
            raise Http404 from None
        except ValueError as error:
            raise ValidationError(str(error)) from None
        body = {
            "id": entry.pk,
            "account_id": entry.account_id,
            "balance": entry.balance,
            "recorded_at": entry.recorded_at,
        }
        return Response(body, status=201)


class AccountSerializer(serializers.ModelSerializer[Account]):
    owner_name = serializers.CharField(source="owner.name", read_only=True)

    class Meta:
        model = Account
        fields: ClassVar = (
            "id",
            "code",
            "is_closed",
            "balance",
            "owner",
            "owner_name",
            "opened_at",
            "updated_at",
        )
        read_only_fields: ClassVar = fields


class AccountPages(PageNumberPagination):
    page_size = PAGE_SIZE
    page_size_query_param = "page_size"
    max_page_size = 500


class AccountListView(PlainView, ListAPIView[Account]):
    queryset = Account.objects.select_related("owner").order_by("pk")
    serializer_class = AccountSerializer
    pagination_class = AccountPages


class PlainRest(OrmBookings):
    """A token, a cache, and a handler with middleware of its own; see `urls`."""

    def __init__(self, size: Size, closing: ExitStack) -> None:
        super().__init__(size)
        create_tables(PlainToken)
        call_command("createcachetable", CACHE_TABLE, verbosity=0)
        execute(connection, f"ALTER TABLE {CACHE_TABLE} SET UNLOGGED")
        user, _ = User.objects.get_or_create(username="mary")
        token = PlainToken.objects.create(key=Token.generate_key(), user=user)
        closing.enter_context(override_settings(ROOT_URLCONF="tests.benchmarks.urls"))
        with override_settings(MIDDLEWARE=STARTPROJECT_MIDDLEWARE):
            handler = WSGIHandler()
        self.client = WsgiClient(handler, f"Bearer {token.key}")


class PlainPosts(PlainRest):
    def work(self, bookings: Sequence[Booking]) -> None:
        for booking in bookings:
            document = {
                "aggregate_id": str(self.ids[booking.account]),
                "amount": str(booking.amount),
                "reference": "Salary",
            }
            self.client.post("/plain/deposit-money", document)


class PlainPages(PlainRest):
    """Each account holds another amount, so that the money tells whose pages were read."""

    def __init__(self, size: Size, closing: ExitStack) -> None:
        super().__init__(size, closing)
        OrmBookings.work(self, different_balances(size))
        self._page_count = page_count(size)
        self._read: list[Any] = []

    def work(self, bookings: Sequence[Booking]) -> None:
        pages = (1 + booking.account % self._page_count for booking in bookings)
        self._read = [self.client.get(f"/plain/accounts?page={page}") for page in pages]

    def total(self) -> Decimal:
        return money_on(self._read)
