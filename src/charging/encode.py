"""Convert outcomes to responses."""

from server import wire
from veloconnect.charging.v1 import charging_pb2
from veloconnect.wallet.v1 import wallet_pb2
from wallet.domain.entries import Authorization, Outcome


def charged(outcome: Outcome) -> charging_pb2.ChargeResponse:
    """Return the answer to a charge."""
    response = charging_pb2.ChargeResponse()
    fill_charged(response, outcome)
    return response


def fill_charged(response: charging_pb2.ChargeResponse, outcome: Outcome) -> None:
    """Set the fields of an empty answer to a charge."""
    wire.fill_transaction(response.transaction, outcome.entry)
    wire.fill_wallet(response.wallet, outcome.wallet)


def captured(outcome: Outcome) -> charging_pb2.CaptureResponse:
    """Return the answer to a capture."""
    return charging_pb2.CaptureResponse(
        transaction=wire.transaction(outcome.entry),
        authorization=wire.authorization(_authorization(outcome)),
        wallet=wire.wallet(outcome.wallet),
    )


def authorized(outcome: Outcome) -> wallet_pb2.Authorization:
    """Return the present authorization, which is the answer to Authorize, IncrementAuthorization and Void."""
    return wire.authorization(_authorization(outcome))


def _authorization(outcome: Outcome) -> Authorization:
    assert outcome.authorization is not None, "the engine sets it for every command on an authorization"
    return outcome.authorization
