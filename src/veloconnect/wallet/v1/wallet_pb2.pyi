import datetime

from buf.validate import validate_pb2 as _validate_pb2
from google.protobuf import timestamp_pb2 as _timestamp_pb2
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class Channel(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    CHANNEL_UNSPECIFIED: _ClassVar[Channel]
    CHANNEL_SMS: _ClassVar[Channel]
    CHANNEL_WHATSAPP: _ClassVar[Channel]
    CHANNEL_VOICE: _ClassVar[Channel]
    CHANNEL_PHONE_NUMBER: _ClassVar[Channel]

class DeliveryStatus(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    DELIVERY_STATUS_UNSPECIFIED: _ClassVar[DeliveryStatus]
    DELIVERY_STATUS_DELIVERED: _ClassVar[DeliveryStatus]
    DELIVERY_STATUS_PARTIALLY_DELIVERED: _ClassVar[DeliveryStatus]
    DELIVERY_STATUS_FAILED: _ClassVar[DeliveryStatus]
CHANNEL_UNSPECIFIED: Channel
CHANNEL_SMS: Channel
CHANNEL_WHATSAPP: Channel
CHANNEL_VOICE: Channel
CHANNEL_PHONE_NUMBER: Channel
DELIVERY_STATUS_UNSPECIFIED: DeliveryStatus
DELIVERY_STATUS_DELIVERED: DeliveryStatus
DELIVERY_STATUS_PARTIALLY_DELIVERED: DeliveryStatus
DELIVERY_STATUS_FAILED: DeliveryStatus

class Usage(_message.Message):
    __slots__ = ("channel", "variant", "destination", "quantity", "campaign_id", "contact_id")
    CHANNEL_FIELD_NUMBER: _ClassVar[int]
    VARIANT_FIELD_NUMBER: _ClassVar[int]
    DESTINATION_FIELD_NUMBER: _ClassVar[int]
    QUANTITY_FIELD_NUMBER: _ClassVar[int]
    CAMPAIGN_ID_FIELD_NUMBER: _ClassVar[int]
    CONTACT_ID_FIELD_NUMBER: _ClassVar[int]
    channel: Channel
    variant: str
    destination: str
    quantity: int
    campaign_id: str
    contact_id: str
    def __init__(self, channel: _Optional[_Union[Channel, str]] = ..., variant: _Optional[str] = ..., destination: _Optional[str] = ..., quantity: _Optional[int] = ..., campaign_id: _Optional[str] = ..., contact_id: _Optional[str] = ...) -> None: ...

class Wallet(_message.Message):
    __slots__ = ("name", "currency_code", "balance_micros", "held_micros", "floor_micros", "available_micros", "state", "update_time", "alert_state", "estimated_empty_time")
    class State(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
        __slots__ = ()
        STATE_UNSPECIFIED: _ClassVar[Wallet.State]
        STATE_ACTIVE: _ClassVar[Wallet.State]
        STATE_SUSPENDED: _ClassVar[Wallet.State]
        STATE_CLOSED: _ClassVar[Wallet.State]
    STATE_UNSPECIFIED: Wallet.State
    STATE_ACTIVE: Wallet.State
    STATE_SUSPENDED: Wallet.State
    STATE_CLOSED: Wallet.State
    class AlertState(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
        __slots__ = ()
        ALERT_STATE_UNSPECIFIED: _ClassVar[Wallet.AlertState]
        ALERT_STATE_OK: _ClassVar[Wallet.AlertState]
        ALERT_STATE_WARNING: _ClassVar[Wallet.AlertState]
        ALERT_STATE_CRITICAL: _ClassVar[Wallet.AlertState]
    ALERT_STATE_UNSPECIFIED: Wallet.AlertState
    ALERT_STATE_OK: Wallet.AlertState
    ALERT_STATE_WARNING: Wallet.AlertState
    ALERT_STATE_CRITICAL: Wallet.AlertState
    NAME_FIELD_NUMBER: _ClassVar[int]
    CURRENCY_CODE_FIELD_NUMBER: _ClassVar[int]
    BALANCE_MICROS_FIELD_NUMBER: _ClassVar[int]
    HELD_MICROS_FIELD_NUMBER: _ClassVar[int]
    FLOOR_MICROS_FIELD_NUMBER: _ClassVar[int]
    AVAILABLE_MICROS_FIELD_NUMBER: _ClassVar[int]
    STATE_FIELD_NUMBER: _ClassVar[int]
    UPDATE_TIME_FIELD_NUMBER: _ClassVar[int]
    ALERT_STATE_FIELD_NUMBER: _ClassVar[int]
    ESTIMATED_EMPTY_TIME_FIELD_NUMBER: _ClassVar[int]
    name: str
    currency_code: str
    balance_micros: int
    held_micros: int
    floor_micros: int
    available_micros: int
    state: Wallet.State
    update_time: _timestamp_pb2.Timestamp
    alert_state: Wallet.AlertState
    estimated_empty_time: _timestamp_pb2.Timestamp
    def __init__(self, name: _Optional[str] = ..., currency_code: _Optional[str] = ..., balance_micros: _Optional[int] = ..., held_micros: _Optional[int] = ..., floor_micros: _Optional[int] = ..., available_micros: _Optional[int] = ..., state: _Optional[_Union[Wallet.State, str]] = ..., update_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., alert_state: _Optional[_Union[Wallet.AlertState, str]] = ..., estimated_empty_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ...) -> None: ...

class Transaction(_message.Message):
    __slots__ = ("name", "kind", "amount_micros", "balance_after_micros", "create_time", "usage", "idempotency_key", "authorization", "refunded_transaction", "reference", "held_delta_micros", "held_after_micros", "floor_micros", "currency_code", "price", "reason", "requested_by")
    class Kind(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
        __slots__ = ()
        KIND_UNSPECIFIED: _ClassVar[Transaction.Kind]
        KIND_CHARGE: _ClassVar[Transaction.Kind]
        KIND_TOP_UP: _ClassVar[Transaction.Kind]
        KIND_ADJUSTMENT: _ClassVar[Transaction.Kind]
        KIND_REFUND: _ClassVar[Transaction.Kind]
        KIND_AUTHORIZATION: _ClassVar[Transaction.Kind]
        KIND_INCREMENT: _ClassVar[Transaction.Kind]
        KIND_CAPTURE: _ClassVar[Transaction.Kind]
        KIND_VOID: _ClassVar[Transaction.Kind]
        KIND_EXPIRY: _ClassVar[Transaction.Kind]
    KIND_UNSPECIFIED: Transaction.Kind
    KIND_CHARGE: Transaction.Kind
    KIND_TOP_UP: Transaction.Kind
    KIND_ADJUSTMENT: Transaction.Kind
    KIND_REFUND: Transaction.Kind
    KIND_AUTHORIZATION: Transaction.Kind
    KIND_INCREMENT: Transaction.Kind
    KIND_CAPTURE: Transaction.Kind
    KIND_VOID: Transaction.Kind
    KIND_EXPIRY: Transaction.Kind
    NAME_FIELD_NUMBER: _ClassVar[int]
    KIND_FIELD_NUMBER: _ClassVar[int]
    AMOUNT_MICROS_FIELD_NUMBER: _ClassVar[int]
    BALANCE_AFTER_MICROS_FIELD_NUMBER: _ClassVar[int]
    CREATE_TIME_FIELD_NUMBER: _ClassVar[int]
    USAGE_FIELD_NUMBER: _ClassVar[int]
    IDEMPOTENCY_KEY_FIELD_NUMBER: _ClassVar[int]
    AUTHORIZATION_FIELD_NUMBER: _ClassVar[int]
    REFUNDED_TRANSACTION_FIELD_NUMBER: _ClassVar[int]
    REFERENCE_FIELD_NUMBER: _ClassVar[int]
    HELD_DELTA_MICROS_FIELD_NUMBER: _ClassVar[int]
    HELD_AFTER_MICROS_FIELD_NUMBER: _ClassVar[int]
    FLOOR_MICROS_FIELD_NUMBER: _ClassVar[int]
    CURRENCY_CODE_FIELD_NUMBER: _ClassVar[int]
    PRICE_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    REQUESTED_BY_FIELD_NUMBER: _ClassVar[int]
    name: str
    kind: Transaction.Kind
    amount_micros: int
    balance_after_micros: int
    create_time: _timestamp_pb2.Timestamp
    usage: Usage
    idempotency_key: str
    authorization: str
    refunded_transaction: str
    reference: str
    held_delta_micros: int
    held_after_micros: int
    floor_micros: int
    currency_code: str
    price: Price
    reason: str
    requested_by: str
    def __init__(self, name: _Optional[str] = ..., kind: _Optional[_Union[Transaction.Kind, str]] = ..., amount_micros: _Optional[int] = ..., balance_after_micros: _Optional[int] = ..., create_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., usage: _Optional[_Union[Usage, _Mapping]] = ..., idempotency_key: _Optional[str] = ..., authorization: _Optional[str] = ..., refunded_transaction: _Optional[str] = ..., reference: _Optional[str] = ..., held_delta_micros: _Optional[int] = ..., held_after_micros: _Optional[int] = ..., floor_micros: _Optional[int] = ..., currency_code: _Optional[str] = ..., price: _Optional[_Union[Price, _Mapping]] = ..., reason: _Optional[str] = ..., requested_by: _Optional[str] = ...) -> None: ...

class Price(_message.Message):
    __slots__ = ("basis", "rate", "rate_card_version", "effective_time", "unit_price_micros", "connect_fee_micros", "minimum_quantity", "first_increment", "next_increment", "used_quantity", "billed_quantity", "explanation")
    class Basis(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
        __slots__ = ()
        BASIS_UNSPECIFIED: _ClassVar[Price.Basis]
        BASIS_RATE: _ClassVar[Price.Basis]
        BASIS_REQUEST: _ClassVar[Price.Basis]
    BASIS_UNSPECIFIED: Price.Basis
    BASIS_RATE: Price.Basis
    BASIS_REQUEST: Price.Basis
    BASIS_FIELD_NUMBER: _ClassVar[int]
    RATE_FIELD_NUMBER: _ClassVar[int]
    RATE_CARD_VERSION_FIELD_NUMBER: _ClassVar[int]
    EFFECTIVE_TIME_FIELD_NUMBER: _ClassVar[int]
    UNIT_PRICE_MICROS_FIELD_NUMBER: _ClassVar[int]
    CONNECT_FEE_MICROS_FIELD_NUMBER: _ClassVar[int]
    MINIMUM_QUANTITY_FIELD_NUMBER: _ClassVar[int]
    FIRST_INCREMENT_FIELD_NUMBER: _ClassVar[int]
    NEXT_INCREMENT_FIELD_NUMBER: _ClassVar[int]
    USED_QUANTITY_FIELD_NUMBER: _ClassVar[int]
    BILLED_QUANTITY_FIELD_NUMBER: _ClassVar[int]
    EXPLANATION_FIELD_NUMBER: _ClassVar[int]
    basis: Price.Basis
    rate: str
    rate_card_version: int
    effective_time: _timestamp_pb2.Timestamp
    unit_price_micros: int
    connect_fee_micros: int
    minimum_quantity: int
    first_increment: int
    next_increment: int
    used_quantity: int
    billed_quantity: int
    explanation: str
    def __init__(self, basis: _Optional[_Union[Price.Basis, str]] = ..., rate: _Optional[str] = ..., rate_card_version: _Optional[int] = ..., effective_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., unit_price_micros: _Optional[int] = ..., connect_fee_micros: _Optional[int] = ..., minimum_quantity: _Optional[int] = ..., first_increment: _Optional[int] = ..., next_increment: _Optional[int] = ..., used_quantity: _Optional[int] = ..., billed_quantity: _Optional[int] = ..., explanation: _Optional[str] = ...) -> None: ...

class Authorization(_message.Message):
    __slots__ = ("name", "state", "amount_micros", "captured_micros", "expire_time", "held_micros", "create_time", "usage", "currency_code", "transaction", "price", "granted_quantity", "refresh_before_time")
    class State(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
        __slots__ = ()
        STATE_UNSPECIFIED: _ClassVar[Authorization.State]
        STATE_OPEN: _ClassVar[Authorization.State]
        STATE_CAPTURED: _ClassVar[Authorization.State]
        STATE_VOIDED: _ClassVar[Authorization.State]
        STATE_EXPIRED: _ClassVar[Authorization.State]
    STATE_UNSPECIFIED: Authorization.State
    STATE_OPEN: Authorization.State
    STATE_CAPTURED: Authorization.State
    STATE_VOIDED: Authorization.State
    STATE_EXPIRED: Authorization.State
    NAME_FIELD_NUMBER: _ClassVar[int]
    STATE_FIELD_NUMBER: _ClassVar[int]
    AMOUNT_MICROS_FIELD_NUMBER: _ClassVar[int]
    CAPTURED_MICROS_FIELD_NUMBER: _ClassVar[int]
    EXPIRE_TIME_FIELD_NUMBER: _ClassVar[int]
    HELD_MICROS_FIELD_NUMBER: _ClassVar[int]
    CREATE_TIME_FIELD_NUMBER: _ClassVar[int]
    USAGE_FIELD_NUMBER: _ClassVar[int]
    CURRENCY_CODE_FIELD_NUMBER: _ClassVar[int]
    TRANSACTION_FIELD_NUMBER: _ClassVar[int]
    PRICE_FIELD_NUMBER: _ClassVar[int]
    GRANTED_QUANTITY_FIELD_NUMBER: _ClassVar[int]
    REFRESH_BEFORE_TIME_FIELD_NUMBER: _ClassVar[int]
    name: str
    state: Authorization.State
    amount_micros: int
    captured_micros: int
    expire_time: _timestamp_pb2.Timestamp
    held_micros: int
    create_time: _timestamp_pb2.Timestamp
    usage: Usage
    currency_code: str
    transaction: str
    price: Price
    granted_quantity: int
    refresh_before_time: _timestamp_pb2.Timestamp
    def __init__(self, name: _Optional[str] = ..., state: _Optional[_Union[Authorization.State, str]] = ..., amount_micros: _Optional[int] = ..., captured_micros: _Optional[int] = ..., expire_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., held_micros: _Optional[int] = ..., create_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., usage: _Optional[_Union[Usage, _Mapping]] = ..., currency_code: _Optional[str] = ..., transaction: _Optional[str] = ..., price: _Optional[_Union[Price, _Mapping]] = ..., granted_quantity: _Optional[int] = ..., refresh_before_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ...) -> None: ...
