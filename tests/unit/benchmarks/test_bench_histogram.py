"""Percentiles, against a histogram that others have written."""

import random

import pytest
from hdrh.histogram import HdrHistogram

from benchmarks.loadgen.histogram import LatencyHistogram


def test_percentiles_are_those_of_an_hdr_histogram() -> None:
    ours, theirs = LatencyHistogram(), HdrHistogram(1, 10**11, 4)
    generator = random.Random(7)
    values = [int(generator.lognormvariate(15, 2)) for _ in range(20_000)] + list(range(1_200))
    for value in values:
        ours.record(value)
        theirs.record_value(value)
    assert ours.count == len(values)
    assert ours.max_ns == max(values)
    for percent in (0.1, 1, 5, 25, 50, 90, 99, 99.9, 99.99, 100):
        expected = theirs.get_value_at_percentile(percent)
        assert ours.percentile_ns(percent) == pytest.approx(expected, rel=0.003)


def test_small_latencies_are_exact_and_histograms_add_up() -> None:
    one, two = LatencyHistogram(), LatencyHistogram()
    for value in range(1, 51):
        one.record(value)
        two.record(value + 50)
    one.add(two)
    assert [one.percentile_ns(percent) for percent in (1, 50, 99, 100)] == [1, 50, 99, 100]
    assert LatencyHistogram().percentile_ns(99) == 0
    one.record(2**50)
    assert one.percentile_ns(100) == one.max_ns == 2**50 or one.percentile_ns(100) < 2**43
