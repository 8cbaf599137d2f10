"""The Envoy of deploy/ stands in front of gRPC's own servers, with the bounds that ours has in the process."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import grpc
import pytest
import trustme
import yaml

from charging.settings import ChargingSettings
from devstack import Stack
from devstack.ports import LOOPBACK, free_port
from devstack.process import Child
from server.envoy.bootstrap import Hosted, bootstrap
from server.envoy.launch import find_programs
from server.settings import FrontChoice
from tests.support.clients import Clients
from tests.support.fronts import serving
from tests.support.polling import wait_until
from veloconnect.admin.v1 import company_pb2
from veloconnect.charging.v1 import charging_pb2

DEPLOYED = Path(__file__).parents[4] / "deploy" / "envoy.yaml"
SAME = (
    "max_request_headers_kb",
    "request_headers_timeout",
    "stream_idle_timeout",
    "stream_flush_timeout",
    "http2_protocol_options",
)


def http_of(config: Any) -> Any:
    """Return the HTTP part of a configuration's one listener."""
    (listener,) = config["static_resources"]["listeners"]
    return listener["filter_chains"][0]["filters"][0]["typed_config"]


@pytest.fixture
def proxy(stack: Stack, tmp_path: Path, authority: trustme.CA) -> Iterator[str]:
    """The address of Envoy as deployed, with other ports and a certificate, in front of both servers."""
    programs = find_programs(FrontChoice.ENVOY)
    assert programs is not None
    port = free_port()
    issued = authority.issue_cert(LOOPBACK)
    issued.private_key_pem.write_to_path(tmp_path / "tls.key")
    issued.cert_chain_pems[0].write_to_path(tmp_path / "tls.crt")
    with serving(stack, "charging", tmp_path, CHARGING_FRONT="grpc") as charging:
        changed = {
            "/etc/veloconnect": str(tmp_path),
            "0.0.0.0, port_value: 8443": f"{LOOPBACK}, port_value: {port}",
            "port_value: 9901": f"port_value: {free_port()}",
            "port_value: 50051": f"port_value: {charging.address.rpartition(':')[2]}",
            "port_value: 50052": f"port_value: {stack.admin_address.rpartition(':')[2]}",
        }
        text = DEPLOYED.read_text()
        for old, new in changed.items():
            assert old in text
            text = text.replace(old, new)
        (tmp_path / "envoy.yaml").write_text(text)
        options = ("-c", str(tmp_path / "envoy.yaml"), "--disable-hot-restart", "--log-level", "warning")
        child = Child(
            name="envoy",
            command=[str(programs.envoy), *options],
            environment={},
            log_path=tmp_path / "envoy.log",
            working_directory=tmp_path,
        )
        child.start()
        try:
            yield f"{LOOPBACK}:{port}"
        finally:
            child.stop()


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    return trustme.CA()


def test_both_servers_are_served_through_it(stack: Stack, proxy: str, authority: trustme.CA) -> None:
    credentials = grpc.ssl_channel_credentials(authority.cert_pem.bytes())
    with Clients(proxy, proxy, stack.token, credentials=credentials) as clients:

        def serves() -> bool:
            try:
                clients.call(clients.companies.GetCompany, company_pb2.GetCompanyRequest(name="companies/acme"))
            except grpc.RpcError:  # Envoy starts, and then asks whether the servers are well.
                return False
            return True

        wait_until(serves)
        read = charging_pb2.GetWalletRequest(name="companies/acme/wallet")
        wait_until(lambda: clients.call(clients.charging.GetWallet, read).currency_code == "EUR")
        refused = clients.refused(clients.charging.GetWallet, read, metadata=[])
        assert (refused.code, refused.reason) == ("UNAUTHENTICATED", "UNAUTHENTICATED")


def test_its_bounds_are_those_of_the_envoy_in_the_process() -> None:
    deployed = yaml.safe_load(DEPLOYED.read_text())
    ours = bootstrap(ChargingSettings(), Hosted(Path("module"), "app", Path("socket"), None))
    for name in SAME:
        assert http_of(deployed)[name] == http_of(ours)[name]
    common = "common_http_protocol_options"
    assert http_of(deployed)[common] == http_of(ours)[common]
    for part in ("layered_runtime", "overload_manager"):
        assert deployed[part] == ours[part]
