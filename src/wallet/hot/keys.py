"""The names of the hot state's keys. All keys of a partition share a hash tag, so one script may touch them."""

from binascii import crc_hqx
from functools import lru_cache
from typing import NamedTuple

COMPANIES_CACHED_MAX = 100_000

OWNER = "veloconnect:ledger"
"""The key that stores the id of the ledger to which the hot state belongs."""


class CompanyKeys(NamedTuple):
    """The keys of one company; a record's and an authorization's end with an id."""

    partition: int
    wallet: str
    """Hash: the wallet."""
    record_prefix: str
    """Followed by an idempotency key: its record."""
    authorization_prefix: str
    """Followed by an authorization's id: the open authorization."""


class Keys:
    """Key names for a number of partitions: 1 on one server, 64 or more on Redis Cluster."""

    def __init__(self, partitions: int) -> None:
        """Every process of an installation must use the same `partitions`."""
        self.partitions = partitions
        self.of = lru_cache(maxsize=COMPANIES_CACHED_MAX)(self._of)

    def _of(self, company: str) -> CompanyKeys:
        """Return the keys of a company. Its partition is the CRC-16 (XMODEM, as Redis Cluster's) of its id."""
        partition = crc_hqx(company.encode(), 0) % self.partitions
        tag = f"{{w:{partition}}}"
        return CompanyKeys(
            partition,
            f"{tag}:wallet:{company}",
            f"{tag}:key:{company}:",
            f"{tag}:auth:{company}:",
        )

    def partition(self, company: str) -> int:
        """Return the partition of a company."""
        return self.of(company).partition

    def journal(self, partition: int) -> str:
        """Return the hash of entries that are not settled, by company and attempt."""
        return f"{{w:{partition}}}:journal"

    def signals(self, partition: int) -> str:
        """Return the set of companies whose available amount fell below the threshold of their automatic top-up."""
        return f"{{w:{partition}}}:signals"

    def wallet(self, company: str) -> str:
        """Return the wallet's hash."""
        return self.of(company).wallet

    def record(self, company: str, idempotency_key: str) -> str:
        """Return the key of an idempotency key's record."""
        return self.of(company).record_prefix + idempotency_key

    def authorization(self, company: str, authorization: str) -> str:
        """Return the key of an open authorization."""
        return self.of(company).authorization_prefix + authorization
