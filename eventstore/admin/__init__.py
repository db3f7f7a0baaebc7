"""The event store in Django's admin: streams, commands, processes, and who may act where.

Django imports this package because it is called `admin`; here stands every page that it finds.
"""

from django.contrib import admin

from eventstore.admin.box_policies import BoxPolicyAdmin
from eventstore.admin.boxes import BoxAdmin
from eventstore.admin.commands import CommandAdmin
from eventstore.admin.copies import CopyAdmin
from eventstore.admin.keys import ApiKeyAdmin
from eventstore.admin.members import MembershipAdmin
from eventstore.admin.overrides import OverrideAdmin
from eventstore.admin.processes import ProcessAdmin
from eventstore.admin.rebuilds import RebuildAdmin
from eventstore.admin.streams import StreamAdmin
from eventstore.admin.subscriptions import SubscriptionAdmin
from eventstore.admin.tenants import TenantAdmin
from eventstore.models import (
    ApiKey,
    Box,
    BoxPolicy,
    Membership,
    OverrideSwitch,
    ProcessInstance,
    Rebuild,
    RowCopy,
    StoredCommand,
    StoredStream,
    Subscription,
    Tenant,
)

admin.site.register(StoredStream, StreamAdmin)
admin.site.register(StoredCommand, CommandAdmin)
admin.site.register(ProcessInstance, ProcessAdmin)
admin.site.register(Subscription, SubscriptionAdmin)
admin.site.register(Rebuild, RebuildAdmin)
admin.site.register(RowCopy, CopyAdmin)
admin.site.register(Box, BoxAdmin)
admin.site.register(BoxPolicy, BoxPolicyAdmin)
admin.site.register(Tenant, TenantAdmin)
admin.site.register(Membership, MembershipAdmin)
admin.site.register(ApiKey, ApiKeyAdmin)
admin.site.register(OverrideSwitch, OverrideAdmin)
