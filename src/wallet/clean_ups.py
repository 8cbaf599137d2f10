"""Clean-ups that wait for the next cycle: they are sent with its script, before its commands."""

from collections.abc import Callable, Mapping

from wallet.hot.store import Batch, CleanUp

CLEAN_UPS_MAX = 50_000
"""Bound of each sort and partition while Redis is away; recovery does the ones that are dropped."""


class CleanUps:
    """The clean-ups that the next cycle runs in Redis, one batch a partition."""

    def __init__(self, partition_of: Callable[[str], int]) -> None:
        """`partition_of` returns the partition of a company."""
        self._partition_of = partition_of
        self._batches: dict[int, Batch] = {}

    def __bool__(self) -> bool:
        """Return whether any clean-up waits."""
        return bool(self._batches)

    def batch_of(self, company: str) -> Batch:
        """Return the batch that collects the company's clean-ups."""
        partition = self._partition_of(company)
        batch = self._batches.get(partition)
        if batch is None:
            batch = self._batches[partition] = Batch()
        return batch

    def add(self, clean_up: CleanUp) -> None:
        """Add one clean-up."""
        self.batch_of(clean_up.company).clean_ups.append(clean_up)

    def take(self) -> dict[int, Batch]:
        """Return the batches by partition and forget them."""
        batches, self._batches = self._batches, {}
        return batches

    def keep(self, batches: Mapping[int, Batch]) -> None:
        """Put back the clean-ups of batches that may not have run; running one twice does no harm."""
        for partition, batch in batches.items():
            kept = self._batches.setdefault(partition, Batch())
            kept.settled += batch.settled[: max(0, CLEAN_UPS_MAX - len(kept.settled))]
            kept.clean_ups += batch.clean_ups[: max(0, CLEAN_UPS_MAX - len(kept.clean_ups))]
