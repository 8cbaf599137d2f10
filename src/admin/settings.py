"""Settings of the back office's service, in addition to those of all servers."""

from typing import Annotated
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field, SecretStr

from admin.smtp_url import parse_smtp_url
from server.settings import Listener, Port, ServerSettings, on_loopback
from wallet.domain.money import MICROS_MAX


def _smtp_url(url: str) -> str:
    parse_smtp_url(url)
    return url


def _stripe_key(key: SecretStr) -> SecretStr:
    if not key.get_secret_value().startswith(("sk_", "rk_")):
        raise ValueError("must be a secret or restricted key, sk_… or rk_…; pk_… is the front end's")
    return key


def _stripe_base(url: str) -> str:
    parts = urlsplit(url)
    if parts.scheme not in ("https", "http") or not parts.hostname or parts.path not in ("", "/") or parts.query:
        raise ValueError("must be https:// and a host")
    if parts.scheme == "http" and not on_loopback(parts.hostname):
        raise ValueError("would send the key in plain text: use https://")
    return url.rstrip("/")


class AdminSettings(ServerSettings):
    """Settings, read from the environment."""

    port: Port = Field(default=50052, validation_alias="ADMIN_PORT")
    """ADMIN_PORT: the port of gRPC."""

    metrics_port: Port = Field(default=9465, validation_alias="ADMIN_METRICS_PORT")
    """ADMIN_METRICS_PORT: the port of Prometheus metrics and health checks."""

    http_host: str = Field(default="127.0.0.1", validation_alias="ADMIN_HTTP_HOST")
    """ADMIN_HTTP_HOST: the address to serve downloads and providers' webhooks on. Any other than loopback needs TLS, or
    --insecure."""

    http_port: Port = Field(default=8081, validation_alias="ADMIN_HTTP_PORT")
    """ADMIN_HTTP_PORT: its port, with the certificate and the tokens of gRPC."""

    smtp_url: Annotated[str, AfterValidator(_smtp_url)] | None = None
    """SMTP_URL: the mail server, smtp+starttls://user:password@host:587, smtps:// or smtp://. Without it mails wait."""

    mail_from: Annotated[str, Field(pattern=r"^[^@\s<>]+@[^@\s<>]+$")] | None = None
    """MAIL_FROM: the sender's address of mails. Required with SMTP_URL."""

    stripe_api_key: Annotated[SecretStr, AfterValidator(_stripe_key)] | None = None
    """STRIPE_API_KEY: a secret or restricted key, sk_… or rk_…. Without it no card can be charged."""

    stripe_webhook_secrets: SecretStr | None = None
    """STRIPE_WEBHOOK_SECRETS: signing secrets of webhooks, whsec_…, separated by commas. Required with the key."""

    stripe_api_base: Annotated[str, AfterValidator(_stripe_base)] | None = None
    """STRIPE_API_BASE: for tests, replaces https://api.stripe.com. https://, or http:// on loopback."""

    webhook_allow_private: bool = False
    """WEBHOOK_ALLOW_PRIVATE: for development, allows webhooks at private addresses, and http:// on loopback."""

    manual_micros_max: Annotated[int, Field(ge=1, le=MICROS_MAX)] = 1_000_000_000_000
    """MANUAL_MICROS_MAX: the most that one request may credit or debit by hand, in micros, which bounds a typing
    error. By default a million of any currency."""

    def listeners(self) -> tuple[Listener, ...]:
        """Return the listeners of gRPC and HTTP."""
        return (*super().listeners(), self.listener("http_host", "http_port"))
