"""The part of `routes` below admin/."""

from tests.tenants.classification import (
    A_WORD,
    AGGREGATE,
    ANY_TEXT,
    COMMAND_COLUMNS,
    COMMAND_ID,
    EVERY_KIND,
    NUMBER,
    TENANT,
    USER,
    Reads,
    Route,
    What,
    looked_up,
    reads,
)
from tests.tenants.findings import NUMBERS, TEXTS, TIMES, UUIDS


def cursor(column: str) -> dict[str, Reads]:
    return {"after": looked_up(NUMBERS, column), "before": looked_up(NUMBERS, column)}


KEY_NUMBER = looked_up(NUMBERS, "ApiKey.id")
MEMBERSHIP_NUMBER = looked_up(NUMBERS, "Membership.id")
PROCESS = (looked_up(NUMBERS, "ProcessInstance.id"), "process_number")
TENANT_AND_USER = {"tenant": TENANT, "user": USER}

STREAMS_ADMIN = {
    "admin/eventstore/storedstream/": Route(
        What.ADMIN_LIST,
        query={
            "tenant": TENANT,
            "category": ANY_TEXT,
            "status": A_WORD,
            "stream": AGGREGATE,
            **cursor("StoredStream.id"),
        },
    ),
    "admin/eventstore/storedstream/<int:pk>/": Route(
        What.ADMIN_PAGE,
        path={"pk": (looked_up(NUMBERS, "StoredStream.id"), "stream_number")},
        query={"order": A_WORD, **cursor("StoredEvent.position")},
    ),
    "admin/eventstore/storedstream/<int:pk>/state/": Route(
        What.ADMIN_PAGE,
        path={"pk": (looked_up(NUMBERS, "StoredStream.id"), "stream_number")},
        query={
            "version": NUMBER,
            "at": looked_up(TIMES, "StoredEvent.recorded_at"),
        },
    ),
}

BOX = (looked_up(UUIDS, "Box.id"), "box_id")
BOXES_ADMIN = {
    **{
        f"admin/eventstore/storedstream/<int:pk>/{act}/": Route(
            What.ADMIN_ACTION, path={"pk": (looked_up(NUMBERS, "StoredStream.id"), sample)}
        )
        for act, sample in (("box", "stream_number"), ("unbox", "boxed_stream_number"))
    },
    "admin/eventstore/box/": Route(
        What.ADMIN_LIST,
        query={
            "tenant": TENANT,
            "category": ANY_TEXT,
            "status": A_WORD,
            "stream": AGGREGATE,
            "after": BOX[0],
            "before": BOX[0],
        },
    ),
    "admin/eventstore/box/<uuid:pk>/": Route(What.ADMIN_PAGE, path={"pk": BOX}),
    "admin/eventstore/box/<uuid:pk>/verify/": Route(What.ADMIN_ACTION, path={"pk": BOX}),
}

POLICY = {"pk": (looked_up(NUMBERS, "BoxPolicy.id"), "policy_number")}
BOX_POLICIES_ADMIN = {
    "admin/eventstore/boxpolicy/": Route(
        What.ADMIN_LIST, query={"tenant": TENANT, **cursor("BoxPolicy.id")}
    ),
    "admin/eventstore/boxpolicy/new/": Route(What.ADMIN_ACTION),
    "admin/eventstore/boxpolicy/<int:pk>/change/": Route(What.ADMIN_ACTION, path=POLICY),
    "admin/eventstore/boxpolicy/<int:pk>/drop/": Route(What.ADMIN_ACTION, path=POLICY),
}

COMMANDS_ADMIN = {
    "admin/eventstore/storedcommand/": Route(
        What.ADMIN_LIST,
        query={
            "tenant": TENANT,
            **COMMAND_COLUMNS,
            "id": COMMAND_ID,
            **cursor("StoredCommand.number"),
        },
    ),
    "admin/eventstore/storedcommand/<int:pk>/": Route(
        What.ADMIN_PAGE,
        path={"pk": (looked_up(NUMBERS, "StoredCommand.number"), "command_number")},
    ),
    "admin/eventstore/storedcommand/schedules/": Route(
        What.ADMIN_LIST,
        query={
            "tenant": TENANT,
            "type": ANY_TEXT,
            "standing": A_WORD,
            **cursor("StoredCommand.number"),
        },
    ),
    **{
        f"admin/eventstore/storedcommand/<int:pk>/{act}/": Route(
            What.ADMIN_ACTION,
            path={"pk": (looked_up(NUMBERS, "StoredCommand.number"), "scheduled_number")},
        )
        for act in ("run-now", "cancel")
    },
    "admin/eventstore/storedcommand/send/": Route(
        What.ADMIN_PAGE, query={"tenant": TENANT, "command": ANY_TEXT}
    ),
    "admin/eventstore/storedcommand/send/<slug:slug>/<str:name>/": Route(
        What.ADMIN_ACTION, path={"slug": (TENANT, "slug"), "name": (ANY_TEXT, "deposit-money")}
    ),
}

