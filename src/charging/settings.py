"""What the gateways' service is told from outside, beside what all servers are."""

from pydantic import Field

from server.settings import Port, ServerSettings


class ChargingSettings(ServerSettings):
    """Read from the environment."""

    port: Port = Field(default=50051, validation_alias="CHARGING_PORT")
    """CHARGING_PORT: where gateways call."""

    metrics_port: Port = Field(default=9464, validation_alias="CHARGING_METRICS_PORT")
    """CHARGING_METRICS_PORT: where Prometheus scrapes and health is asked for."""
