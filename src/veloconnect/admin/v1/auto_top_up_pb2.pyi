import datetime

from buf.validate import validate_pb2 as _validate_pb2
from google.protobuf import empty_pb2 as _empty_pb2
from google.protobuf import field_mask_pb2 as _field_mask_pb2
from google.protobuf import timestamp_pb2 as _timestamp_pb2
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class AutoTopUp(_message.Message):
    __slots__ = ("name", "threshold_micros", "amount_micros", "payment_method", "max_day_micros", "max_month_micros", "max_day_count", "max_month_count", "currency_code", "threshold_text", "amount_text", "state", "pause_reason", "pause_time", "top_up", "decline_count", "retry_time", "day_micros", "month_micros", "create_time", "update_time")
    class State(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
        __slots__ = ()
        STATE_UNSPECIFIED: _ClassVar[AutoTopUp.State]
        STATE_ACTIVE: _ClassVar[AutoTopUp.State]
        STATE_PAUSED: _ClassVar[AutoTopUp.State]
    STATE_UNSPECIFIED: AutoTopUp.State
    STATE_ACTIVE: AutoTopUp.State
    STATE_PAUSED: AutoTopUp.State
    class PauseReason(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
        __slots__ = ()
        PAUSE_REASON_UNSPECIFIED: _ClassVar[AutoTopUp.PauseReason]
        PAUSE_REASON_REQUESTED: _ClassVar[AutoTopUp.PauseReason]
        PAUSE_REASON_DECLINES: _ClassVar[AutoTopUp.PauseReason]
        PAUSE_REASON_RUNAWAY: _ClassVar[AutoTopUp.PauseReason]
        PAUSE_REASON_DISPUTE: _ClassVar[AutoTopUp.PauseReason]
    PAUSE_REASON_UNSPECIFIED: AutoTopUp.PauseReason
    PAUSE_REASON_REQUESTED: AutoTopUp.PauseReason
    PAUSE_REASON_DECLINES: AutoTopUp.PauseReason
    PAUSE_REASON_RUNAWAY: AutoTopUp.PauseReason
    PAUSE_REASON_DISPUTE: AutoTopUp.PauseReason
    NAME_FIELD_NUMBER: _ClassVar[int]
    THRESHOLD_MICROS_FIELD_NUMBER: _ClassVar[int]
    AMOUNT_MICROS_FIELD_NUMBER: _ClassVar[int]
    PAYMENT_METHOD_FIELD_NUMBER: _ClassVar[int]
    MAX_DAY_MICROS_FIELD_NUMBER: _ClassVar[int]
    MAX_MONTH_MICROS_FIELD_NUMBER: _ClassVar[int]
    MAX_DAY_COUNT_FIELD_NUMBER: _ClassVar[int]
    MAX_MONTH_COUNT_FIELD_NUMBER: _ClassVar[int]
    CURRENCY_CODE_FIELD_NUMBER: _ClassVar[int]
    THRESHOLD_TEXT_FIELD_NUMBER: _ClassVar[int]
    AMOUNT_TEXT_FIELD_NUMBER: _ClassVar[int]
    STATE_FIELD_NUMBER: _ClassVar[int]
    PAUSE_REASON_FIELD_NUMBER: _ClassVar[int]
    PAUSE_TIME_FIELD_NUMBER: _ClassVar[int]
    TOP_UP_FIELD_NUMBER: _ClassVar[int]
    DECLINE_COUNT_FIELD_NUMBER: _ClassVar[int]
    RETRY_TIME_FIELD_NUMBER: _ClassVar[int]
    DAY_MICROS_FIELD_NUMBER: _ClassVar[int]
    MONTH_MICROS_FIELD_NUMBER: _ClassVar[int]
    CREATE_TIME_FIELD_NUMBER: _ClassVar[int]
    UPDATE_TIME_FIELD_NUMBER: _ClassVar[int]
    name: str
    threshold_micros: int
    amount_micros: int
    payment_method: str
    max_day_micros: int
    max_month_micros: int
    max_day_count: int
    max_month_count: int
    currency_code: str
    threshold_text: str
    amount_text: str
    state: AutoTopUp.State
    pause_reason: AutoTopUp.PauseReason
    pause_time: _timestamp_pb2.Timestamp
    top_up: str
    decline_count: int
    retry_time: _timestamp_pb2.Timestamp
    day_micros: int
    month_micros: int
    create_time: _timestamp_pb2.Timestamp
    update_time: _timestamp_pb2.Timestamp
    def __init__(self, name: _Optional[str] = ..., threshold_micros: _Optional[int] = ..., amount_micros: _Optional[int] = ..., payment_method: _Optional[str] = ..., max_day_micros: _Optional[int] = ..., max_month_micros: _Optional[int] = ..., max_day_count: _Optional[int] = ..., max_month_count: _Optional[int] = ..., currency_code: _Optional[str] = ..., threshold_text: _Optional[str] = ..., amount_text: _Optional[str] = ..., state: _Optional[_Union[AutoTopUp.State, str]] = ..., pause_reason: _Optional[_Union[AutoTopUp.PauseReason, str]] = ..., pause_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., top_up: _Optional[str] = ..., decline_count: _Optional[int] = ..., retry_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., day_micros: _Optional[int] = ..., month_micros: _Optional[int] = ..., create_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., update_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ...) -> None: ...

class GetAutoTopUpRequest(_message.Message):
    __slots__ = ("name",)
    NAME_FIELD_NUMBER: _ClassVar[int]
    name: str
    def __init__(self, name: _Optional[str] = ...) -> None: ...

class UpdateAutoTopUpRequest(_message.Message):
    __slots__ = ("auto_top_up", "update_mask")
    AUTO_TOP_UP_FIELD_NUMBER: _ClassVar[int]
    UPDATE_MASK_FIELD_NUMBER: _ClassVar[int]
    auto_top_up: AutoTopUp
    update_mask: _field_mask_pb2.FieldMask
    def __init__(self, auto_top_up: _Optional[_Union[AutoTopUp, _Mapping]] = ..., update_mask: _Optional[_Union[_field_mask_pb2.FieldMask, _Mapping]] = ...) -> None: ...

class PauseAutoTopUpRequest(_message.Message):
    __slots__ = ("name",)
    NAME_FIELD_NUMBER: _ClassVar[int]
    name: str
    def __init__(self, name: _Optional[str] = ...) -> None: ...

class ResumeAutoTopUpRequest(_message.Message):
    __slots__ = ("name",)
    NAME_FIELD_NUMBER: _ClassVar[int]
    name: str
    def __init__(self, name: _Optional[str] = ...) -> None: ...

class DeleteAutoTopUpRequest(_message.Message):
    __slots__ = ("name",)
    NAME_FIELD_NUMBER: _ClassVar[int]
    name: str
    def __init__(self, name: _Optional[str] = ...) -> None: ...
