import datetime

from buf.validate import validate_pb2 as _validate_pb2
from google.protobuf import timestamp_pb2 as _timestamp_pb2
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class Adjustment(_message.Message):
    __slots__ = ("name", "amount_micros", "amount_text", "currency_code", "reason", "requested_by", "reference", "allow_below_floor", "transaction", "balance_after_micros", "create_time")
    NAME_FIELD_NUMBER: _ClassVar[int]
    AMOUNT_MICROS_FIELD_NUMBER: _ClassVar[int]
    AMOUNT_TEXT_FIELD_NUMBER: _ClassVar[int]
    CURRENCY_CODE_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    REQUESTED_BY_FIELD_NUMBER: _ClassVar[int]
    REFERENCE_FIELD_NUMBER: _ClassVar[int]
    ALLOW_BELOW_FLOOR_FIELD_NUMBER: _ClassVar[int]
    TRANSACTION_FIELD_NUMBER: _ClassVar[int]
    BALANCE_AFTER_MICROS_FIELD_NUMBER: _ClassVar[int]
    CREATE_TIME_FIELD_NUMBER: _ClassVar[int]
    name: str
    amount_micros: int
    amount_text: str
    currency_code: str
    reason: str
    requested_by: str
    reference: str
    allow_below_floor: bool
    transaction: str
    balance_after_micros: int
    create_time: _timestamp_pb2.Timestamp
    def __init__(self, name: _Optional[str] = ..., amount_micros: _Optional[int] = ..., amount_text: _Optional[str] = ..., currency_code: _Optional[str] = ..., reason: _Optional[str] = ..., requested_by: _Optional[str] = ..., reference: _Optional[str] = ..., allow_below_floor: _Optional[bool] = ..., transaction: _Optional[str] = ..., balance_after_micros: _Optional[int] = ..., create_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ...) -> None: ...

class CreateAdjustmentRequest(_message.Message):
    __slots__ = ("parent", "idempotency_key", "adjustment", "validate_only")
    PARENT_FIELD_NUMBER: _ClassVar[int]
    IDEMPOTENCY_KEY_FIELD_NUMBER: _ClassVar[int]
    ADJUSTMENT_FIELD_NUMBER: _ClassVar[int]
    VALIDATE_ONLY_FIELD_NUMBER: _ClassVar[int]
    parent: str
    idempotency_key: str
    adjustment: Adjustment
    validate_only: bool
    def __init__(self, parent: _Optional[str] = ..., idempotency_key: _Optional[str] = ..., adjustment: _Optional[_Union[Adjustment, _Mapping]] = ..., validate_only: _Optional[bool] = ...) -> None: ...

class GetAdjustmentRequest(_message.Message):
    __slots__ = ("name",)
    NAME_FIELD_NUMBER: _ClassVar[int]
    name: str
    def __init__(self, name: _Optional[str] = ...) -> None: ...
