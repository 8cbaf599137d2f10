"""Times in requests."""

from google.protobuf.timestamp_pb2 import Timestamp

from server.rejections import Violation
from wallet.domain.times import SECOND, TIME_MAX


def micros_of(time: Timestamp, field: str, broken: list[Violation]) -> int:
    """Return a time in microseconds since the epoch; add `field` to `broken` if it is not between 0 and TIME_MAX."""
    micros: int = time.seconds * SECOND + time.nanos // 1000
    if not 0 <= micros <= TIME_MAX:
        broken.append(Violation(field, "must be between the years 1970 and 9999"))
    return micros
