"""Settings: each has its variable, and unsafe ones are refused before the server starts."""

import os
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr
from pydantic_settings import BaseSettings

from admin.settings import AdminSettings
from charging.settings import ChargingSettings
from server.settings import FrontChoice, LogFormat, Misconfigured, ServerSettings, check, read_settings
from wallet.settings import WalletSettings

SAMPLES: dict[str, tuple[str, Any]] = {
    "CHARGING_PORT": ("7001", 7001),
    "CHARGING_METRICS_PORT": ("7002", 7002),
    "CHARGING_FRONT": ("grpc", FrontChoice.GRPC),
    "ADMIN_PORT": ("7003", 7003),
    "ADMIN_METRICS_PORT": ("7004", 7004),
    "ADMIN_HTTP_PORT": ("7005", 7005),
    "ADMIN_HTTP_HOST": ("::1", "::1"),
    "LISTEN_HOST": ("::1", "::1"),
    "METRICS_HOST": ("127.0.0.2", "127.0.0.2"),
    "TOKEN_FILE": ("/etc/charging/token", Path("/etc/charging/token")),
    "TLS_CERT_FILE": ("/etc/charging/cert.pem", Path("/etc/charging/cert.pem")),
    "TLS_KEY_FILE": ("/etc/charging/key.pem", Path("/etc/charging/key.pem")),
    "WORKERS": ("4", 4),
    "LOG_FORMAT": ("json", LogFormat.JSON),
    "WEBHOOK_ALLOW_PRIVATE": ("true", True),
    "SMTP_URL": ("smtps://mail.example", "smtps://mail.example"),
    "MANUAL_MICROS_MAX": ("500", 500),
    "MAIL_FROM": ("billing@charging.example", "billing@charging.example"),
    "STRIPE_API_KEY": ("sk_test_1", SecretStr("sk_test_1")),
    "STRIPE_WEBHOOK_SECRETS": ("whsec_1,whsec_2", SecretStr("whsec_1,whsec_2")),
    "STRIPE_API_BASE": ("http://127.0.0.1:12111", "http://127.0.0.1:12111"),
    "DATABASE_URL": ("postgresql://ledger/veloconnect", "postgresql://ledger/veloconnect"),
    "REDIS_URL": ("rediss://hot:6380/0", "rediss://hot:6380/0"),
    "PARTITIONS": ("64", 64),
    "POOL_SIZE_MAX": ("5", 5),
}
"""Variable → what it is set to, and what is read."""

KINDS: list[type[BaseSettings]] = [ChargingSettings, AdminSettings, WalletSettings]
OUTSIDE = ["0.0.0.0", "::", "192.0.2.7", "2001:db8::7", "charging.example", ""]
LOOPBACK = ["127.0.0.1", "127.0.0.9", "::1", "localhost"]


def variables(kind: type[BaseSettings]) -> dict[str, str]:
    """Return field → environment variable."""
    return {name: str(field.validation_alias or name.upper()) for name, field in kind.model_fields.items()}


@pytest.fixture(autouse=True)
def _bare_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """Unset all of our variables."""
    for variable in SAMPLES:
        monkeypatch.delenv(variable, raising=False)


def settings(**fields: Any) -> ServerSettings:
    return ChargingSettings(**fields)


def test_every_setting_has_a_variable_that_is_tried_here() -> None:
    assert {variable for kind in KINDS for variable in variables(kind).values()} == SAMPLES.keys()


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
def test_every_setting_is_read_from_its_variable(kind: type[BaseSettings], monkeypatch: pytest.MonkeyPatch) -> None:
    for variable in variables(kind).values():
        monkeypatch.setenv(variable, SAMPLES[variable][0])
    read = read_settings(kind)
    assert {name: getattr(read, name) for name in kind.model_fields} == {
        name: SAMPLES[variable][1] for name, variable in variables(kind).items()
    }


@pytest.mark.parametrize("kind", [ChargingSettings, AdminSettings], ids=lambda kind: kind.__name__)
def test_an_empty_variable_is_as_one_that_is_not_set(kind: type[BaseSettings], monkeypatch: pytest.MonkeyPatch) -> None:
    before = read_settings(kind)
    for variable in variables(kind).values():
        monkeypatch.setenv(variable, "")
    assert read_settings(kind) == before


def test_the_two_servers_have_ports_of_their_own() -> None:
    charging, admin = read_settings(ChargingSettings), read_settings(AdminSettings)
    assert len({charging.port, charging.metrics_port, admin.port, admin.metrics_port}) == 4


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("CHARGING_PORT", "65536"),
        ("CHARGING_PORT", "http"),
        ("CHARGING_METRICS_PORT", "-1"),
        ("WORKERS", "0"),
        ("WORKERS", "65"),
        ("LOG_FORMAT", "xml"),
    ],
)
def test_a_variable_that_is_wrong_is_named(variable: str, value: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(variable, value)
    with pytest.raises(Misconfigured, match=rf"^{variable}: ") as refused:
        read_settings(ChargingSettings)
    assert refused.value.exit_code == os.EX_CONFIG


def test_all_variables_that_are_wrong_are_named_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WORKERS", "many")
    monkeypatch.setenv("CHARGING_PORT", "none")
    with pytest.raises(Misconfigured) as refused:
        read_settings(ChargingSettings)
    assert "WORKERS: " in refused.value.message
    assert "CHARGING_PORT: " in refused.value.message


@pytest.mark.parametrize("host", OUTSIDE)
def test_serving_outside_without_tls_is_refused_unless_insecure(host: str, pem: tuple[Path, Path]) -> None:
    with pytest.raises(Misconfigured, match="--insecure") as refused:
        check(settings(listen_host=host), insecure=False)
    assert "TLS_CERT_FILE and TLS_KEY_FILE" in refused.value.message
    check(settings(listen_host=host), insecure=True)
    certificate, key = pem
    check(settings(listen_host=host, tls_cert_file=certificate, tls_key_file=key), insecure=False)


@pytest.mark.parametrize("host", LOOPBACK)
def test_serving_on_loopback_needs_no_tls(host: str) -> None:
    check(settings(listen_host=host), insecure=False)


@pytest.mark.parametrize("given", ["tls_cert_file", "tls_key_file"])
def test_half_of_a_tls_pair_is_refused(given: str, pem: tuple[Path, Path]) -> None:
    with pytest.raises(Misconfigured, match="both TLS_CERT_FILE and TLS_KEY_FILE"):
        check(settings(**{given: pem[0]}), insecure=True)


def test_a_tls_file_that_is_not_there_is_named(pem: tuple[Path, Path], tmp_path: Path) -> None:
    missing = tmp_path / "missing.pem"
    with pytest.raises(Misconfigured, match=str(missing)):
        check(settings(tls_cert_file=pem[0], tls_key_file=missing), insecure=False)


@pytest.mark.parametrize(
    ("host", "address"), [("127.0.0.1", "127.0.0.1:7001"), ("::1", "[::1]:7001"), ("localhost", "localhost:7001")]
)
def test_an_address_is_written_as_grpc_reads_it(host: str, address: str) -> None:
    assert settings(listen_host=host, port=7001).address == address


@pytest.fixture
def pem(tmp_path: Path) -> tuple[Path, Path]:
    """Two files, as a certificate and its key would be."""
    certificate, key = tmp_path / "cert.pem", tmp_path / "key.pem"
    certificate.touch()
    key.touch()
    return certificate, key
