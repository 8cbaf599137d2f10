"""What the back office's service is told from outside, beside what all servers are."""

from typing import Annotated

from pydantic import AfterValidator, Field

from admin.mail.server import parse_smtp_url
from server.settings import Listener, Port, ServerSettings


def _smtp_url(url: str) -> str:
    parse_smtp_url(url)
    return url


class AdminSettings(ServerSettings):
    """Read from the environment."""

    port: Port = Field(default=50052, validation_alias="ADMIN_PORT")
    """ADMIN_PORT: where the back office calls."""

    metrics_port: Port = Field(default=9465, validation_alias="ADMIN_METRICS_PORT")
    """ADMIN_METRICS_PORT: where Prometheus scrapes and health is asked for."""

    http_host: str = Field(default="127.0.0.1", validation_alias="ADMIN_HTTP_HOST")
    """ADMIN_HTTP_HOST: the address to serve downloads and providers' webhooks on. Anything but loopback needs TLS, or
    --insecure."""

    http_port: Port = Field(default=8081, validation_alias="ADMIN_HTTP_PORT")
    """ADMIN_HTTP_PORT: where that is, with the certificate and the tokens of gRPC."""

    smtp_url: Annotated[str, AfterValidator(_smtp_url)] | None = None
    """SMTP_URL: who takes mails, smtp+starttls://user:password@host:587, smtps:// or smtp://. Without it mails wait."""

    mail_from: Annotated[str, Field(pattern=r"^[^@\s<>]+@[^@\s<>]+$")] | None = None
    """MAIL_FROM: the address that mails are from. Required with SMTP_URL."""

    def listeners(self) -> tuple[Listener, ...]:
        """Return where gRPC is served, and where HTTP is."""
        return (*super().listeners(), self.listener("http_host", "http_port"))
