"""The event store in Django's admin: streams, commands, tenants and API keys, all read-only.

Django imports this package because it is called `admin`; here stands every page that it finds.
"""

from django.contrib import admin

from eventstore.admin.commands import CommandAdmin
from eventstore.admin.streams import StreamAdmin
from eventstore.admin.tenants import ApiKeyAdmin, TenantAdmin
from eventstore.models import ApiKey, StoredCommand, StoredStream, Tenant

admin.site.register(StoredStream, StreamAdmin)
admin.site.register(StoredCommand, CommandAdmin)
admin.site.register(Tenant, TenantAdmin)
admin.site.register(ApiKey, ApiKeyAdmin)
