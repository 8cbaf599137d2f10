"""Convert domain objects to messages. `transaction` and `wallet` are in every answer to a charge."""

from collections.abc import Mapping
from typing import cast

from google.protobuf.timestamp_pb2 import Timestamp

from server.price_messages import fill_price
from veloconnect.wallet.v1 import wallet_pb2
from wallet.domain.commands import Kind
from wallet.domain.entries import Authorization, AuthorizationState, Entry, Wallet, WalletState
from wallet.domain.pricing import covered, refresh_before
from wallet.domain.rates import QUANTITY_MAX
from wallet.domain.resource_names import AUTHORIZATION, TRANSACTION, WALLET
from wallet.domain.usage import Channel, Usage

MICROSECONDS = 1_000_000

# The stubs' types say that a look-up by name is an int; it is a value of the enum.
_CHANNELS = cast(
    "Mapping[Channel, wallet_pb2.Channel]",
    {channel: wallet_pb2.Channel.Value(f"CHANNEL_{channel.name}") for channel in Channel},
)
_KINDS = cast(
    "Mapping[Kind, wallet_pb2.Transaction.Kind]",
    {kind: wallet_pb2.Transaction.Kind.Value(f"KIND_{kind.name}") for kind in Kind},
)
_PRICED = frozenset({Kind.CHARGE, Kind.AUTHORIZATION, Kind.INCREMENT, Kind.CAPTURE})
"""The kinds that have a price."""
_WALLET_STATES = cast(
    "Mapping[WalletState, wallet_pb2.Wallet.State]",
    {state: wallet_pb2.Wallet.State.Value(f"STATE_{state.name}") for state in WalletState},
)
_AUTHORIZATION_STATES = cast(
    "Mapping[AuthorizationState, wallet_pb2.Authorization.State]",
    {state: wallet_pb2.Authorization.State.Value(f"STATE_{state.name}") for state in AuthorizationState},
)


def timestamp(microseconds: int) -> Timestamp:
    """Return a time given in microseconds since the epoch."""
    seconds, rest = divmod(microseconds, MICROSECONDS)
    return Timestamp(seconds=seconds, nanos=rest * 1000)


def usage(used: Usage | None) -> wallet_pb2.Usage | None:
    """Return a stored usage: its destination is the country."""
    if used is None:
        return None
    message = wallet_pb2.Usage()
    _fill_usage(message, used)
    return message


def wallet(of: Wallet) -> wallet_pb2.Wallet:
    """Return a wallet."""
    message = wallet_pb2.Wallet()
    fill_wallet(message, of)
    return message


def transaction(entry: Entry) -> wallet_pb2.Transaction:
    """Return an entry of the ledger."""
    message = wallet_pb2.Transaction()
    fill_transaction(message, entry)
    return message


# On the hot path: setting fields one by one takes half the time of keyword arguments, and a default that is not set is
# free.


def fill_wallet(message: wallet_pb2.Wallet, of: Wallet) -> None:
    """Set the fields of a new message."""
    message.name = WALLET.name(of.company)
    message.currency_code = of.currency
    message.balance_micros = of.balance
    if of.held:
        message.held_micros = of.held
    if of.floor:
        message.floor_micros = of.floor
    message.available_micros = of.available
    message.state = _WALLET_STATES[of.state]
    if of.updated_at:
        _fill_timestamp(message.update_time, of.updated_at)


def fill_transaction(message: wallet_pb2.Transaction, entry: Entry) -> None:
    """Set the fields of a new message."""
    company = entry.company
    message.name = TRANSACTION.name(company, entry.number)
    message.kind = _KINDS[entry.kind]
    message.amount_micros = entry.amount
    message.balance_after_micros = entry.balance_after
    _fill_timestamp(message.create_time, entry.created_at)
    if entry.usage is not None:
        _fill_usage(message.usage, entry.usage)
    message.idempotency_key = entry.idempotency_key
    if entry.authorization:
        message.authorization = AUTHORIZATION.name(company, entry.authorization)
    if entry.kind not in _PRICED:
        _fill_request(message, entry)
    if entry.held_delta:
        message.held_delta_micros = entry.held_delta
    if entry.held_after:
        message.held_after_micros = entry.held_after
    if entry.floor:
        message.floor_micros = entry.floor
    message.currency_code = entry.currency
    if entry.price is not None:
        fill_price(message.price, entry.price, entry.currency)
    elif entry.kind in _PRICED:
        message.price.basis = wallet_pb2.Price.BASIS_REQUEST


def _fill_request(message: wallet_pb2.Transaction, entry: Entry) -> None:
    """Set the fields of requests by people and policies, beside the amount."""
    message.reference = entry.reference
    message.reason = entry.reason
    message.requested_by = entry.requested_by
    if entry.refunded_number:
        message.refunded_transaction = TRANSACTION.name(entry.company, entry.refunded_number)


def _fill_usage(message: wallet_pb2.Usage, used: Usage) -> None:
    message.channel = _CHANNELS[used.channel]
    if used.variant:
        message.variant = used.variant
    if used.country:
        message.destination = used.country
    message.quantity = used.quantity
    if used.campaign_id:
        message.campaign_id = used.campaign_id
    if used.contact_id:
        message.contact_id = used.contact_id


def channel(of: Channel) -> wallet_pb2.Channel:
    """Return a channel."""
    return _CHANNELS[of]


def _fill_timestamp(message: Timestamp, microseconds: int) -> None:
    message.seconds, rest = divmod(microseconds, MICROSECONDS)
    message.nanos = rest * 1000


def authorization(of: Authorization) -> wallet_pb2.Authorization:
    """Return an authorization."""
    message = wallet_pb2.Authorization(
        name=AUTHORIZATION.name(of.company, of.id),
        state=_AUTHORIZATION_STATES[of.state],
        amount_micros=of.amount,
        captured_micros=of.captured,
        expire_time=timestamp(of.expires_at),
        held_micros=of.held,
        create_time=timestamp(of.created_at),
        usage=usage(of.usage),
        currency_code=of.currency,
        transaction=TRANSACTION.name(of.company, of.opened_number),
    )
    granted = QUANTITY_MAX
    if of.price is None:
        message.price.basis = wallet_pb2.Price.BASIS_REQUEST
    else:
        fill_price(message.price, of.price, of.currency)
        granted = message.granted_quantity = covered(of.price, of.amount)
    if of.usage is not None and of.usage.channel is Channel.VOICE and of.state is AuthorizationState.OPEN:
        message.refresh_before_time.CopyFrom(timestamp(refresh_before(of.created_at, granted, of.expires_at)))
    return message


def wallet_state(state: WalletState) -> wallet_pb2.Wallet.State:
    """Return the state of a wallet."""
    return _WALLET_STATES[state]
