"""Tenants, and who may act in them."""

import uuid

from django.conf import settings
from django.db import models


class Tenant(models.Model):
    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    slug = models.SlugField(max_length=63, unique=True)
    name = models.CharField(max_length=200)
    active = models.BooleanField(default=True)

    class Meta:
        db_table = "eventstore_tenant"

    def __str__(self) -> str:
        return self.slug


class ApiKey(models.Model):
    """A key of one user in one tenant. Only its SHA-256 is kept: it has 256 random bits."""

    tenant = models.ForeignKey(Tenant, models.CASCADE)
    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE)
    role = models.CharField(max_length=10)
    prefix = models.CharField(max_length=12, help_text="Tells keys apart in lists and logs.")
    digest = models.BinaryField(unique=True)
    created_at = models.DateTimeField(auto_now_add=True)
    expires_at = models.DateTimeField(null=True)
    revoked_at = models.DateTimeField(null=True)

    class Meta:
        db_table = "eventstore_api_key"
        verbose_name = "API key"

    def __str__(self) -> str:
        return self.prefix
