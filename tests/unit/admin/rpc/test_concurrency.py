"""Long calls have a bound, and each gives its place back however it ends."""

import pytest

from admin.rpc.concurrency import UnderWay
from wallet.domain.errors import Overloaded


def test_no_more_than_the_bound_are_under_way() -> None:
    exports = UnderWay("exports", at_once_max=2)
    with exports.one():
        with pytest.raises(ValueError, match="fails"), exports.one():
            raise ValueError("fails")
        with exports.one(), pytest.raises(Overloaded, match="2 exports are under way already"), exports.one():
            pass
        with exports.one():
            pass
