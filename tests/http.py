"""Calls the API as a client program does: whole requests through middleware, views and errors."""

import json
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

from django.contrib.auth import get_user_model
from django.http import HttpResponse
from django.test import Client

from eventstore.application import get_application
from eventstore.models import Tenant
from eventstore.tenancy import Role


@dataclass(frozen=True)
class Answer:
    """`body` is the parsed JSON; `raw` the bytes as sent."""

    status: int
    headers: Any
    raw: bytes

    @property
    def body(self) -> Any:
        return json.loads(self.raw)

    @property
    def code(self) -> str:
        return str(self.body.get("code"))

    def refused(self, status: int, code: str) -> "Answer":
        """Check that this is the problem document for `code`."""
        assert (self.status, self.code) == (status, code), self.raw
        assert self.headers["Content-Type"] == "application/problem+json"
        assert self.body["status"] == status
        return self


class Api:
    """One caller with one key; `key` None: no header."""

    def __init__(self, key: str | None) -> None:
        headers = {} if key is None else {"authorization": f"Bearer {key}"}
        # A fault of ours must show as a 500, as it would outside a test.
        self._client = Client(
            headers=headers, SERVER_NAME="localhost", raise_request_exception=False
        )

    def get(self, path: str, **headers: str) -> Answer:
        return answer_of(self._client.get(path, headers=_named(headers)))

    def send(self, name: str, fields: Any, **headers: str) -> Answer:
        """Send a command; header names with _ for -."""
        return self.send_raw(name, json.dumps(fields, default=str).encode(), **headers)

    def send_raw(
        self, name: str, body: bytes, content_type: str = "application/json", **headers: str
    ) -> Answer:
        response = self._client.generic(
            "POST",
            f"/api/commands/{name}",
            body,
            headers=_named(headers),
            CONTENT_TYPE=content_type,  # by hand: the client leaves it out of an empty request
        )
        return answer_of(response)

    def method(self, method: str, path: str) -> Answer:
        return answer_of(self._client.generic(method, path))

    def registered_person(self, first_name: str = "Ada", last_name: str = "Lovelace") -> str:
        """The id of a new person."""
        fields = {"first_name": first_name, "last_name": last_name}
        return str(self.send("register-person", fields).body["aggregate_id"])

    def opened_account(self, owner_id: str, code: str = "1", deposit: str = "") -> str:
        """The id of a new account, with money in it where `deposit` says how much."""
        answer = self.send("open-account", {"owner_id": owner_id, "code": code})
        account_id = str(answer.body["aggregate_id"])
        if deposit:
            self.send("deposit-money", {"aggregate_id": account_id, "amount": deposit})
        return account_id


def _named(headers: dict[str, str]) -> dict[str, str]:
    return {name.replace("_", "-"): value for name, value in headers.items()}


def answer_of(response: HttpResponse) -> Answer:
    return Answer(response.status_code, response.headers, response.content)


def api_for(tenant: Tenant, role: Role = Role.MEMBER, user_name: str = "mary") -> Api:
    """A caller in a tenant with a key of its own."""
    users = get_user_model().objects
    user = users.filter(username=user_name).first() or users.create_user(user_name)
    return Api(get_application().access.create_key(tenant, user, role))


def new_id() -> str:
    return str(uuid4())
