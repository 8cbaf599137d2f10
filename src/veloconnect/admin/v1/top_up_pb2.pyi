import datetime

from buf.validate import validate_pb2 as _validate_pb2
from google.protobuf import empty_pb2 as _empty_pb2
from google.protobuf import timestamp_pb2 as _timestamp_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class TopUp(_message.Message):
    __slots__ = ("name", "amount_micros", "currency_code", "method", "reference", "state", "transaction", "balance_after_micros", "create_time", "amount_text", "payment_method", "save_payment_method", "client_secret", "payment_reference", "cleared_amount_micros", "refunded_amount_micros", "card_brand", "card_last4", "failure_code", "failure_message", "automatic", "requested_by", "update_time", "cleared_amount_text")
    class Method(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
        __slots__ = ()
        METHOD_UNSPECIFIED: _ClassVar[TopUp.Method]
        METHOD_MANUAL: _ClassVar[TopUp.Method]
        METHOD_CARD: _ClassVar[TopUp.Method]
        METHOD_SAVED_CARD: _ClassVar[TopUp.Method]
        METHOD_BANK_TRANSFER: _ClassVar[TopUp.Method]
    METHOD_UNSPECIFIED: TopUp.Method
    METHOD_MANUAL: TopUp.Method
    METHOD_CARD: TopUp.Method
    METHOD_SAVED_CARD: TopUp.Method
    METHOD_BANK_TRANSFER: TopUp.Method
    class State(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
        __slots__ = ()
        STATE_UNSPECIFIED: _ClassVar[TopUp.State]
        STATE_PENDING: _ClassVar[TopUp.State]
        STATE_REQUIRES_ACTION: _ClassVar[TopUp.State]
        STATE_SUCCEEDED: _ClassVar[TopUp.State]
        STATE_FAILED: _ClassVar[TopUp.State]
        STATE_CANCELED: _ClassVar[TopUp.State]
    STATE_UNSPECIFIED: TopUp.State
    STATE_PENDING: TopUp.State
    STATE_REQUIRES_ACTION: TopUp.State
    STATE_SUCCEEDED: TopUp.State
    STATE_FAILED: TopUp.State
    STATE_CANCELED: TopUp.State
    NAME_FIELD_NUMBER: _ClassVar[int]
    AMOUNT_MICROS_FIELD_NUMBER: _ClassVar[int]
    CURRENCY_CODE_FIELD_NUMBER: _ClassVar[int]
    METHOD_FIELD_NUMBER: _ClassVar[int]
    REFERENCE_FIELD_NUMBER: _ClassVar[int]
    STATE_FIELD_NUMBER: _ClassVar[int]
    TRANSACTION_FIELD_NUMBER: _ClassVar[int]
    BALANCE_AFTER_MICROS_FIELD_NUMBER: _ClassVar[int]
    CREATE_TIME_FIELD_NUMBER: _ClassVar[int]
    AMOUNT_TEXT_FIELD_NUMBER: _ClassVar[int]
    PAYMENT_METHOD_FIELD_NUMBER: _ClassVar[int]
    SAVE_PAYMENT_METHOD_FIELD_NUMBER: _ClassVar[int]
    CLIENT_SECRET_FIELD_NUMBER: _ClassVar[int]
    PAYMENT_REFERENCE_FIELD_NUMBER: _ClassVar[int]
    CLEARED_AMOUNT_MICROS_FIELD_NUMBER: _ClassVar[int]
    REFUNDED_AMOUNT_MICROS_FIELD_NUMBER: _ClassVar[int]
    CARD_BRAND_FIELD_NUMBER: _ClassVar[int]
    CARD_LAST4_FIELD_NUMBER: _ClassVar[int]
    FAILURE_CODE_FIELD_NUMBER: _ClassVar[int]
    FAILURE_MESSAGE_FIELD_NUMBER: _ClassVar[int]
    AUTOMATIC_FIELD_NUMBER: _ClassVar[int]
    REQUESTED_BY_FIELD_NUMBER: _ClassVar[int]
    UPDATE_TIME_FIELD_NUMBER: _ClassVar[int]
    CLEARED_AMOUNT_TEXT_FIELD_NUMBER: _ClassVar[int]
    name: str
    amount_micros: int
    currency_code: str
    method: TopUp.Method
    reference: str
    state: TopUp.State
    transaction: str
    balance_after_micros: int
    create_time: _timestamp_pb2.Timestamp
    amount_text: str
    payment_method: str
    save_payment_method: bool
    client_secret: str
    payment_reference: str
    cleared_amount_micros: int
    refunded_amount_micros: int
    card_brand: str
    card_last4: str
    failure_code: str
    failure_message: str
    automatic: bool
    requested_by: str
    update_time: _timestamp_pb2.Timestamp
    cleared_amount_text: str
    def __init__(self, name: _Optional[str] = ..., amount_micros: _Optional[int] = ..., currency_code: _Optional[str] = ..., method: _Optional[_Union[TopUp.Method, str]] = ..., reference: _Optional[str] = ..., state: _Optional[_Union[TopUp.State, str]] = ..., transaction: _Optional[str] = ..., balance_after_micros: _Optional[int] = ..., create_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., amount_text: _Optional[str] = ..., payment_method: _Optional[str] = ..., save_payment_method: _Optional[bool] = ..., client_secret: _Optional[str] = ..., payment_reference: _Optional[str] = ..., cleared_amount_micros: _Optional[int] = ..., refunded_amount_micros: _Optional[int] = ..., card_brand: _Optional[str] = ..., card_last4: _Optional[str] = ..., failure_code: _Optional[str] = ..., failure_message: _Optional[str] = ..., automatic: _Optional[bool] = ..., requested_by: _Optional[str] = ..., update_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., cleared_amount_text: _Optional[str] = ...) -> None: ...

class CreateTopUpRequest(_message.Message):
    __slots__ = ("parent", "idempotency_key", "top_up")
    PARENT_FIELD_NUMBER: _ClassVar[int]
    IDEMPOTENCY_KEY_FIELD_NUMBER: _ClassVar[int]
    TOP_UP_FIELD_NUMBER: _ClassVar[int]
    parent: str
    idempotency_key: str
    top_up: TopUp
    def __init__(self, parent: _Optional[str] = ..., idempotency_key: _Optional[str] = ..., top_up: _Optional[_Union[TopUp, _Mapping]] = ...) -> None: ...

class GetTopUpRequest(_message.Message):
    __slots__ = ("name",)
    NAME_FIELD_NUMBER: _ClassVar[int]
    name: str
    def __init__(self, name: _Optional[str] = ...) -> None: ...

class ListTopUpsRequest(_message.Message):
    __slots__ = ("parent", "state", "method", "page_size", "page_token")
    PARENT_FIELD_NUMBER: _ClassVar[int]
    STATE_FIELD_NUMBER: _ClassVar[int]
    METHOD_FIELD_NUMBER: _ClassVar[int]
    PAGE_SIZE_FIELD_NUMBER: _ClassVar[int]
    PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    parent: str
    state: TopUp.State
    method: TopUp.Method
    page_size: int
    page_token: str
    def __init__(self, parent: _Optional[str] = ..., state: _Optional[_Union[TopUp.State, str]] = ..., method: _Optional[_Union[TopUp.Method, str]] = ..., page_size: _Optional[int] = ..., page_token: _Optional[str] = ...) -> None: ...

class ListTopUpsResponse(_message.Message):
    __slots__ = ("top_ups", "next_page_token")
    TOP_UPS_FIELD_NUMBER: _ClassVar[int]
    NEXT_PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    top_ups: _containers.RepeatedCompositeFieldContainer[TopUp]
    next_page_token: str
    def __init__(self, top_ups: _Optional[_Iterable[_Union[TopUp, _Mapping]]] = ..., next_page_token: _Optional[str] = ...) -> None: ...

class ConfirmTopUpRequest(_message.Message):
    __slots__ = ("name", "amount_micros", "currency_code", "reference", "amount_text")
    NAME_FIELD_NUMBER: _ClassVar[int]
    AMOUNT_MICROS_FIELD_NUMBER: _ClassVar[int]
    CURRENCY_CODE_FIELD_NUMBER: _ClassVar[int]
    REFERENCE_FIELD_NUMBER: _ClassVar[int]
    AMOUNT_TEXT_FIELD_NUMBER: _ClassVar[int]
    name: str
    amount_micros: int
    currency_code: str
    reference: str
    amount_text: str
    def __init__(self, name: _Optional[str] = ..., amount_micros: _Optional[int] = ..., currency_code: _Optional[str] = ..., reference: _Optional[str] = ..., amount_text: _Optional[str] = ...) -> None: ...

class FailTopUpRequest(_message.Message):
    __slots__ = ("name", "failure_message")
    NAME_FIELD_NUMBER: _ClassVar[int]
    FAILURE_MESSAGE_FIELD_NUMBER: _ClassVar[int]
    name: str
    failure_message: str
    def __init__(self, name: _Optional[str] = ..., failure_message: _Optional[str] = ...) -> None: ...

class CancelTopUpRequest(_message.Message):
    __slots__ = ("name",)
    NAME_FIELD_NUMBER: _ClassVar[int]
    name: str
    def __init__(self, name: _Optional[str] = ...) -> None: ...

class SuggestTopUpAmountsRequest(_message.Message):
    __slots__ = ("parent",)
    PARENT_FIELD_NUMBER: _ClassVar[int]
    parent: str
    def __init__(self, parent: _Optional[str] = ...) -> None: ...

class SuggestTopUpAmountsResponse(_message.Message):
    __slots__ = ("suggestions", "currency_code")
    class Suggestion(_message.Message):
        __slots__ = ("amount_micros", "amount_text", "days")
        AMOUNT_MICROS_FIELD_NUMBER: _ClassVar[int]
        AMOUNT_TEXT_FIELD_NUMBER: _ClassVar[int]
        DAYS_FIELD_NUMBER: _ClassVar[int]
        amount_micros: int
        amount_text: str
        days: int
        def __init__(self, amount_micros: _Optional[int] = ..., amount_text: _Optional[str] = ..., days: _Optional[int] = ...) -> None: ...
    SUGGESTIONS_FIELD_NUMBER: _ClassVar[int]
    CURRENCY_CODE_FIELD_NUMBER: _ClassVar[int]
    suggestions: _containers.RepeatedCompositeFieldContainer[SuggestTopUpAmountsResponse.Suggestion]
    currency_code: str
    def __init__(self, suggestions: _Optional[_Iterable[_Union[SuggestTopUpAmountsResponse.Suggestion, _Mapping]]] = ..., currency_code: _Optional[str] = ...) -> None: ...

class TopUpRefund(_message.Message):
    __slots__ = ("name", "top_up", "state", "amount_micros", "amount_text", "currency_code", "reason", "requested_by", "transaction", "return_transaction", "failure_code", "create_time", "update_time")
    class State(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
        __slots__ = ()
        STATE_UNSPECIFIED: _ClassVar[TopUpRefund.State]
        STATE_PENDING: _ClassVar[TopUpRefund.State]
        STATE_SUCCEEDED: _ClassVar[TopUpRefund.State]
        STATE_FAILED: _ClassVar[TopUpRefund.State]
    STATE_UNSPECIFIED: TopUpRefund.State
    STATE_PENDING: TopUpRefund.State
    STATE_SUCCEEDED: TopUpRefund.State
    STATE_FAILED: TopUpRefund.State
    NAME_FIELD_NUMBER: _ClassVar[int]
    TOP_UP_FIELD_NUMBER: _ClassVar[int]
    STATE_FIELD_NUMBER: _ClassVar[int]
    AMOUNT_MICROS_FIELD_NUMBER: _ClassVar[int]
    AMOUNT_TEXT_FIELD_NUMBER: _ClassVar[int]
    CURRENCY_CODE_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    REQUESTED_BY_FIELD_NUMBER: _ClassVar[int]
    TRANSACTION_FIELD_NUMBER: _ClassVar[int]
    RETURN_TRANSACTION_FIELD_NUMBER: _ClassVar[int]
    FAILURE_CODE_FIELD_NUMBER: _ClassVar[int]
    CREATE_TIME_FIELD_NUMBER: _ClassVar[int]
    UPDATE_TIME_FIELD_NUMBER: _ClassVar[int]
    name: str
    top_up: str
    state: TopUpRefund.State
    amount_micros: int
    amount_text: str
    currency_code: str
    reason: str
    requested_by: str
    transaction: str
    return_transaction: str
    failure_code: str
    create_time: _timestamp_pb2.Timestamp
    update_time: _timestamp_pb2.Timestamp
    def __init__(self, name: _Optional[str] = ..., top_up: _Optional[str] = ..., state: _Optional[_Union[TopUpRefund.State, str]] = ..., amount_micros: _Optional[int] = ..., amount_text: _Optional[str] = ..., currency_code: _Optional[str] = ..., reason: _Optional[str] = ..., requested_by: _Optional[str] = ..., transaction: _Optional[str] = ..., return_transaction: _Optional[str] = ..., failure_code: _Optional[str] = ..., create_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., update_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ...) -> None: ...

class RefundTopUpRequest(_message.Message):
    __slots__ = ("name", "idempotency_key", "amount_micros", "reason", "requested_by")
    NAME_FIELD_NUMBER: _ClassVar[int]
    IDEMPOTENCY_KEY_FIELD_NUMBER: _ClassVar[int]
    AMOUNT_MICROS_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    REQUESTED_BY_FIELD_NUMBER: _ClassVar[int]
    name: str
    idempotency_key: str
    amount_micros: int
    reason: str
    requested_by: str
    def __init__(self, name: _Optional[str] = ..., idempotency_key: _Optional[str] = ..., amount_micros: _Optional[int] = ..., reason: _Optional[str] = ..., requested_by: _Optional[str] = ...) -> None: ...

class GetTopUpRefundRequest(_message.Message):
    __slots__ = ("name",)
    NAME_FIELD_NUMBER: _ClassVar[int]
    name: str
    def __init__(self, name: _Optional[str] = ...) -> None: ...

class ListTopUpRefundsRequest(_message.Message):
    __slots__ = ("parent", "top_up", "page_size", "page_token")
    PARENT_FIELD_NUMBER: _ClassVar[int]
    TOP_UP_FIELD_NUMBER: _ClassVar[int]
    PAGE_SIZE_FIELD_NUMBER: _ClassVar[int]
    PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    parent: str
    top_up: str
    page_size: int
    page_token: str
    def __init__(self, parent: _Optional[str] = ..., top_up: _Optional[str] = ..., page_size: _Optional[int] = ..., page_token: _Optional[str] = ...) -> None: ...

class ListTopUpRefundsResponse(_message.Message):
    __slots__ = ("top_up_refunds", "next_page_token")
    TOP_UP_REFUNDS_FIELD_NUMBER: _ClassVar[int]
    NEXT_PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    top_up_refunds: _containers.RepeatedCompositeFieldContainer[TopUpRefund]
    next_page_token: str
    def __init__(self, top_up_refunds: _Optional[_Iterable[_Union[TopUpRefund, _Mapping]]] = ..., next_page_token: _Optional[str] = ...) -> None: ...

class Chargeback(_message.Message):
    __slots__ = ("name", "top_up", "state", "amount_micros", "amount_text", "currency_code", "reason", "transaction", "return_transaction", "create_time", "update_time")
    class State(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
        __slots__ = ()
        STATE_UNSPECIFIED: _ClassVar[Chargeback.State]
        STATE_INQUIRY: _ClassVar[Chargeback.State]
        STATE_OPEN: _ClassVar[Chargeback.State]
        STATE_WON: _ClassVar[Chargeback.State]
        STATE_LOST: _ClassVar[Chargeback.State]
    STATE_UNSPECIFIED: Chargeback.State
    STATE_INQUIRY: Chargeback.State
    STATE_OPEN: Chargeback.State
    STATE_WON: Chargeback.State
    STATE_LOST: Chargeback.State
    NAME_FIELD_NUMBER: _ClassVar[int]
    TOP_UP_FIELD_NUMBER: _ClassVar[int]
    STATE_FIELD_NUMBER: _ClassVar[int]
    AMOUNT_MICROS_FIELD_NUMBER: _ClassVar[int]
    AMOUNT_TEXT_FIELD_NUMBER: _ClassVar[int]
    CURRENCY_CODE_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    TRANSACTION_FIELD_NUMBER: _ClassVar[int]
    RETURN_TRANSACTION_FIELD_NUMBER: _ClassVar[int]
    CREATE_TIME_FIELD_NUMBER: _ClassVar[int]
    UPDATE_TIME_FIELD_NUMBER: _ClassVar[int]
    name: str
    top_up: str
    state: Chargeback.State
    amount_micros: int
    amount_text: str
    currency_code: str
    reason: str
    transaction: str
    return_transaction: str
    create_time: _timestamp_pb2.Timestamp
    update_time: _timestamp_pb2.Timestamp
    def __init__(self, name: _Optional[str] = ..., top_up: _Optional[str] = ..., state: _Optional[_Union[Chargeback.State, str]] = ..., amount_micros: _Optional[int] = ..., amount_text: _Optional[str] = ..., currency_code: _Optional[str] = ..., reason: _Optional[str] = ..., transaction: _Optional[str] = ..., return_transaction: _Optional[str] = ..., create_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., update_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ...) -> None: ...

class ListChargebacksRequest(_message.Message):
    __slots__ = ("parent", "page_size", "page_token")
    PARENT_FIELD_NUMBER: _ClassVar[int]
    PAGE_SIZE_FIELD_NUMBER: _ClassVar[int]
    PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    parent: str
    page_size: int
    page_token: str
    def __init__(self, parent: _Optional[str] = ..., page_size: _Optional[int] = ..., page_token: _Optional[str] = ...) -> None: ...

class ListChargebacksResponse(_message.Message):
    __slots__ = ("chargebacks", "next_page_token")
    CHARGEBACKS_FIELD_NUMBER: _ClassVar[int]
    NEXT_PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    chargebacks: _containers.RepeatedCompositeFieldContainer[Chargeback]
    next_page_token: str
    def __init__(self, chargebacks: _Optional[_Iterable[_Union[Chargeback, _Mapping]]] = ..., next_page_token: _Optional[str] = ...) -> None: ...

class PaymentMethod(_message.Message):
    __slots__ = ("name", "card_brand", "card_last4", "expiry_month", "expiry_year")
    NAME_FIELD_NUMBER: _ClassVar[int]
    CARD_BRAND_FIELD_NUMBER: _ClassVar[int]
    CARD_LAST4_FIELD_NUMBER: _ClassVar[int]
    EXPIRY_MONTH_FIELD_NUMBER: _ClassVar[int]
    EXPIRY_YEAR_FIELD_NUMBER: _ClassVar[int]
    name: str
    card_brand: str
    card_last4: str
    expiry_month: int
    expiry_year: int
    def __init__(self, name: _Optional[str] = ..., card_brand: _Optional[str] = ..., card_last4: _Optional[str] = ..., expiry_month: _Optional[int] = ..., expiry_year: _Optional[int] = ...) -> None: ...

class ListPaymentMethodsRequest(_message.Message):
    __slots__ = ("parent",)
    PARENT_FIELD_NUMBER: _ClassVar[int]
    parent: str
    def __init__(self, parent: _Optional[str] = ...) -> None: ...

class ListPaymentMethodsResponse(_message.Message):
    __slots__ = ("payment_methods",)
    PAYMENT_METHODS_FIELD_NUMBER: _ClassVar[int]
    payment_methods: _containers.RepeatedCompositeFieldContainer[PaymentMethod]
    def __init__(self, payment_methods: _Optional[_Iterable[_Union[PaymentMethod, _Mapping]]] = ...) -> None: ...

class DeletePaymentMethodRequest(_message.Message):
    __slots__ = ("name",)
    NAME_FIELD_NUMBER: _ClassVar[int]
    name: str
    def __init__(self, name: _Optional[str] = ...) -> None: ...
