"""The payment provider that settings select, and the errors of settings before anything is served."""

import pytest
from pydantic import SecretStr

from admin.payments.factory import make_provider
from admin.settings import AdminSettings
from server.settings import Misconfigured, read_settings

KEY = SecretStr("sk_test_hush")


async def test_a_key_and_a_secret_make_a_provider() -> None:
    assert make_provider(AdminSettings()) is None
    secrets = SecretStr("whsec_new, whsec_old,")
    provider = make_provider(AdminSettings(stripe_api_key=KEY, stripe_webhook_secrets=secrets))
    assert provider is not None
    assert provider._webhook_secrets == ("whsec_new", "whsec_old")
    await provider.close()


@pytest.mark.parametrize("secrets", [None, SecretStr(" , ")])
def test_a_key_needs_the_webhooks_secret(secrets: SecretStr | None) -> None:
    with pytest.raises(Misconfigured, match="STRIPE_WEBHOOK_SECRETS is not"):
        make_provider(AdminSettings(stripe_api_key=KEY, stripe_webhook_secrets=secrets))


def test_a_webhooks_secret_needs_the_key() -> None:
    with pytest.raises(Misconfigured, match="STRIPE_API_KEY is not"):
        make_provider(AdminSettings(stripe_webhook_secrets=SecretStr("whsec_hush")))


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("STRIPE_API_KEY", "pk_live_hush"),
        ("STRIPE_API_KEY", "hush"),
        ("STRIPE_API_BASE", "http://stripe.example"),
        ("STRIPE_API_BASE", "stripe.example"),
        ("STRIPE_API_BASE", "https://"),
        ("STRIPE_API_BASE", "ftp://127.0.0.1"),
        ("STRIPE_API_BASE", "https://stripe.example/v2"),
    ],
)
def test_an_error_names_the_setting_and_shows_no_secret(
    variable: str, value: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(variable, value)
    with pytest.raises(Misconfigured, match=rf"^{variable}: ") as refused:
        read_settings(AdminSettings)
    assert "hush" not in refused.value.message


@pytest.mark.parametrize("base", ["http://127.0.0.1:12111", "http://localhost:1/", "https://stripe.example"])
def test_the_key_goes_out_in_plain_text_on_loopback_only(base: str) -> None:
    assert AdminSettings(stripe_api_base=base).stripe_api_base == base.rstrip("/")


def test_settings_are_shown_without_their_secrets() -> None:
    shown = repr(AdminSettings(stripe_api_key=KEY, stripe_webhook_secrets=SecretStr("whsec_hush")))
    assert "hush" not in shown
