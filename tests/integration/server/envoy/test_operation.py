"""Envoy in operation: which front is chosen, certificates that are replaced, and its counters."""

import os
import socket
import ssl
import subprocess
import sys
from pathlib import Path
from urllib.request import urlopen

import psutil
import pytest
import trustme
from prometheus_client.parser import text_string_to_metric_families

from devstack import Server, Stack
from devstack.ports import LOOPBACK
from tests.support.clients import Clients
from tests.support.fronts import serving
from tests.support.polling import wait_until
from veloconnect.charging.v1 import charging_pb2

START_REFUSED_SECONDS_MAX = 20.0
READ_WALLET = charging_pb2.GetWalletRequest(name="companies/acme/wallet")


@pytest.fixture
def without_pyvoy(tmp_path: Path) -> dict[str, str]:
    """The environment of a Python that has no pyvoy."""
    package = tmp_path / "hidden" / "pyvoy"
    package.mkdir(parents=True)
    (package / "__init__.py").touch()
    return {"PYTHONPATH": str(package.parent)}


def programs_of(server: Server) -> set[str]:
    """The names of the programs that the workers of a server are."""
    return {child.name() for child in psutil.Process(server.pid).children()}


def test_envoy_is_the_front_where_it_is_there_and_grpc_elsewhere(
    stack: Stack, tmp_path: Path, without_pyvoy: dict[str, str]
) -> None:
    with serving(stack, "charging", tmp_path, CHARGING_FRONT="auto") as server:
        assert programs_of(server) == {"envoy"}
    with serving(stack, "charging", tmp_path, CHARGING_FRONT="auto", **without_pyvoy) as server:
        assert "envoy" not in programs_of(server)
        with Clients(server.address, stack.admin_address, stack.token) as clients:
            assert clients.call(clients.charging.GetWallet, READ_WALLET).currency_code == "EUR"


def test_the_python_in_envoy_reads_utf_8_in_every_locale(stack: Stack, tmp_path: Path) -> None:
    """The program python sees to it by itself where the locale is C; a library in another program does not."""
    with serving(stack, "charging", tmp_path, CHARGING_FRONT="envoy", LC_ALL="C") as server:
        assert server.is_healthy()


def test_a_server_that_is_to_have_envoy_and_cannot_says_how_to_get_it(
    stack: Stack, without_pyvoy: dict[str, str]
) -> None:
    started = subprocess.run(
        [sys.executable, "-m", "charging", "serve"],
        capture_output=True,
        text=True,
        check=False,
        timeout=START_REFUSED_SECONDS_MAX,
        env={**stack.environment(), "CHARGING_FRONT": "envoy", **without_pyvoy},
    )
    assert started.returncode == os.EX_CONFIG
    assert "CHARGING_FRONT=envoy: the package pyvoy is not installed" in started.stderr
    assert "CHARGING_FRONT=grpc" in started.stderr


def test_a_certificate_that_is_replaced_is_read_again(stack: Stack, tmp_path: Path) -> None:
    authority = trustme.CA()
    certificate, key = tmp_path / "cert.pem", tmp_path / "key.pem"

    def replace() -> None:
        """Move a new certificate and its key over the old ones, one after the other."""
        issued = authority.issue_cert(LOOPBACK)
        for pem, path in ((issued.private_key_pem, key), (issued.cert_chain_pems[0], certificate)):
            pem.write_to_path(path.with_suffix(".new"))
            path.with_suffix(".new").rename(path)

    replace()
    tls = {"TLS_CERT_FILE": str(certificate), "TLS_KEY_FILE": str(key)}
    with serving(stack, "charging", tmp_path, CHARGING_FRONT="envoy", **tls) as server:
        first = serial_number(server.address, authority)
        replace()
        wait_until(lambda: serial_number(server.address, authority) != first)


def serial_number(address: str, authority: trustme.CA) -> object:
    """Return the serial number of the certificate that a server shows."""
    context = ssl.create_default_context()
    context.set_alpn_protocols(["h2"])
    authority.configure_trust(context)
    host, _, port = address.rpartition(":")
    with (
        socket.create_connection((host, int(port)), timeout=5) as plain,
        context.wrap_socket(plain, server_hostname=host) as secured,
    ):
        shown = secured.getpeercert()
    assert shown is not None
    return shown["serialNumber"]


def test_envoys_counters_of_all_workers_are_beside_ours(stack: Stack, tmp_path: Path) -> None:
    with serving(stack, "charging", tmp_path, CHARGING_FRONT="envoy", WORKERS="2") as server:
        before = answered(server)
        for _ in range(12):  # So many connections that both workers have some: the kernel deals them out.
            with Clients(server.address, stack.admin_address, stack.token) as clients:
                clients.call(clients.charging.GetWallet, READ_WALLET)
        wait_until(lambda: answered(server) == before + 12)
        for child in psutil.Process(server.pid).children():
            child.suspend()
        try:
            assert answered(server) == 0, "an Envoy that hangs is left out, and the others' metrics are still shown"
        finally:
            for child in psutil.Process(server.pid).children():
                child.resume()


def answered(server: Server) -> float:
    """Return how many requests the Envoys of a server have answered."""
    with urlopen(server.metrics_url, timeout=10) as scraped:
        families = text_string_to_metric_families(scraped.read().decode())
    name = "envoy_http_downstream_rq_completed_total"
    return sum(sample.value for family in families for sample in family.samples if sample.name == name)
