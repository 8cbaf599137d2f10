"""Versions of the stores, and their settings on which metrics depend."""

import psycopg
import redis

CONNECT_SECONDS_MAX = 10
POSTGRES_SETTINGS = ("fsync", "synchronous_commit", "full_page_writes", "shared_buffers")
NO_FILES = "no (Redis needs no files: nothing is acknowledged before Postgres has committed)"


def versions_of(database_url: str, redis_url: str) -> dict[str, str]:
    """Return the versions of both stores."""
    with psycopg.connect(database_url, connect_timeout=CONNECT_SECONDS_MAX) as postgres:
        postgres_version = str(postgres.info.parameter_status("server_version")).split(" ", 1)[0]
    with redis.Redis.from_url(redis_url, socket_timeout=CONNECT_SECONDS_MAX) as client:
        info = client.info("server")
    if "valkey_version" in info:
        return {"Postgres": postgres_version, "Valkey": str(info["valkey_version"])}
    return {"Postgres": postgres_version, "Redis": str(info["redis_version"])}


def settings_of(database_url: str, redis_url: str) -> dict[str, str]:
    """Return the settings of both stores that affect durability and speed."""
    with psycopg.connect(database_url, connect_timeout=CONNECT_SECONDS_MAX) as postgres:
        rows = postgres.execute(
            "SELECT name, current_setting(name) FROM pg_settings WHERE name = ANY(%s) ORDER BY name",
            (list(POSTGRES_SETTINGS),),
        ).fetchall()
    with redis.Redis.from_url(redis_url, socket_timeout=CONNECT_SECONDS_MAX) as client:
        appendonly = client.config_get("appendonly")["appendonly"]
    settings = {str(name): str(value) for name, value in rows}
    settings["appendonly"] = NO_FILES if appendonly == "no" else str(appendonly)
    return settings
