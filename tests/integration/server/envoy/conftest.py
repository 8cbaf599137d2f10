"""One stack for the tests of Envoy, which add servers of their own to it."""

from collections.abc import Iterator

import pytest

from devstack import Stack
from server.settings import FrontChoice
from tests.support.clients import Clients
from tests.support.fronts import require
from veloconnect.admin.v1 import company_pb2, top_up_pb2


@pytest.fixture(scope="package")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """A stack with a company that has money; the tests are skipped where Envoy cannot run."""
    require(FrontChoice.ENVOY)
    with Stack(tmp_path_factory.mktemp("stack")) as running, Clients.of(running) as clients:
        company = company_pb2.Company(currency_code="EUR")
        wanted = company_pb2.CreateCompanyRequest(company_id="acme", company=company)
        clients.call(clients.companies.CreateCompany, wanted)
        top_up = top_up_pb2.TopUp(amount_micros=10**12, currency_code="EUR", method=top_up_pb2.TopUp.METHOD_MANUAL)
        credit = top_up_pb2.CreateTopUpRequest(parent="companies/acme", idempotency_key="first", top_up=top_up)
        clients.call(clients.top_ups.CreateTopUp, credit)
        yield running
