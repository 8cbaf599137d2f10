"""What the back office's service is told from outside, beside what all servers are."""

from pydantic import Field

from server.settings import Port, ServerSettings


class AdminSettings(ServerSettings):
    """Read from the environment."""

    port: Port = Field(default=50052, validation_alias="ADMIN_PORT")
    """ADMIN_PORT: where the back office calls."""

    metrics_port: Port = Field(default=9465, validation_alias="ADMIN_METRICS_PORT")
    """ADMIN_METRICS_PORT: where Prometheus scrapes and health is asked for."""
