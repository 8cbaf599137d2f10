"""Signatures of webhooks, and which URLs and addresses events may be sent to."""

import base64
import hmac
import ipaddress

import pytest

from admin.webhooks.signing import SECRET_BYTES, new_secret, signature_headers
from admin.webhooks.targets import is_public, url_problem


def test_a_signature_is_that_of_the_example_of_standard_webhooks() -> None:
    """Its libraries are tested with this example."""
    secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
    made = signature_headers([secret], "msg_p5jXN8AQM9LWM0D4loKWxJek", 1_614_265_330, b'{"test": 2432232314}')
    assert made == {
        "webhook-id": "msg_p5jXN8AQM9LWM0D4loKWxJek",
        "webhook-timestamp": "1614265330",
        "webhook-signature": "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
    }


def test_a_signature_is_hmac_sha256_of_id_time_and_body() -> None:
    secret = new_secret()
    body = '{"name":"Müller & Söhne"}'.encode()
    key = base64.b64decode(secret.removeprefix("whsec_"))
    expected = base64.b64encode(hmac.digest(key, b"evt_17.1795579200." + body, "sha256")).decode()
    assert signature_headers([secret], "evt_17", 1_795_579_200, body)["webhook-signature"] == f"v1,{expected}"


def test_secrets_are_long_and_differ() -> None:
    made = {new_secret() for _ in range(100)}
    assert len(made) == 100
    assert all(secret.startswith("whsec_") and len(secret) > 6 + SECRET_BYTES for secret in made)


def test_each_secret_signs() -> None:
    one, other = new_secret(), new_secret()
    by_one, by_other, by_both = (
        signature_headers(signing, "evt_1", 7, b"{}")["webhook-signature"] for signing in ([one], [other], [one, other])
    )
    assert by_both == f"{by_one} {by_other}"
    assert by_one != by_other


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1",
        "0.0.0.0",
        "10.0.0.1",
        "172.16.0.1",
        "192.168.1.1",
        "169.254.169.254",
        "100.64.0.1",
        "198.18.0.1",
        "224.0.0.1",
        "255.255.255.255",
        "240.0.0.1",
        "::",
        "::1",
        "fe80::1",
        "fc00::1",
        "fd00:ec2::254",
        "ff02::1",
        "::ffff:127.0.0.1",
        "::ffff:10.0.0.1",
        "64:ff9b::7f00:1",
        "64:ff9b::a9fe:a9fe",
        "2002:7f00:1::",
        "2002:a00:1::",
        "::7f00:1",
    ],
)
def test_private_and_special_addresses_are_not_public(address: str) -> None:
    assert not is_public(ipaddress.ip_address(address))


@pytest.mark.parametrize(
    "address", ["1.1.1.1", "93.184.215.14", "2606:4700::1111", "::ffff:1.1.1.1", "64:ff9b::101:101"]
)
def test_global_addresses_are_public(address: str) -> None:
    assert is_public(ipaddress.ip_address(address))


@pytest.mark.parametrize(
    "url", ["https://acme.example", "https://acme.example:8443/hooks?of=acme&x=1", "https://1.1.1.1/"]
)
def test_a_public_https_url_is_allowed(url: str) -> None:
    assert url_problem(url, allow_private=False) is None


def test_allow_private_allows_plain_http_to_loopback_only() -> None:
    for url in ("http://localhost:8000/", "http://127.0.0.1/", "http://[::1]:1/", "https://10.0.0.1/"):
        assert url_problem(url, allow_private=True) is None
        assert url_problem(url, allow_private=False) is not None
    assert url_problem("http://acme.example/", allow_private=True) is not None
