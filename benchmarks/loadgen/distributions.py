"""Random choices of companies. A choice costs more than a request, so they are made once and repeated."""

import random
from collections.abc import Iterator, Sequence
from itertools import cycle

CHOICES = 65_536
ZIPF_EXPONENT = 1.0
"""The second company has half of the load of the first, the third a third: typical sizes of companies."""


def uniform(companies: int) -> Iterator[int]:
    """Yield numbers from 0 to `companies` − 1 with equal probability, endlessly."""
    return cycle(random.choices(range(companies), k=CHOICES))


def zipf(companies: int, exponent: float = ZIPF_EXPONENT) -> Iterator[int]:
    """Yield number k (from 0) with a weight of 1 / (k + 1) ** exponent, endlessly."""
    return cycle(random.choices(range(companies), zipf_weights(companies, exponent), k=CHOICES))


def zipf_weights(companies: int, exponent: float = ZIPF_EXPONENT) -> Sequence[float]:
    """Return the weights in descending order."""
    return [1 / (number + 1) ** exponent for number in range(companies)]
