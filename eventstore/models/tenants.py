"""Tenants, and who may act in them."""

import uuid

from django.conf import settings
from django.db import models
from django.db.models import Q

from eventstore.tenancy import Role

ROLES = [(role.value, role.value) for role in Role]


class Tenant(models.Model):
    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    slug = models.SlugField(max_length=63, unique=True)
    name = models.CharField(max_length=200)
    active = models.BooleanField(default=True)

    class Meta:
        db_table = "eventstore_tenant"

    def __str__(self) -> str:
        return self.slug


class Membership(models.Model):
    """A user's place in a tenant. Another tenant may give the same user another role."""

    tenant = models.ForeignKey(Tenant, models.CASCADE)
    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE)
    role = models.CharField(max_length=10, choices=ROLES)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        db_table = "eventstore_membership"
        constraints = (
            models.UniqueConstraint(fields=["tenant", "user"], name="eventstore_membership_user"),
            models.CheckConstraint(
                condition=Q(role__in=[role.value for role in Role]),
                name="eventstore_membership_role",
            ),
        )

    def __str__(self) -> str:
        return f"{self.user} in {self.tenant}: {self.role}"


class ApiKey(models.Model):
    """A key of one user in one tenant. Only its SHA-256 is kept: it has 256 random bits.

    Its role may be another than its user's: a member's key for a program that only reads.
    """

    tenant = models.ForeignKey(Tenant, models.CASCADE)
    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE)
    role = models.CharField(max_length=10, choices=ROLES)
    prefix = models.CharField(max_length=16, help_text="Tells keys apart in lists and logs.")
    digest = models.BinaryField(unique=True)
    created_at = models.DateTimeField(auto_now_add=True)
    expires_at = models.DateTimeField(null=True)
    #: To the minute, so that not every call writes.
    last_used_at = models.DateTimeField(null=True)
    revoked_at = models.DateTimeField(null=True)
    revoked_by = models.CharField(max_length=150, default="")
    revoke_reason = models.CharField(max_length=200, default="")

    class Meta:
        db_table = "eventstore_api_key"
        verbose_name = "API key"
        constraints = (
            models.CheckConstraint(
                condition=Q(role__in=[role.value for role in Role]),
                name="eventstore_api_key_role",
            ),
        )

    def __str__(self) -> str:
        return self.prefix


class CallCount(models.Model):
    """How often a caller has called within the minute that began at `since`.

    The table is unlogged: a crash may forget it, and counting costs no flush to disk.
    """

    caller = models.CharField(max_length=100, primary_key=True)
    since = models.DateTimeField()
    calls = models.IntegerField()

    class Meta:
        db_table = "eventstore_call_count"

    def __str__(self) -> str:
        return f"{self.caller}: {self.calls}"
