"""D: a unique login name. Of all who want it one gets it, and nobody's password is kept."""

import secrets
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from uuid import uuid4

from django.db import connection, connections

from config.demo.callers import Answer, HttpCaller
from config.demo.people import key_caller
from config.demo.stage import Stage
from eventstore.tenancy import Role

AT_ONCE = 20


def play(stage: Stage) -> None:
    login = f"Zoë.{uuid4().hex[:8]}"
    password = secrets.token_urlsafe(16)
    first, second = (register(stage.api, login, password) for _ in range(2))
    stage.expect("both are taken up", [201, 201], [first.status, second.status])
    statuses = [status_of(stage.api, answer) for answer in (first, second)]
    stage.expect("one login, twice", ["succeeded", "failed"], statuses)
    decided = ["start-user-registration completed", "complete-user-registration completed"]
    commands = stage.commands_of(second.body["aggregate_id"])
    stage.expect("commands of the one that failed", decided, commands)

    for what, variant in variants(login).items():
        answer = register(stage.api, variant, password)
        stage.expect(f"the same {what}", "failed", status_of(stage.api, answer))
    register_at_once(stage)
    with key_caller("umbrella", "umbrella-member", Role.MEMBER) as umbrella:
        elsewhere = register(umbrella, login, password)
        stage.expect("in another tenant", "succeeded", status_of(umbrella, elsewhere))
    stage.expect("tables with the password", [], tables_with(password))


def variants(login: str) -> dict[str, str]:
    decomposed = login.replace("ë", "e\u0308")
    full_width = "".join(
        chr(ord(letter) + 0xFEE0) if letter == "Z" else letter for letter in login
    )
    return {
        "in capitals": login.upper(),
        "between spaces": f"  {login} ",
        "in another Unicode form": decomposed,
        "in full-width letters": full_width,
    }


def register(api: HttpCaller, login: str, password: str) -> Answer:
    return api.post("start-user-registration", login_name=login, password=password)


def status_of(api: HttpCaller, answer: Answer) -> object:
    return api.get(f"/api/users/{answer.body.get('aggregate_id')}").body.get("status")


def register_at_once(stage: Stage) -> None:
    login = f"Max.{uuid4().hex[:8]}"

    def one(number: int) -> object:
        try:
            answer = register(stage.api, [login, login.upper()][number % 2], "a long password")
            return status_of(stage.api, answer)
        finally:
            connections.close_all()

    with ThreadPoolExecutor(AT_ONCE) as pool:
        statuses = list(pool.map(one, range(AT_ONCE)))
    got = (statuses.count("succeeded"), statuses.count("failed"))
    stage.expect(f"{AT_ONCE} at once: succeeded, failed", (1, AT_ONCE - 1), got)


def tables_with(text: str) -> list[str]:
    """The tables in which a text stands anywhere."""
    with connection.cursor() as cursor:
        return [
            table
            for table in connection.introspection.table_names(cursor)
            if _contains(cursor, table, text)
        ]


def _contains(cursor: Any, table: str, text: str) -> bool:
    query = f'SELECT 1 FROM "{table}" AS t WHERE strpos(t::text, %s) > 0 LIMIT 1'
    cursor.execute(query, (text,))
    return cursor.fetchone() is not None
