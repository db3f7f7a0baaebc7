"""What else somebody has to classify by hand: models, the admin's models, commands and fields."""

from collections.abc import Mapping
from dataclasses import dataclass
from uuid import uuid4

from tests.tenants.classification import AGGREGATE, COMMAND_ID, TENANT, USER, Reads, reads
from tests.tenants.findings import NUMBERS
from tests.tenants.world import World

#: Rows of these belong to no tenant. Every other model needs `tenant` or `tenant_id`, or a foreign
#: key to one that has it.
MODELS_WITHOUT_TENANT = {
    "admin.LogEntry": "is about a tenant by `object_id`; see `notes_of` in findings.py",
    "auth.Group": "Django's, unused",
    "auth.Permission": "Django's, unused",
    "auth.User": "may belong to several tenants; see Membership",
    "contenttypes.ContentType": "Django's: the models",
    "django_q.Failure": "django-q2's; its tasks carry no data, and no page shows them",
    "django_q.OrmQ": "django-q2's, as above",
    "django_q.Schedule": "django-q2's, as above",
    "django_q.Success": "django-q2's, as above",
    "django_q.Task": "django-q2's, as above",
    "eventstore.CallCount": "counts a caller's calls; no page shows it",
    "eventstore.Subscription": "how far a projection is, over all tenants",
    "eventstore.SubscriptionAction": "what was done to a projection, for all tenants; whose user, "
    "reason or error it is, the admin finds out by the user and the event",
    "eventstore.Wakeup": "that somebody was called to work, for all tenants; no page shows it",
    "sessions.Session": "Django's: the browsers of users",
}

OF_TENANTS, FOR_SUPERUSERS = "rows of the user's tenants", "Django's own, for superusers alone"
FOR_OPERATORS = "what serves all tenants, without what is another tenant's"

#: Whose rows the pages of a model in the admin show.
ADMIN_MODELS = {
    "auth.Group": FOR_SUPERUSERS,
    "auth.User": FOR_SUPERUSERS,
    "eventstore.ApiKey": OF_TENANTS,
    "eventstore.Box": OF_TENANTS,
    "eventstore.BoxPolicy": OF_TENANTS,
    "eventstore.Membership": OF_TENANTS,
    "eventstore.OverrideSwitch": OF_TENANTS,
    "eventstore.ProcessInstance": OF_TENANTS,
    "eventstore.Rebuild": FOR_OPERATORS,
    "eventstore.RowCopy": OF_TENANTS,
    "eventstore.StoredCommand": OF_TENANTS,
    "eventstore.StoredStream": OF_TENANTS,
    "eventstore.Subscription": FOR_OPERATORS,
    "eventstore.Tenant": OF_TENANTS,
    "projections.AccountStatementLine": OF_TENANTS,
    "projections.AccountSummary": OF_TENANTS,
    "projections.DailyTotals": OF_TENANTS,
    "projections.PersonSummary": OF_TENANTS,
    "projections.TenantOverview": OF_TENANTS,
    "projections.TransferSummary": OF_TENANTS,
    "projections.UserSummary": OF_TENANTS,
}

#: Marks in the bodies below: the id of what a Side has, or one that is free.
PERSON, ACCOUNT, NEW = "<person_id>", "<account_id>", "<new>"
OTHER_ACCOUNT = "<other_account_id>"
#: Somebody in cold storage.
BOXED = "<boxed_id>"

#: A body with every field that a command has, as it succeeds.
COMMANDS: dict[str, dict[str, str]] = {
    "register-person": {"aggregate_id": NEW, "first_name": "Ada", "last_name": "Lovelace"},
    "rename-person": {"aggregate_id": PERSON, "first_name": "Ada", "last_name": "King"},
    "open-account": {"aggregate_id": NEW, "owner_id": PERSON, "code": "A-1"},
    "deposit-money": {
        "aggregate_id": ACCOUNT, "amount": "1.00", "booked_on": "1994-03-31", "reference": "A"
    },
    "withdraw-money": {
        "aggregate_id": ACCOUNT, "amount": "0.01", "booked_on": "1994-03-31", "reference": "A"
    },
    "close-account": {"aggregate_id": ACCOUNT},
    "start-transfer": {
        "aggregate_id": NEW,
        "from_account_id": ACCOUNT,
        "to_account_id": OTHER_ACCOUNT,
        "amount": "0.01",
    },
    "start-user-registration": {
        "aggregate_id": NEW, "login_name": "Ada", "password": "correct horse"
    },
    "box-aggregate": {"aggregate_id": BOXED, "category": "person", "reason": "because"},
    "unbox-aggregate": {"aggregate_id": BOXED, "category": "person", "reason": "because"},
}  # fmt: skip


