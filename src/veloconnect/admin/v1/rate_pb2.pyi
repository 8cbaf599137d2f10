import datetime

from buf.validate import validate_pb2 as _validate_pb2
from google.protobuf import field_mask_pb2 as _field_mask_pb2
from google.protobuf import timestamp_pb2 as _timestamp_pb2
from veloconnect.wallet.v1 import wallet_pb2 as _wallet_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class RateCard(_message.Message):
    __slots__ = ("name", "display_name", "currency_code", "parent", "version", "rate_count", "create_time", "update_time")
    NAME_FIELD_NUMBER: _ClassVar[int]
    DISPLAY_NAME_FIELD_NUMBER: _ClassVar[int]
    CURRENCY_CODE_FIELD_NUMBER: _ClassVar[int]
    PARENT_FIELD_NUMBER: _ClassVar[int]
    VERSION_FIELD_NUMBER: _ClassVar[int]
    RATE_COUNT_FIELD_NUMBER: _ClassVar[int]
    CREATE_TIME_FIELD_NUMBER: _ClassVar[int]
    UPDATE_TIME_FIELD_NUMBER: _ClassVar[int]
    name: str
    display_name: str
    currency_code: str
    parent: str
    version: int
    rate_count: int
    create_time: _timestamp_pb2.Timestamp
    update_time: _timestamp_pb2.Timestamp
    def __init__(self, name: _Optional[str] = ..., display_name: _Optional[str] = ..., currency_code: _Optional[str] = ..., parent: _Optional[str] = ..., version: _Optional[int] = ..., rate_count: _Optional[int] = ..., create_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., update_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ...) -> None: ...

class Rate(_message.Message):
    __slots__ = ("name", "channel", "variant", "destination", "unit_price_micros", "connect_fee_micros", "minimum_quantity", "first_increment", "next_increment", "effective_time", "expire_time", "description")
    NAME_FIELD_NUMBER: _ClassVar[int]
    CHANNEL_FIELD_NUMBER: _ClassVar[int]
    VARIANT_FIELD_NUMBER: _ClassVar[int]
    DESTINATION_FIELD_NUMBER: _ClassVar[int]
    UNIT_PRICE_MICROS_FIELD_NUMBER: _ClassVar[int]
    CONNECT_FEE_MICROS_FIELD_NUMBER: _ClassVar[int]
    MINIMUM_QUANTITY_FIELD_NUMBER: _ClassVar[int]
    FIRST_INCREMENT_FIELD_NUMBER: _ClassVar[int]
    NEXT_INCREMENT_FIELD_NUMBER: _ClassVar[int]
    EFFECTIVE_TIME_FIELD_NUMBER: _ClassVar[int]
    EXPIRE_TIME_FIELD_NUMBER: _ClassVar[int]
    DESCRIPTION_FIELD_NUMBER: _ClassVar[int]
    name: str
    channel: _wallet_pb2.Channel
    variant: str
    destination: str
    unit_price_micros: int
    connect_fee_micros: int
    minimum_quantity: int
    first_increment: int
    next_increment: int
    effective_time: _timestamp_pb2.Timestamp
    expire_time: _timestamp_pb2.Timestamp
    description: str
    def __init__(self, name: _Optional[str] = ..., channel: _Optional[_Union[_wallet_pb2.Channel, str]] = ..., variant: _Optional[str] = ..., destination: _Optional[str] = ..., unit_price_micros: _Optional[int] = ..., connect_fee_micros: _Optional[int] = ..., minimum_quantity: _Optional[int] = ..., first_increment: _Optional[int] = ..., next_increment: _Optional[int] = ..., effective_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., expire_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., description: _Optional[str] = ...) -> None: ...

class CreateRateCardRequest(_message.Message):
    __slots__ = ("rate_card_id", "rate_card")
    RATE_CARD_ID_FIELD_NUMBER: _ClassVar[int]
    RATE_CARD_FIELD_NUMBER: _ClassVar[int]
    rate_card_id: str
    rate_card: RateCard
    def __init__(self, rate_card_id: _Optional[str] = ..., rate_card: _Optional[_Union[RateCard, _Mapping]] = ...) -> None: ...

