import datetime

from buf.validate import validate_pb2 as _validate_pb2
from google.protobuf import duration_pb2 as _duration_pb2
from google.protobuf import empty_pb2 as _empty_pb2
from google.protobuf import field_mask_pb2 as _field_mask_pb2
from google.protobuf import timestamp_pb2 as _timestamp_pb2
from veloconnect.wallet.v1 import wallet_pb2 as _wallet_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class SpendLimit(_message.Message):
    __slots__ = ("name", "window", "channel", "country_code", "amount_micros", "spent_micros", "reset_time")
    class Window(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
        __slots__ = ()
        WINDOW_UNSPECIFIED: _ClassVar[SpendLimit.Window]
        WINDOW_HOUR: _ClassVar[SpendLimit.Window]
        WINDOW_DAY: _ClassVar[SpendLimit.Window]
        WINDOW_MONTH: _ClassVar[SpendLimit.Window]
    WINDOW_UNSPECIFIED: SpendLimit.Window
    WINDOW_HOUR: SpendLimit.Window
    WINDOW_DAY: SpendLimit.Window
    WINDOW_MONTH: SpendLimit.Window
    NAME_FIELD_NUMBER: _ClassVar[int]
    WINDOW_FIELD_NUMBER: _ClassVar[int]
    CHANNEL_FIELD_NUMBER: _ClassVar[int]
    COUNTRY_CODE_FIELD_NUMBER: _ClassVar[int]
    AMOUNT_MICROS_FIELD_NUMBER: _ClassVar[int]
    SPENT_MICROS_FIELD_NUMBER: _ClassVar[int]
    RESET_TIME_FIELD_NUMBER: _ClassVar[int]
    name: str
    window: SpendLimit.Window
    channel: _wallet_pb2.Channel
    country_code: str
    amount_micros: int
    spent_micros: int
    reset_time: _timestamp_pb2.Timestamp
    def __init__(self, name: _Optional[str] = ..., window: _Optional[_Union[SpendLimit.Window, str]] = ..., channel: _Optional[_Union[_wallet_pb2.Channel, str]] = ..., country_code: _Optional[str] = ..., amount_micros: _Optional[int] = ..., spent_micros: _Optional[int] = ..., reset_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ...) -> None: ...

class CreateSpendLimitRequest(_message.Message):
    __slots__ = ("parent", "spend_limit_id", "spend_limit")
    PARENT_FIELD_NUMBER: _ClassVar[int]
    SPEND_LIMIT_ID_FIELD_NUMBER: _ClassVar[int]
    SPEND_LIMIT_FIELD_NUMBER: _ClassVar[int]
    parent: str
    spend_limit_id: str
    spend_limit: SpendLimit
    def __init__(self, parent: _Optional[str] = ..., spend_limit_id: _Optional[str] = ..., spend_limit: _Optional[_Union[SpendLimit, _Mapping]] = ...) -> None: ...

class GetSpendLimitRequest(_message.Message):
    __slots__ = ("name",)
    NAME_FIELD_NUMBER: _ClassVar[int]
    name: str
    def __init__(self, name: _Optional[str] = ...) -> None: ...

class ListSpendLimitsRequest(_message.Message):
    __slots__ = ("parent",)
    PARENT_FIELD_NUMBER: _ClassVar[int]
    parent: str
    def __init__(self, parent: _Optional[str] = ...) -> None: ...

class ListSpendLimitsResponse(_message.Message):
    __slots__ = ("spend_limits",)
    SPEND_LIMITS_FIELD_NUMBER: _ClassVar[int]
    spend_limits: _containers.RepeatedCompositeFieldContainer[SpendLimit]
    def __init__(self, spend_limits: _Optional[_Iterable[_Union[SpendLimit, _Mapping]]] = ...) -> None: ...

class UpdateSpendLimitRequest(_message.Message):
    __slots__ = ("spend_limit",)
    SPEND_LIMIT_FIELD_NUMBER: _ClassVar[int]
    spend_limit: SpendLimit
    def __init__(self, spend_limit: _Optional[_Union[SpendLimit, _Mapping]] = ...) -> None: ...

class DeleteSpendLimitRequest(_message.Message):
    __slots__ = ("name",)
    NAME_FIELD_NUMBER: _ClassVar[int]
    name: str
    def __init__(self, name: _Optional[str] = ...) -> None: ...

class AlertPolicy(_message.Message):
    __slots__ = ("name", "warning", "critical")
    class Threshold(_message.Message):
        __slots__ = ("time_left", "amount_micros")
        TIME_LEFT_FIELD_NUMBER: _ClassVar[int]
        AMOUNT_MICROS_FIELD_NUMBER: _ClassVar[int]
        time_left: _duration_pb2.Duration
        amount_micros: int
        def __init__(self, time_left: _Optional[_Union[datetime.timedelta, _duration_pb2.Duration, _Mapping]] = ..., amount_micros: _Optional[int] = ...) -> None: ...
    NAME_FIELD_NUMBER: _ClassVar[int]
    WARNING_FIELD_NUMBER: _ClassVar[int]
    CRITICAL_FIELD_NUMBER: _ClassVar[int]
    name: str
    warning: AlertPolicy.Threshold
    critical: AlertPolicy.Threshold
    def __init__(self, name: _Optional[str] = ..., warning: _Optional[_Union[AlertPolicy.Threshold, _Mapping]] = ..., critical: _Optional[_Union[AlertPolicy.Threshold, _Mapping]] = ...) -> None: ...

class GetAlertPolicyRequest(_message.Message):
    __slots__ = ("name",)
    NAME_FIELD_NUMBER: _ClassVar[int]
    name: str
    def __init__(self, name: _Optional[str] = ...) -> None: ...

class UpdateAlertPolicyRequest(_message.Message):
    __slots__ = ("alert_policy", "update_mask")
    ALERT_POLICY_FIELD_NUMBER: _ClassVar[int]
    UPDATE_MASK_FIELD_NUMBER: _ClassVar[int]
    alert_policy: AlertPolicy
    update_mask: _field_mask_pb2.FieldMask
    def __init__(self, alert_policy: _Optional[_Union[AlertPolicy, _Mapping]] = ..., update_mask: _Optional[_Union[_field_mask_pb2.FieldMask, _Mapping]] = ...) -> None: ...
