"""The addresses of Postgres and Redis."""

from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict


class WalletSettings(BaseSettings):
    """Read from the environment; each field's variable is its name in capitals, and an empty one counts as unset."""

    model_config = SettingsConfigDict(env_ignore_empty=True)

    database_url: str = Field(default="postgresql://127.0.0.1/veloconnect", pattern="^postgres(ql)?://")
    """Postgres ≥ 15: postgresql://user:password@host:port/database."""

    redis_url: str = Field(default="redis://127.0.0.1:6379/0", pattern="^(redis|rediss|unix)://")
    """Redis ≥ 7.0 or Valkey ≥ 8, one server or any node of a cluster: redis://, rediss:// or unix://."""

    partitions: int | None = Field(default=None, ge=1, le=16384)
    """Partitions of the hot state. Unset: the number stored in the ledger, else 1 on one server and 64 on a cluster."""

    pool_size_max: int = Field(default=12, ge=2)
    """Connections to Postgres of one process, for loads, reads and the back office; each lane has one more."""
