"""The settings of the gateways' service, beside those of both servers."""

from pydantic import Field

from server.settings import FrontChoice, Port, ServerSettings


class ChargingSettings(ServerSettings):
    """The gateways' settings, read from the environment."""

    port: Port = Field(default=50051, validation_alias="CHARGING_PORT")
    """CHARGING_PORT: the port that gateways call."""

    front: FrontChoice = Field(default=FrontChoice.AUTO, validation_alias="CHARGING_FRONT")
    """CHARGING_FRONT: envoy, grpc, or auto: Envoy where its programs and Python's shared library are there."""

    metrics_port: Port = Field(default=9464, validation_alias="CHARGING_METRICS_PORT")
    """CHARGING_METRICS_PORT: the port of /metrics and /healthz."""
