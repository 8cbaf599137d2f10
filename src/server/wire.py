"""Domain objects to messages. `transaction` and `wallet` are on the way of every charge."""

from collections.abc import Mapping
from typing import cast

from google.protobuf.timestamp_pb2 import Timestamp

from server.names import authorization_name, transaction_name, wallet_name
from veloconnect.wallet.v1 import wallet_pb2
from wallet.domain.commands import Channel, Kind, Usage
from wallet.domain.entries import Authorization, AuthorizationState, Entry, Wallet, WalletState

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
    """Return usage as it is kept: the destination is the country."""
    if used is None:
        return None
    return wallet_pb2.Usage(
        channel=_CHANNELS[used.channel],
        variant=used.variant,
        destination=used.country,
        quantity=used.quantity,
        campaign_id=used.campaign_id,
        contact_id=used.contact_id,
    )


def wallet(of: Wallet) -> wallet_pb2.Wallet:
    """Return a wallet."""
    return wallet_pb2.Wallet(
        name=wallet_name(of.company),
        currency_code=of.currency,
        balance_micros=of.balance,
        held_micros=of.held,
        floor_micros=of.floor,
        available_micros=of.available,
        state=_WALLET_STATES[of.state],
        update_time=timestamp(of.updated_at) if of.updated_at else None,
    )


def transaction(entry: Entry) -> wallet_pb2.Transaction:
    """Return a row of the ledger."""
    company = entry.company
    return wallet_pb2.Transaction(
        name=transaction_name(company, entry.number),
        kind=_KINDS[entry.kind],
        amount_micros=entry.amount,
        balance_after_micros=entry.balance_after,
        create_time=timestamp(entry.created_at),
        usage=usage(entry.usage),
        idempotency_key=entry.idempotency_key,
        authorization=authorization_name(company, entry.authorization) if entry.authorization else "",
        refunded_transaction=transaction_name(company, entry.refunded_number) if entry.refunded_number else "",
        reference=entry.reference,
        held_delta_micros=entry.held_delta,
        held_after_micros=entry.held_after,
        floor_micros=entry.floor,
        currency_code=entry.currency,
    )


def authorization(of: Authorization) -> wallet_pb2.Authorization:
    """Return an authorization."""
    return wallet_pb2.Authorization(
        name=authorization_name(of.company, of.id),
        state=_AUTHORIZATION_STATES[of.state],
        amount_micros=of.amount,
        captured_micros=of.captured,
        expire_time=timestamp(of.expires_at),
        held_micros=of.held,
        create_time=timestamp(of.created_at),
        usage=usage(of.usage),
        currency_code=of.currency,
        transaction=transaction_name(of.company, of.opened_number),
    )


def wallet_state(state: WalletState) -> wallet_pb2.Wallet.State:
    """Return whether a wallet can be charged."""
    return _WALLET_STATES[state]