@dataclass(frozen=True)
class Form:
    """What an action of the admin is sent. `good`: texts, or what a Side has; `reads`: what is
    looked up. All other fields are only kept as they are written."""

    good: dict[str, str]
    reads: dict[str, Reads]


REASON = {"reason": "because"}

#: Each ADMIN_ACTION of admin_routes.py with its form.
FORMS: dict[str, Form] = {
    "admin/eventstore/membership/new/": Form(
        {"tenant": "<slug>", "user": "nobody", "role": "member", **REASON},
        # Not `user`: see test_users.py.
        {"tenant": TENANT},
    ),
    "admin/eventstore/membership/<int:pk>/role/": Form({"role": "auditor", **REASON}, {}),
    "admin/eventstore/membership/<int:pk>/end/": Form(REASON, {}),
    "admin/eventstore/apikey/new/": Form(
        {"tenant": "<slug>", "user": "<member>", "role": "member", "expires": "", **REASON},
        {"tenant": TENANT, "user": USER},
    ),
    "admin/eventstore/apikey/<int:pk>/revoke/": Form(REASON, {}),
    "admin/eventstore/overrideswitch/<slug:slug>/<str:name>/off/": Form(REASON, {}),
    "admin/eventstore/overrideswitch/<slug:slug>/<str:name>/on/": Form(REASON, {}),
    "admin/eventstore/processinstance/<int:pk>/retry/<int:reaction_pk>/": Form(REASON, {}),
    "admin/eventstore/storedcommand/<int:pk>/retry/": Form(REASON, {}),
    "admin/eventstore/storedcommand/<int:pk>/run-now/": Form(REASON, {}),
    "admin/eventstore/storedcommand/<int:pk>/cancel/": Form(REASON, {}),
    "admin/eventstore/subscription/<str:name>/<str:action>/": Form(REASON, {}),
    "admin/eventstore/rebuild/ask/<str:name>/<str:kind>/": Form(REASON, {}),
    "admin/eventstore/rowcopy/<int:pk>/drop/": Form(REASON, {}),
    **{
        f"admin/eventstore/storedstream/<int:pk>/{act}/": Form(
            {"command_id": NEW, **REASON}, {"command_id": COMMAND_ID}
        )
        for act in ("box", "unbox")
    },
    "admin/eventstore/box/<uuid:pk>/verify/": Form({}, {}),
    "admin/eventstore/boxpolicy/new/": Form(
        {"tenant": "<slug>", "category": "account", "idle_days": "30000", **REASON},
        {"tenant": TENANT},
    ),
    "admin/eventstore/boxpolicy/<int:pk>/change/": Form({"idle_days": "30001", **REASON}, {}),
    "admin/eventstore/boxpolicy/<int:pk>/drop/": Form(REASON, {}),
    "admin/eventstore/storedcommand/send/<slug:slug>/<str:name>/": Form(
        {
            "command_id": NEW,
            "field-aggregate_id": NEW,
            "field-amount": "1.00",
            "field-booked_on": "",
            "field-reference": "",
            "expected_version": "",
            "at": "",
        },
        {
            "command_id": COMMAND_ID,
            "field-aggregate_id": AGGREGATE,
            "expected_version": reads(NUMBERS),
        },
    ),
}


def filled(body: Mapping[str, str], world: World) -> dict[str, str]:
    """The body with ids in place of its marks."""
    samples = {**world.samples(), "new": str(uuid4())}
    return {name: samples.get(value.strip("<>"), value) for name, value in body.items()}