class GetRateCardRequest(_message.Message):
    __slots__ = ("name",)
    NAME_FIELD_NUMBER: _ClassVar[int]
    name: str
    def __init__(self, name: _Optional[str] = ...) -> None: ...

class ListRateCardsRequest(_message.Message):
    __slots__ = ("page_size", "page_token")
    PAGE_SIZE_FIELD_NUMBER: _ClassVar[int]
    PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    page_size: int
    page_token: str
    def __init__(self, page_size: _Optional[int] = ..., page_token: _Optional[str] = ...) -> None: ...

class ListRateCardsResponse(_message.Message):
    __slots__ = ("rate_cards", "next_page_token")
    RATE_CARDS_FIELD_NUMBER: _ClassVar[int]
    NEXT_PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    rate_cards: _containers.RepeatedCompositeFieldContainer[RateCard]
    next_page_token: str
    def __init__(self, rate_cards: _Optional[_Iterable[_Union[RateCard, _Mapping]]] = ..., next_page_token: _Optional[str] = ...) -> None: ...

class UpdateRateCardRequest(_message.Message):
    __slots__ = ("rate_card", "update_mask")
    RATE_CARD_FIELD_NUMBER: _ClassVar[int]
    UPDATE_MASK_FIELD_NUMBER: _ClassVar[int]
    rate_card: RateCard
    update_mask: _field_mask_pb2.FieldMask
    def __init__(self, rate_card: _Optional[_Union[RateCard, _Mapping]] = ..., update_mask: _Optional[_Union[_field_mask_pb2.FieldMask, _Mapping]] = ...) -> None: ...

class ListRatesRequest(_message.Message):
    __slots__ = ("parent", "page_size", "page_token", "channel", "destination")
    PARENT_FIELD_NUMBER: _ClassVar[int]
    PAGE_SIZE_FIELD_NUMBER: _ClassVar[int]
    PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    CHANNEL_FIELD_NUMBER: _ClassVar[int]
    DESTINATION_FIELD_NUMBER: _ClassVar[int]
    parent: str
    page_size: int
    page_token: str
    channel: _wallet_pb2.Channel
    destination: str
    def __init__(self, parent: _Optional[str] = ..., page_size: _Optional[int] = ..., page_token: _Optional[str] = ..., channel: _Optional[_Union[_wallet_pb2.Channel, str]] = ..., destination: _Optional[str] = ...) -> None: ...

class ListRatesResponse(_message.Message):
    __slots__ = ("rates", "next_page_token")
    RATES_FIELD_NUMBER: _ClassVar[int]
    NEXT_PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    rates: _containers.RepeatedCompositeFieldContainer[Rate]
    next_page_token: str
    def __init__(self, rates: _Optional[_Iterable[_Union[Rate, _Mapping]]] = ..., next_page_token: _Optional[str] = ...) -> None: ...

class BatchUpdateRatesRequest(_message.Message):
    __slots__ = ("parent", "rates", "validate_only")
    PARENT_FIELD_NUMBER: _ClassVar[int]
    RATES_FIELD_NUMBER: _ClassVar[int]
    VALIDATE_ONLY_FIELD_NUMBER: _ClassVar[int]
    parent: str
    rates: _containers.RepeatedCompositeFieldContainer[Rate]
    validate_only: bool
    def __init__(self, parent: _Optional[str] = ..., rates: _Optional[_Iterable[_Union[Rate, _Mapping]]] = ..., validate_only: _Optional[bool] = ...) -> None: ...

class BatchUpdateRatesResponse(_message.Message):
    __slots__ = ("changes", "rate_card")
    CHANGES_FIELD_NUMBER: _ClassVar[int]
    RATE_CARD_FIELD_NUMBER: _ClassVar[int]
    changes: RateChanges
    rate_card: RateCard
    def __init__(self, changes: _Optional[_Union[RateChanges, _Mapping]] = ..., rate_card: _Optional[_Union[RateCard, _Mapping]] = ...) -> None: ...

