"""The amounts of refunds; the names and numbers of the domain agree with the protos."""

from enum import IntEnum
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from admin.refunds.messages import reason_message, reason_of
from refunds.amounts import DeliveredShare, Refundable
from refunds.delivery import (
    Action,
    CaseOrigin,
    CaseState,
    DeliveryStatus,
    RefundRule,
)
from refunds.domain import RefundReason, RefundRequest
from refunds.job import JobState
from veloconnect.admin.v1 import refund_pb2
from veloconnect.wallet.v1 import wallet_pb2
from wallet.domain.money import MICROS_MAX

SHARES = st.integers(1, 10**9).flatmap(lambda total: st.builds(DeliveredShare, st.integers(0, total), st.just(total)))
HALF = Fraction(1, 2)


@given(st.integers(1, MICROS_MAX), SHARES)
def test_the_undelivered_part_is_exact_rounded_once_half_up(price: int, share: DeliveredShare) -> None:
    exact = Fraction(price * (share.total - share.delivered), share.total)
    part = share.undelivered_amount(price)
    assert -HALF < part - exact <= HALF
    assert 0 <= part <= price
    assert (part == price) or share.delivered
    assert part == 0 or not share.is_complete


@given(SHARES, st.integers(1, 100))
def test_a_part_is_the_same_in_other_words(share: DeliveredShare, factor: int) -> None:
    assert share.is_same_share(DeliveredShare(share.delivered * factor, share.total * factor))
    assert not share.is_same_share(DeliveredShare(share.delivered + 1, share.total))


@given(st.integers(1, MICROS_MAX), SHARES, st.data())
def test_p6_deducting_earlier_refunds_never_exceeds_the_part(
    price: int, share: DeliveredShare, data: st.DataObject
) -> None:
    """P6: with `deduct_earlier_refunds`, all refunds of a charge never exceed the undelivered part."""
    refunded = data.draw(st.integers(0, price))
    charge = Refundable(price, refunded, "EUR")
    request = RefundRequest(
        "acme", 1, "key", b"", RefundReason.OTHER, "ann", undelivered=share, deduct_earlier_refunds=True
    )
    amount = request.amount_of(charge)
    assert 0 <= amount <= charge.left
    assert amount == 0 or refunded + amount == share.undelivered_amount(price)


@pytest.mark.parametrize("reason", RefundReason)
def test_every_reason_goes_there_and_back(reason: RefundReason) -> None:
    assert reason_of(reason_message(reason)) is reason


def test_there_is_no_reason_that_only_one_side_knows() -> None:
    said = {name.removeprefix("REFUND_REASON_") for name, _ in refund_pb2.RefundReason.items()}
    assert said == {*RefundReason, "UNSPECIFIED"}
    assert reason_message("SOMETHING_OLD") == refund_pb2.REFUND_REASON_UNSPECIFIED


@pytest.mark.parametrize(
    ("proto", "prefix", "domain"),
    [
        (wallet_pb2.DeliveryStatus, "DELIVERY_STATUS_", DeliveryStatus),
        (refund_pb2.RefundRule.Action, "ACTION_", Action),
        (refund_pb2.RefundCase.State, "STATE_", CaseState),
        (refund_pb2.RefundCase.Origin, "ORIGIN_", CaseOrigin),
        (refund_pb2.RefundJob.State, "STATE_", JobState),
    ],
)
def test_protos_and_domain_have_the_same_values(proto: Any, prefix: str, domain: type[IntEnum]) -> None:
    said = {name.removeprefix(prefix): number for name, number in proto.items() if number}
    assert said == {member.name: member.value for member in domain}


@pytest.mark.parametrize(("code", "prefix"), [("500", None), ("50*", "50"), ("*", "")])
def test_a_star_makes_a_prefix_of_a_code(code: str, prefix: str | None) -> None:
    assert RefundRule(code, Action.REFUND).prefix == prefix
