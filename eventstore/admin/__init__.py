"""The event store in Django's admin: streams and commands, and who may act in which tenant.

Django imports this package because it is called `admin`; here stands every page that it finds.
"""

from django.contrib import admin

from eventstore.admin.commands import CommandAdmin
from eventstore.admin.keys import ApiKeyAdmin
from eventstore.admin.members import MembershipAdmin
from eventstore.admin.streams import StreamAdmin
from eventstore.admin.tenants import TenantAdmin
from eventstore.models import ApiKey, Membership, StoredCommand, StoredStream, Tenant

admin.site.register(StoredStream, StreamAdmin)
admin.site.register(StoredCommand, CommandAdmin)
admin.site.register(Tenant, TenantAdmin)
admin.site.register(Membership, MembershipAdmin)
admin.site.register(ApiKey, ApiKeyAdmin)
