"""Imported once by the process that forks all others here, so that each starts in milliseconds.

It must not connect to anything: a connection cannot be shared.
"""

import django
from django.utils.module_loading import import_string

django.setup()
# Everything that is registered is imported, which it can be only now.
import_string("eventstore.application.get_application")()
