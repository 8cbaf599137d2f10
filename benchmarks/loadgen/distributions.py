"""Which company is next. Drawing costs more than sending, so draws are made once and then used in turn."""

import random
from collections.abc import Iterator, Sequence
from itertools import cycle

DRAWS = 65_536
ZIPF_EXPONENT = 1.0
"""The second busiest has half of what the busiest has, the third a third: as companies' sizes often are."""


def uniform(companies: int) -> Iterator[int]:
    """Draw all alike, from 0 to `companies` − 1, without end."""
    return cycle(random.choices(range(companies), k=DRAWS))


def zipf(companies: int, exponent: float = ZIPF_EXPONENT) -> Iterator[int]:
    """Draw company number k (from 0) with a weight of 1 / (k + 1) ** exponent, without end."""
    return cycle(random.choices(range(companies), zipf_weights(companies, exponent), k=DRAWS))


def zipf_weights(companies: int, exponent: float = ZIPF_EXPONENT) -> Sequence[float]:
    """Return the weights, the busiest company's first."""
    return [1 / (number + 1) ** exponent for number in range(companies)]
