"""The settings of both servers, and the checks of unsafe ones."""

import ipaddress
import os
from enum import StrEnum
from pathlib import Path
from typing import Annotated, NamedTuple, TypeVar

import click
from pydantic import Field, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict

WORKERS_MAX = 64

Port = Annotated[int, Field(ge=0, le=65535)]
"""A TCP port; 0 takes a free one and logs which."""

Settings = TypeVar("Settings", bound=BaseSettings)


class Misconfigured(click.ClickException):
    """The process cannot serve with its settings. The text says what to change; starting again does not help."""

    exit_code = os.EX_CONFIG


class LogFormat(StrEnum):
    """The format of log lines."""

    AUTO = "auto"
    """CONSOLE if standard error is a terminal, else JSON."""
    JSON = "json"
    CONSOLE = "console"


class FrontChoice(StrEnum):
    """What accepts a server's connections."""

    AUTO = "auto"
    """ENVOY where it can be, else GRPC."""
    ENVOY = "envoy"
    """Envoy, with this server's Python in its process."""
    GRPC = "grpc"
    """gRPC's own server."""


class Listener(NamedTuple):
    """A port that workers share and whose callers need tokens."""

    field: str
    """The settings' field that has the port."""
    host_variable: str
    port_variable: str
    host: str
    port: int


class ServerSettings(BaseSettings):
    """Read from the environment; each field's variable is its name in capitals, unless its docstring names another."""

    model_config = SettingsConfigDict(env_ignore_empty=True, populate_by_name=True, extra="ignore")

    listen_host: str = "127.0.0.1"
    """LISTEN_HOST: the address to serve gRPC on. Anything but loopback needs TLS, or --insecure."""

    port: Port
    """Named by each server: CHARGING_PORT, ADMIN_PORT."""

    metrics_host: str = "127.0.0.1"
    """METRICS_HOST: the address to serve /metrics and /healthz on, over plain HTTP. They name no company."""

    metrics_port: Port
    """Named by each server: CHARGING_METRICS_PORT, ADMIN_METRICS_PORT."""

    token_file: Path | None = None
    """TOKEN_FILE: the tokens that callers may send, one per line. Required. Read once, at the start."""

    tls_cert_file: Path | None = None
    """TLS_CERT_FILE: the certificate chain, PEM. With it the server speaks TLS only."""

    tls_key_file: Path | None = None
    """TLS_KEY_FILE: the private key of the certificate, PEM."""

    workers: int = Field(default=1, ge=1, le=WORKERS_MAX)
    """WORKERS: number of processes that serve in parallel; --workers has precedence."""

    log_format: LogFormat = LogFormat.AUTO
    """LOG_FORMAT: auto, json or console."""

    @property
    def on_loopback(self) -> bool:
        """Whether only this machine can reach the gRPC port."""
        return on_loopback(self.listen_host)

    @property
    def address(self) -> str:
        """Host and port as gRPC expects them."""
        host = f"[{self.listen_host}]" if ":" in self.listen_host else self.listen_host
        return f"{host}:{self.port}"

    def listeners(self) -> tuple[Listener, ...]:
        """Return the ports that workers share, gRPC's first."""
        return (self.listener("listen_host", "port"),)

    def listener(self, host_field: str, port_field: str) -> Listener:
        """Return the listener of two fields."""
        return Listener(
            port_field,
            _variable(type(self), host_field),
            _variable(type(self), port_field),
            getattr(self, host_field),
            getattr(self, port_field),
        )


def on_loopback(host: str) -> bool:
    """Return whether only this machine can reach what is served on `host`."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _variable(kind: type[ServerSettings], field: str) -> str:
    return str(kind.model_fields[field].validation_alias or field.upper())


def read_settings(kind: type[Settings]) -> Settings:
    """Read settings of a kind from the environment. Raises Misconfigured, naming every variable that is wrong."""
    try:
        return kind()
    except ValidationError as error:
        lines = [f"{str(problem['loc'][0]).upper()}: {problem['msg']}" for problem in error.errors()]
        raise Misconfigured("; ".join(lines)) from error


def check(settings: ServerSettings, *, insecure: bool) -> None:
    """Raise Misconfigured if serving with these settings would be unsafe or impossible."""
    if bool(settings.tls_cert_file) != bool(settings.tls_key_file):
        raise Misconfigured("Set both TLS_CERT_FILE and TLS_KEY_FILE, or neither.")
    outside = next((found for found in settings.listeners() if not on_loopback(found.host)), None)
    if outside and not settings.tls_cert_file and not insecure:
        raise Misconfigured(
            f"{outside.host_variable}={outside.host} can be reached from outside, and tokens would cross the network "
            "in plain text. Set TLS_CERT_FILE and TLS_KEY_FILE; or pass --insecure where something in front does TLS."
        )
    for path in (settings.tls_cert_file, settings.tls_key_file):
        if path and not os.access(path, os.R_OK):
            raise Misconfigured(f"{path} cannot be read.")