class ImportRatesSettings(_message.Message):
    __slots__ = ("parent", "channel", "variant", "currency_code", "effective_time", "keep_unlisted", "validate_only", "columns", "date_format")
    class ColumnsEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: str
        def __init__(self, key: _Optional[str] = ..., value: _Optional[str] = ...) -> None: ...
    PARENT_FIELD_NUMBER: _ClassVar[int]
    CHANNEL_FIELD_NUMBER: _ClassVar[int]
    VARIANT_FIELD_NUMBER: _ClassVar[int]
    CURRENCY_CODE_FIELD_NUMBER: _ClassVar[int]
    EFFECTIVE_TIME_FIELD_NUMBER: _ClassVar[int]
    KEEP_UNLISTED_FIELD_NUMBER: _ClassVar[int]
    VALIDATE_ONLY_FIELD_NUMBER: _ClassVar[int]
    COLUMNS_FIELD_NUMBER: _ClassVar[int]
    DATE_FORMAT_FIELD_NUMBER: _ClassVar[int]
    parent: str
    channel: _wallet_pb2.Channel
    variant: str
    currency_code: str
    effective_time: _timestamp_pb2.Timestamp
    keep_unlisted: bool
    validate_only: bool
    columns: _containers.ScalarMap[str, str]
    date_format: str
    def __init__(self, parent: _Optional[str] = ..., channel: _Optional[_Union[_wallet_pb2.Channel, str]] = ..., variant: _Optional[str] = ..., currency_code: _Optional[str] = ..., effective_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., keep_unlisted: _Optional[bool] = ..., validate_only: _Optional[bool] = ..., columns: _Optional[_Mapping[str, str]] = ..., date_format: _Optional[str] = ...) -> None: ...

class ImportRatesRequest(_message.Message):
    __slots__ = ("settings", "chunk")
    SETTINGS_FIELD_NUMBER: _ClassVar[int]
    CHUNK_FIELD_NUMBER: _ClassVar[int]
    settings: ImportRatesSettings
    chunk: bytes
    def __init__(self, settings: _Optional[_Union[ImportRatesSettings, _Mapping]] = ..., chunk: _Optional[bytes] = ...) -> None: ...

class RateChanges(_message.Message):
    __slots__ = ("added", "changed", "removed", "unchanged", "price_jumps")
    ADDED_FIELD_NUMBER: _ClassVar[int]
    CHANGED_FIELD_NUMBER: _ClassVar[int]
    REMOVED_FIELD_NUMBER: _ClassVar[int]
    UNCHANGED_FIELD_NUMBER: _ClassVar[int]
    PRICE_JUMPS_FIELD_NUMBER: _ClassVar[int]
    added: int
    changed: int
    removed: int
    unchanged: int
    price_jumps: _containers.RepeatedCompositeFieldContainer[PriceJump]
    def __init__(self, added: _Optional[int] = ..., changed: _Optional[int] = ..., removed: _Optional[int] = ..., unchanged: _Optional[int] = ..., price_jumps: _Optional[_Iterable[_Union[PriceJump, _Mapping]]] = ...) -> None: ...

class PriceJump(_message.Message):
    __slots__ = ("rate", "description", "old_unit_price_micros", "new_unit_price_micros", "percent")
    RATE_FIELD_NUMBER: _ClassVar[int]
    DESCRIPTION_FIELD_NUMBER: _ClassVar[int]
    OLD_UNIT_PRICE_MICROS_FIELD_NUMBER: _ClassVar[int]
    NEW_UNIT_PRICE_MICROS_FIELD_NUMBER: _ClassVar[int]
    PERCENT_FIELD_NUMBER: _ClassVar[int]
    rate: str
    description: str
    old_unit_price_micros: int
    new_unit_price_micros: int
    percent: float
    def __init__(self, rate: _Optional[str] = ..., description: _Optional[str] = ..., old_unit_price_micros: _Optional[int] = ..., new_unit_price_micros: _Optional[int] = ..., percent: _Optional[float] = ...) -> None: ...

