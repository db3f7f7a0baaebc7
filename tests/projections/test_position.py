"""X-Position is read before the rows: what comes between is not promised."""

import pytest
from django.db import connection

from eventstore.models import Tenant
from tests.eventstore.support import at_once
from tests.http import Api, api_for


@pytest.mark.parametrize("is_detail", [False, True], ids=["list", "detail"])
def test_an_event_between_position_and_rows_is_not_promised(
    api: Api, tenant: Tenant, is_detail: bool
) -> None:
    person, other = api.registered_person(), api_for(tenant, user_name="max")
    ada = {"first_name": "Ada", "last_name": "King"}
    positions: list[int] = []

    def come_between(execute, sql, params, many, context):  # type: ignore[no-untyped-def]
        rows = execute(sql, params, many, context)
        if "person_summary" in sql and not positions:
            positions.append(0)
            sent = at_once(lambda: other.send("register-person", ada).body["position"])
            positions[0] = sent[0]
        return rows

    path = f"/api/persons/{person}" if is_detail else "/api/persons?page_size=1"
    with connection.execute_wrapper(come_between):
        answer = api.get(path)
    assert int(answer.headers["X-Position"]) < positions[0]