PROCESSES_ADMIN = {
    "admin/eventstore/processinstance/": Route(
        What.ADMIN_LIST,
        query={
            "tenant": TENANT,
            "process": looked_up(TEXTS, "ProcessInstance.process"),
            "standing": A_WORD,
            **cursor("ProcessInstance.id"),
        },
    ),
    "admin/eventstore/processinstance/<int:pk>/": Route(
        What.ADMIN_PAGE, path={"pk": PROCESS}, query=cursor("Reaction.id")
    ),
    "admin/eventstore/processinstance/<int:pk>/retry/<int:reaction_pk>/": Route(
        What.ADMIN_ACTION,
        path={
            "pk": PROCESS,
            "reaction_pk": (looked_up(NUMBERS, "Reaction.id"), "reaction_number"),
        },
    ),
    "admin/eventstore/storedcommand/<int:pk>/retry/": Route(
        What.ADMIN_ACTION,
        path={"pk": (looked_up(NUMBERS, "StoredCommand.number"), "command_number")},
    ),
}

TENANTS_ADMIN = {
    "admin/eventstore/tenant/": Route(What.ADMIN_LIST, query={"after": TENANT, "before": TENANT}),
    "admin/eventstore/tenant/<uuid:pk>/": Route(
        What.ADMIN_PAGE,
        path={"pk": (looked_up(UUIDS, "Tenant.id"), "tenant_id")},
        query=cursor("LogEntry.id"),
    ),
    "admin/eventstore/membership/": Route(
        What.ADMIN_LIST, query={**TENANT_AND_USER, **cursor("Membership.id")}
    ),
    "admin/eventstore/membership/new/": Route(What.ADMIN_ACTION),
    "admin/eventstore/membership/<int:pk>/": Route(
        What.ADMIN_PAGE, path={"pk": (MEMBERSHIP_NUMBER, "membership_number")}
    ),
    "admin/eventstore/membership/<int:pk>/role/": Route(
        What.ADMIN_ACTION, path={"pk": (MEMBERSHIP_NUMBER, "membership_number")}
    ),
    "admin/eventstore/membership/<int:pk>/end/": Route(
        What.ADMIN_ACTION, path={"pk": (MEMBERSHIP_NUMBER, "membership_number")}
    ),
    "admin/eventstore/apikey/": Route(
        What.ADMIN_LIST, query={**TENANT_AND_USER, **cursor("ApiKey.id")}
    ),
    "admin/eventstore/apikey/new/": Route(What.ADMIN_ACTION),
    "admin/eventstore/apikey/<int:pk>/": Route(
        What.ADMIN_PAGE, path={"pk": (KEY_NUMBER, "key_number")}
    ),
    "admin/eventstore/apikey/<int:pk>/revoke/": Route(
        What.ADMIN_ACTION, path={"pk": (KEY_NUMBER, "key_number")}
    ),
}

OVERRIDE = {"slug": (TENANT, "slug"), "name": (ANY_TEXT, "reaction transfer transfer.failed")}
OVERRIDES_ADMIN = {
    "admin/eventstore/overrideswitch/": Route(
        What.ADMIN_LIST, query={"tenant": TENANT, **cursor("OverrideSwitch.id")}
    ),
    "admin/eventstore/overrideswitch/<slug:slug>/<str:name>/": Route(
        What.ADMIN_PAGE, path=OVERRIDE, query=cursor("OverrideSwitch.id")
    ),
    "admin/eventstore/overrideswitch/<slug:slug>/<str:name>/off/": Route(
        What.ADMIN_ACTION, path=OVERRIDE
    ),
    "admin/eventstore/overrideswitch/<slug:slug>/<str:name>/on/": Route(
        What.ADMIN_ACTION, path=OVERRIDE
    ),
}

