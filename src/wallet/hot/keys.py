"""The names of the hot state's keys. All keys of a partition share a hash tag, so one script may touch them."""

from binascii import crc_hqx


class Keys:
    """Key names for a number of partitions: 1 on one server, 64 or more on Redis Cluster."""

    def __init__(self, partitions: int) -> None:
        """Every process of an installation must use the same `partitions`."""
        self.partitions = partitions

    def partition(self, company: str) -> int:
        """Return the partition of a company: CRC-16 (XMODEM, as Redis Cluster's) of its id."""
        return crc_hqx(company.encode(), 0) % self.partitions

    def journals(self, partition: int) -> str:
        """Return the set of companies that have a journal."""
        return f"{{w:{partition}}}:journals"

    def prefix(self, company: str) -> str:
        """Return the hash tag of a company's keys."""
        return f"{{w:{self.partition(company)}}}"

    def wallet(self, company: str) -> str:
        """Return the wallet's hash."""
        return f"{self.prefix(company)}:wallet:{company}"

    def journal(self, company: str) -> str:
        """Return the hash of entries that are not settled."""
        return f"{self.prefix(company)}:journal:{company}"

    def record(self, company: str, idempotency_key: str) -> str:
        """Return the record of an idempotency key."""
        return f"{self.prefix(company)}:key:{company}:{idempotency_key}"

    def authorization(self, company: str, authorization: str) -> str:
        """Return an open authorization."""
        return f"{self.prefix(company)}:auth:{company}:{authorization}"
