import datetime

from buf.validate import validate_pb2 as _validate_pb2
from google.protobuf import timestamp_pb2 as _timestamp_pb2
from veloconnect.wallet.v1 import wallet_pb2 as _wallet_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class GetTransactionRequest(_message.Message):
    __slots__ = ("name",)
    NAME_FIELD_NUMBER: _ClassVar[int]
    name: str
    def __init__(self, name: _Optional[str] = ...) -> None: ...

class TransactionFilter(_message.Message):
    __slots__ = ("start_time", "end_time", "kinds", "channel", "country_code", "campaign_id", "contact_id", "min_amount_micros", "max_amount_micros", "reference")
    START_TIME_FIELD_NUMBER: _ClassVar[int]
    END_TIME_FIELD_NUMBER: _ClassVar[int]
    KINDS_FIELD_NUMBER: _ClassVar[int]
    CHANNEL_FIELD_NUMBER: _ClassVar[int]
    COUNTRY_CODE_FIELD_NUMBER: _ClassVar[int]
    CAMPAIGN_ID_FIELD_NUMBER: _ClassVar[int]
    CONTACT_ID_FIELD_NUMBER: _ClassVar[int]
    MIN_AMOUNT_MICROS_FIELD_NUMBER: _ClassVar[int]
    MAX_AMOUNT_MICROS_FIELD_NUMBER: _ClassVar[int]
    REFERENCE_FIELD_NUMBER: _ClassVar[int]
    start_time: _timestamp_pb2.Timestamp
    end_time: _timestamp_pb2.Timestamp
    kinds: _containers.RepeatedScalarFieldContainer[_wallet_pb2.Transaction.Kind]
    channel: _wallet_pb2.Channel
    country_code: str
    campaign_id: str
    contact_id: str
    min_amount_micros: int
    max_amount_micros: int
    reference: str
    def __init__(self, start_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., end_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., kinds: _Optional[_Iterable[_Union[_wallet_pb2.Transaction.Kind, str]]] = ..., channel: _Optional[_Union[_wallet_pb2.Channel, str]] = ..., country_code: _Optional[str] = ..., campaign_id: _Optional[str] = ..., contact_id: _Optional[str] = ..., min_amount_micros: _Optional[int] = ..., max_amount_micros: _Optional[int] = ..., reference: _Optional[str] = ...) -> None: ...

class ListTransactionsRequest(_message.Message):
    __slots__ = ("parent", "page_size", "page_token", "filter")
    PARENT_FIELD_NUMBER: _ClassVar[int]
    PAGE_SIZE_FIELD_NUMBER: _ClassVar[int]
    PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    FILTER_FIELD_NUMBER: _ClassVar[int]
    parent: str
    page_size: int
    page_token: str
    filter: TransactionFilter
    def __init__(self, parent: _Optional[str] = ..., page_size: _Optional[int] = ..., page_token: _Optional[str] = ..., filter: _Optional[_Union[TransactionFilter, _Mapping]] = ...) -> None: ...

class ListTransactionsResponse(_message.Message):
    __slots__ = ("transactions", "next_page_token")
    TRANSACTIONS_FIELD_NUMBER: _ClassVar[int]
    NEXT_PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    transactions: _containers.RepeatedCompositeFieldContainer[_wallet_pb2.Transaction]
    next_page_token: str
    def __init__(self, transactions: _Optional[_Iterable[_Union[_wallet_pb2.Transaction, _Mapping]]] = ..., next_page_token: _Optional[str] = ...) -> None: ...

class ExportTransactionsRequest(_message.Message):
    __slots__ = ("parent", "filter")
    PARENT_FIELD_NUMBER: _ClassVar[int]
    FILTER_FIELD_NUMBER: _ClassVar[int]
    parent: str
    filter: TransactionFilter
    def __init__(self, parent: _Optional[str] = ..., filter: _Optional[_Union[TransactionFilter, _Mapping]] = ...) -> None: ...

class ExportTransactionsResponse(_message.Message):
    __slots__ = ("csv",)
    CSV_FIELD_NUMBER: _ClassVar[int]
    csv: str
    def __init__(self, csv: _Optional[str] = ...) -> None: ...

