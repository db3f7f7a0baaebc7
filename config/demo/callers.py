"""Who calls the API in a scenario: whole requests through every layer, no network between."""

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

from django.contrib.auth.models import User
from django.test import Client

HOST = "localhost"


@dataclass(frozen=True, slots=True)
class Answer:
    status: int
    body: dict[str, Any]
    headers: Mapping[str, str]

    @property
    def outcome(self) -> tuple[int, str | None]:
        """The status and, where it is a refusal, its code."""
        return self.status, self.body.get("code")


class HttpCaller:
    """Calls with the same headers each time."""

    def __init__(self, client: Client, headers: Mapping[str, str]) -> None:
        self._client = client
        self._headers = headers

    def post(self, name: str, **fields: Any) -> Answer:
        """Send a command under a fresh id."""
        return self.send(name, fields)

    def send(
        self, name: str, fields: Mapping[str, Any], headers: Mapping[str, str] | None = None
    ) -> Answer:
        """Send a command with headers of its own, such as `Idempotency-Key`."""
        response = self._client.post(
            f"/api/commands/{name}",
            data=json.dumps(fields, default=str),
            content_type="application/json",
            headers={"Idempotency-Key": str(uuid4()), **self._headers, **(headers or {})},
        )
        return Answer(response.status_code, response.json(), response.headers)

    def get(self, path: str) -> Answer:
        response = self._client.get(path, headers=dict(self._headers))
        return Answer(response.status_code, response.json(), response.headers)

    def delete(self, path: str) -> Answer:
        response = self._client.delete(path, headers=dict(self._headers))
        return Answer(response.status_code, response.json(), response.headers)


def caller_with_key(key: str) -> HttpCaller:
    return HttpCaller(Client(SERVER_NAME=HOST), {"Authorization": f"Bearer {key}"})


class Browser:
    """A logged-in user's browser; CSRF is checked as it is for every visitor."""

    def __init__(self, user: User) -> None:
        self._client = Client(enforce_csrf_checks=True, SERVER_NAME=HOST)
        # Any page with a form hands out the token.
        self._client.get("/admin/login/")
        self._token = self._client.cookies["csrftoken"].value
        self._client.force_login(user)

    def inside(self, tenant_slug: str) -> HttpCaller:
        """Scripts of our pages, which know the token."""
        headers = {"X-Tenant": tenant_slug, "X-CSRFToken": self._token}
        return HttpCaller(self._client, headers)

    def from_elsewhere(self, tenant_slug: str) -> HttpCaller:
        """A page of somebody else's, which does not."""
        return HttpCaller(self._client, {"X-Tenant": tenant_slug})

    def log_out(self) -> None:
        self._client.logout()


@contextmanager
def browser_of(user: User) -> Iterator[Browser]:
    """Logged in within the block; no session is left behind."""
    browser = Browser(user)
    try:
        yield browser
    finally:
        browser.log_out()
