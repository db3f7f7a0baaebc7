"""What was done here in a tenant, by whom and why: Django's own admin log.

Every entry is about the tenant, and names the key, member, process, command or override in its
text. So the record outlives a membership that has ended, and goes with its tenant.
"""

from typing import Any

from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import AbstractUser
from django.contrib.contenttypes.models import ContentType
from django.db.models import QuerySet

from eventstore.application import get_application
from eventstore.models import ApiKey, ProcessInstance, StoredCommand, Tenant

#: Entries on the page of a key or a membership; the tenant's page goes on to all.
RECORD_LIMIT = 50
#: Characters that an entry has room for.
LONGEST_ABOUT = 200


def about_key(key: ApiKey) -> str:
    return f"key {key.pk}: {key.prefix}"


def about_member(member: AbstractUser) -> str:
    return f"member {member.pk}: {member.get_username()}"


def about_process(instance: ProcessInstance) -> str:
    return f"process {instance.pk}: {instance}"


def about_command(command: StoredCommand) -> str:
    return f"command {command.pk}: {command}"


def about_override(name: str) -> str:
    return f"override: {name}"


def about_policy(category: str) -> str:
    return f"box policy: {category}"


def note(
    user: AbstractUser, tenant: Tenant, about: str, *, flag: int, what: str, reason: str
) -> None:
    """Keep who did what and why; in the transaction in which it is done."""
    _entries().create(
        user_id=user.pk,
        content_type=_tenants(),
        object_id=str(tenant.pk),
        object_repr=about[:LONGEST_ABOUT],
        action_flag=flag,
        change_message=f"{what}. Reason: {reason}",
    )


def notes_on(tenant: Tenant) -> QuerySet[Any]:
    """The whole record of a tenant."""
    entries = _entries().filter(content_type=_tenants(), object_id=str(tenant.pk))
    return entries.select_related("user")


def last_notes(tenant: Tenant, about: str) -> list[Any]:
    """What was done to one key, process or command, or to one user in all their memberships.

    Newest first.
    """
    # Up to the colon: users can get another name.
    subject = about.partition(":")[0] + ":"
    entries = notes_on(tenant).filter(object_repr__startswith=subject)
    return list(entries.order_by("-pk")[:RECORD_LIMIT])


def _entries() -> QuerySet[LogEntry]:
    return LogEntry.objects.using(get_application().database.alias)


def _tenants() -> ContentType:
    alias = get_application().database.alias
    return ContentType.objects.db_manager(alias).get_for_model(Tenant)