class GetUsageSummaryRequest(_message.Message):
    __slots__ = ("parent", "start_date", "end_date", "channel", "country_code")
    PARENT_FIELD_NUMBER: _ClassVar[int]
    START_DATE_FIELD_NUMBER: _ClassVar[int]
    END_DATE_FIELD_NUMBER: _ClassVar[int]
    CHANNEL_FIELD_NUMBER: _ClassVar[int]
    COUNTRY_CODE_FIELD_NUMBER: _ClassVar[int]
    parent: str
    start_date: str
    end_date: str
    channel: _wallet_pb2.Channel
    country_code: str
    def __init__(self, parent: _Optional[str] = ..., start_date: _Optional[str] = ..., end_date: _Optional[str] = ..., channel: _Optional[_Union[_wallet_pb2.Channel, str]] = ..., country_code: _Optional[str] = ...) -> None: ...

class UsageSummary(_message.Message):
    __slots__ = ("start_date", "end_date", "currency_code", "transaction_count", "spent_micros", "refund_count", "refunded_micros", "days", "destinations", "last_transaction", "complete")
    START_DATE_FIELD_NUMBER: _ClassVar[int]
    END_DATE_FIELD_NUMBER: _ClassVar[int]
    CURRENCY_CODE_FIELD_NUMBER: _ClassVar[int]
    TRANSACTION_COUNT_FIELD_NUMBER: _ClassVar[int]
    SPENT_MICROS_FIELD_NUMBER: _ClassVar[int]
    REFUND_COUNT_FIELD_NUMBER: _ClassVar[int]
    REFUNDED_MICROS_FIELD_NUMBER: _ClassVar[int]
    DAYS_FIELD_NUMBER: _ClassVar[int]
    DESTINATIONS_FIELD_NUMBER: _ClassVar[int]
    LAST_TRANSACTION_FIELD_NUMBER: _ClassVar[int]
    COMPLETE_FIELD_NUMBER: _ClassVar[int]
    start_date: str
    end_date: str
    currency_code: str
    transaction_count: int
    spent_micros: int
    refund_count: int
    refunded_micros: int
    days: _containers.RepeatedCompositeFieldContainer[UsageLine]
    destinations: _containers.RepeatedCompositeFieldContainer[UsageLine]
    last_transaction: str
    complete: bool
    def __init__(self, start_date: _Optional[str] = ..., end_date: _Optional[str] = ..., currency_code: _Optional[str] = ..., transaction_count: _Optional[int] = ..., spent_micros: _Optional[int] = ..., refund_count: _Optional[int] = ..., refunded_micros: _Optional[int] = ..., days: _Optional[_Iterable[_Union[UsageLine, _Mapping]]] = ..., destinations: _Optional[_Iterable[_Union[UsageLine, _Mapping]]] = ..., last_transaction: _Optional[str] = ..., complete: _Optional[bool] = ...) -> None: ...

class UsageLine(_message.Message):
    __slots__ = ("date", "channel", "country_code", "transaction_count", "used_quantity", "billed_quantity", "spent_micros", "refund_count", "refunded_micros")
    DATE_FIELD_NUMBER: _ClassVar[int]
    CHANNEL_FIELD_NUMBER: _ClassVar[int]
    COUNTRY_CODE_FIELD_NUMBER: _ClassVar[int]
    TRANSACTION_COUNT_FIELD_NUMBER: _ClassVar[int]
    USED_QUANTITY_FIELD_NUMBER: _ClassVar[int]
    BILLED_QUANTITY_FIELD_NUMBER: _ClassVar[int]
    SPENT_MICROS_FIELD_NUMBER: _ClassVar[int]
    REFUND_COUNT_FIELD_NUMBER: _ClassVar[int]
    REFUNDED_MICROS_FIELD_NUMBER: _ClassVar[int]
    date: str
    channel: _wallet_pb2.Channel
    country_code: str
    transaction_count: int
    used_quantity: int
    billed_quantity: int
    spent_micros: int
    refund_count: int
    refunded_micros: int
    def __init__(self, date: _Optional[str] = ..., channel: _Optional[_Union[_wallet_pb2.Channel, str]] = ..., country_code: _Optional[str] = ..., transaction_count: _Optional[int] = ..., used_quantity: _Optional[int] = ..., billed_quantity: _Optional[int] = ..., spent_micros: _Optional[int] = ..., refund_count: _Optional[int] = ..., refunded_micros: _Optional[int] = ...) -> None: ...