class ImportRatesResponse(_message.Message):
    __slots__ = ("imported", "rows", "changes", "bad_rows", "bad_rows_found", "rate_card", "ignored_columns")
    IMPORTED_FIELD_NUMBER: _ClassVar[int]
    ROWS_FIELD_NUMBER: _ClassVar[int]
    CHANGES_FIELD_NUMBER: _ClassVar[int]
    BAD_ROWS_FIELD_NUMBER: _ClassVar[int]
    BAD_ROWS_FOUND_FIELD_NUMBER: _ClassVar[int]
    RATE_CARD_FIELD_NUMBER: _ClassVar[int]
    IGNORED_COLUMNS_FIELD_NUMBER: _ClassVar[int]
    imported: bool
    rows: int
    changes: RateChanges
    bad_rows: _containers.RepeatedCompositeFieldContainer[BadRow]
    bad_rows_found: int
    rate_card: RateCard
    ignored_columns: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, imported: _Optional[bool] = ..., rows: _Optional[int] = ..., changes: _Optional[_Union[RateChanges, _Mapping]] = ..., bad_rows: _Optional[_Iterable[_Union[BadRow, _Mapping]]] = ..., bad_rows_found: _Optional[int] = ..., rate_card: _Optional[_Union[RateCard, _Mapping]] = ..., ignored_columns: _Optional[_Iterable[str]] = ...) -> None: ...

class BadRow(_message.Message):
    __slots__ = ("line", "column", "description")
    LINE_FIELD_NUMBER: _ClassVar[int]
    COLUMN_FIELD_NUMBER: _ClassVar[int]
    DESCRIPTION_FIELD_NUMBER: _ClassVar[int]
    line: int
    column: str
    description: str
    def __init__(self, line: _Optional[int] = ..., column: _Optional[str] = ..., description: _Optional[str] = ...) -> None: ...

class ExportRatesRequest(_message.Message):
    __slots__ = ("name", "channel")
    NAME_FIELD_NUMBER: _ClassVar[int]
    CHANNEL_FIELD_NUMBER: _ClassVar[int]
    name: str
    channel: _wallet_pb2.Channel
    def __init__(self, name: _Optional[str] = ..., channel: _Optional[_Union[_wallet_pb2.Channel, str]] = ...) -> None: ...

class ExportRatesResponse(_message.Message):
    __slots__ = ("csv",)
    CSV_FIELD_NUMBER: _ClassVar[int]
    csv: str
    def __init__(self, csv: _Optional[str] = ...) -> None: ...

class QuotePriceRequest(_message.Message):
    __slots__ = ("rate_card", "company", "usage")
    RATE_CARD_FIELD_NUMBER: _ClassVar[int]
    COMPANY_FIELD_NUMBER: _ClassVar[int]
    USAGE_FIELD_NUMBER: _ClassVar[int]
    rate_card: str
    company: str
    usage: _wallet_pb2.Usage
    def __init__(self, rate_card: _Optional[str] = ..., company: _Optional[str] = ..., usage: _Optional[_Union[_wallet_pb2.Usage, _Mapping]] = ...) -> None: ...

class QuotePriceResponse(_message.Message):
    __slots__ = ("amount_micros", "currency_code", "price")
    AMOUNT_MICROS_FIELD_NUMBER: _ClassVar[int]
    CURRENCY_CODE_FIELD_NUMBER: _ClassVar[int]
    PRICE_FIELD_NUMBER: _ClassVar[int]
    amount_micros: int
    currency_code: str
    price: _wallet_pb2.Price
    def __init__(self, amount_micros: _Optional[int] = ..., currency_code: _Optional[str] = ..., price: _Optional[_Union[_wallet_pb2.Price, _Mapping]] = ...) -> None: ...
