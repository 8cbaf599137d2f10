import datetime

from buf.validate import validate_pb2 as _validate_pb2
from google.protobuf import timestamp_pb2 as _timestamp_pb2
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class TopUp(_message.Message):
    __slots__ = ("name", "amount_micros", "currency_code", "method", "reference", "state", "transaction", "balance_after_micros", "create_time")
    class Method(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
        __slots__ = ()
        METHOD_UNSPECIFIED: _ClassVar[TopUp.Method]
        METHOD_MANUAL: _ClassVar[TopUp.Method]
    METHOD_UNSPECIFIED: TopUp.Method
    METHOD_MANUAL: TopUp.Method
    class State(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
        __slots__ = ()
        STATE_UNSPECIFIED: _ClassVar[TopUp.State]
        STATE_SUCCEEDED: _ClassVar[TopUp.State]
    STATE_UNSPECIFIED: TopUp.State
    STATE_SUCCEEDED: TopUp.State
    NAME_FIELD_NUMBER: _ClassVar[int]
    AMOUNT_MICROS_FIELD_NUMBER: _ClassVar[int]
    CURRENCY_CODE_FIELD_NUMBER: _ClassVar[int]
    METHOD_FIELD_NUMBER: _ClassVar[int]
    REFERENCE_FIELD_NUMBER: _ClassVar[int]
    STATE_FIELD_NUMBER: _ClassVar[int]
    TRANSACTION_FIELD_NUMBER: _ClassVar[int]
    BALANCE_AFTER_MICROS_FIELD_NUMBER: _ClassVar[int]
    CREATE_TIME_FIELD_NUMBER: _ClassVar[int]
    name: str
    amount_micros: int
    currency_code: str
    method: TopUp.Method
    reference: str
    state: TopUp.State
    transaction: str
    balance_after_micros: int
    create_time: _timestamp_pb2.Timestamp
    def __init__(self, name: _Optional[str] = ..., amount_micros: _Optional[int] = ..., currency_code: _Optional[str] = ..., method: _Optional[_Union[TopUp.Method, str]] = ..., reference: _Optional[str] = ..., state: _Optional[_Union[TopUp.State, str]] = ..., transaction: _Optional[str] = ..., balance_after_micros: _Optional[int] = ..., create_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ...) -> None: ...

class CreateTopUpRequest(_message.Message):
    __slots__ = ("parent", "idempotency_key", "top_up")
    PARENT_FIELD_NUMBER: _ClassVar[int]
    IDEMPOTENCY_KEY_FIELD_NUMBER: _ClassVar[int]
    TOP_UP_FIELD_NUMBER: _ClassVar[int]
    parent: str
    idempotency_key: str
    top_up: TopUp
    def __init__(self, parent: _Optional[str] = ..., idempotency_key: _Optional[str] = ..., top_up: _Optional[_Union[TopUp, _Mapping]] = ...) -> None: ...