PROJECTION = {"name": (A_WORD, "account_statement")}
PROJECTIONS_ADMIN = {
    "admin/eventstore/subscription/": Route(
        What.ADMIN_LIST, query=cursor("SubscriptionAction.id")
    ),
    "admin/eventstore/subscription/<str:name>/": Route(
        What.ADMIN_PAGE, path=PROJECTION, query=cursor("SubscriptionAction.id")
    ),
    "admin/eventstore/subscription/<str:name>/<str:action>/": Route(
        What.ADMIN_ACTION, path={**PROJECTION, "action": (A_WORD, "pause")}
    ),
    "admin/eventstore/rebuild/": Route(
        What.ADMIN_LIST, query={"projection": A_WORD, **cursor("Rebuild.id")}
    ),
    "admin/eventstore/rebuild/<int:pk>/": Route(
        What.ADMIN_PAGE,
        path={"pk": (looked_up(NUMBERS, "Rebuild.id"), "rebuild_number")},
    ),
    "admin/eventstore/rebuild/ask/<str:name>/<str:kind>/": Route(
        What.ADMIN_ACTION, path={**PROJECTION, "kind": (A_WORD, "check")}
    ),
}

COPIES_ADMIN = {
    "admin/eventstore/rowcopy/": Route(
        What.ADMIN_LIST, query={"tenant": TENANT, **cursor("RowCopy.id")}
    ),
    "admin/eventstore/rowcopy/<int:pk>/drop/": Route(
        What.ADMIN_ACTION, path={"pk": (looked_up(NUMBERS, "RowCopy.id"), "copy_number")}
    ),
}

READ_MODELS_ADMIN = {
    f"admin/projections/{model.lower()}/": Route(
        What.ADMIN_LIST, query={"tenant": TENANT, **cursor(f"{model}.id")}
    )
    for model in (
        "PersonSummary",
        "AccountSummary",
        "TransferSummary",
        "UserSummary",
        "AccountStatementLine",
        "TenantOverview",
        "DailyTotals",
    )
}

#: Django's pages of a model: its key is a number, and nobody but superusers gets there.
_KEY = {"object_id": (looked_up(NUMBERS, "Membership.user"), "1")}
DJANGO_ADMIN = {
    **{
        f"admin/auth/{model}/{page}": Route(What.DJANGO, path=_KEY if "<" in page else {})
        for model in ("user", "group")
        for page in (
            "",
            "add/",
            "<path:object_id>/",
            "<path:object_id>/change/",
            "<path:object_id>/delete/",
            "<path:object_id>/history/",
        )
    },
    "admin/auth/user/<id>/password/": Route(What.DJANGO, path={"id": _KEY["object_id"]}),
    "admin/autocomplete/": Route(
        What.DJANGO,
        query={"app_label": A_WORD, "model_name": A_WORD, "field_name": A_WORD, "term": USER},
    ),
    # Finds the page of any object of any model. None of ours has one, so all it says is "no".
    "admin/r/<path:content_type_id>/<path:object_id>/": Route(
        What.DJANGO,
        path={
            "content_type_id": (NUMBER, "content_type"),
            "object_id": (reads(*EVERY_KIND), "person_id"),
        },
    ),
}

#: About nobody but the user: the index lists the kinds of pages, and one's own last actions.
ABOUT_THE_USER = {
    "admin/": Route(What.ADMIN_LIST),
    "admin/<app_label>/": Route(What.ADMIN_LIST, path={"app_label": (A_WORD, "eventstore")}),
    "admin/password_change/": Route(What.ADMIN_LIST),
    "admin/password_change/done/": Route(What.ADMIN_LIST),
    # All other addresses below admin/.
    "admin/<url>": Route(What.ADMIN_PAGE, path={"url": (A_WORD, "nothing/")}),
}

ADMIN = {
    **STREAMS_ADMIN,
    **BOXES_ADMIN,
    **BOX_POLICIES_ADMIN,
    **COMMANDS_ADMIN,
    **PROCESSES_ADMIN,
    **TENANTS_ADMIN,
    **OVERRIDES_ADMIN,
    **PROJECTIONS_ADMIN,
    **COPIES_ADMIN,
    **READ_MODELS_ADMIN,
    **DJANGO_ADMIN,
    **ABOUT_THE_USER,
}
