"""Fixtures of the tests of cold storage."""

import pytest

from eventstore.models import Tenant
from eventstore.tenancy import Role
from tests.http import Api, api_for


@pytest.fixture
def operator(tenant: Tenant) -> Api:
    """A client program of the tenant that may box and unbox."""
    return api_for(tenant, role=Role.OPERATOR)
