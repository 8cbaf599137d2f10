import datetime

from buf.validate import validate_pb2 as _validate_pb2
from google.protobuf import field_mask_pb2 as _field_mask_pb2
from google.protobuf import timestamp_pb2 as _timestamp_pb2
from veloconnect.admin.v1 import top_up_pb2 as _top_up_pb2
from veloconnect.admin.v1 import transaction_pb2 as _transaction_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class TaxTreatment(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    TAX_TREATMENT_UNSPECIFIED: _ClassVar[TaxTreatment]
    TAX_TREATMENT_NONE: _ClassVar[TaxTreatment]
    TAX_TREATMENT_INCLUDED: _ClassVar[TaxTreatment]
    TAX_TREATMENT_REVERSE_CHARGE: _ClassVar[TaxTreatment]
TAX_TREATMENT_UNSPECIFIED: TaxTreatment
TAX_TREATMENT_NONE: TaxTreatment
TAX_TREATMENT_INCLUDED: TaxTreatment
TAX_TREATMENT_REVERSE_CHARGE: TaxTreatment

class Seller(_message.Message):
    __slots__ = ("name", "legal_name", "address_lines", "tax_id", "email", "number_prefix", "footer")
    NAME_FIELD_NUMBER: _ClassVar[int]
    LEGAL_NAME_FIELD_NUMBER: _ClassVar[int]
    ADDRESS_LINES_FIELD_NUMBER: _ClassVar[int]
    TAX_ID_FIELD_NUMBER: _ClassVar[int]
    EMAIL_FIELD_NUMBER: _ClassVar[int]
    NUMBER_PREFIX_FIELD_NUMBER: _ClassVar[int]
    FOOTER_FIELD_NUMBER: _ClassVar[int]
    name: str
    legal_name: str
    address_lines: _containers.RepeatedScalarFieldContainer[str]
    tax_id: str
    email: str
    number_prefix: str
    footer: str
    def __init__(self, name: _Optional[str] = ..., legal_name: _Optional[str] = ..., address_lines: _Optional[_Iterable[str]] = ..., tax_id: _Optional[str] = ..., email: _Optional[str] = ..., number_prefix: _Optional[str] = ..., footer: _Optional[str] = ...) -> None: ...

class BillingProfile(_message.Message):
    __slots__ = ("name", "legal_name", "address_lines", "country_code", "tax_id", "tax_treatment", "tax_rate_basis_points", "tax_label", "tax_note")
    NAME_FIELD_NUMBER: _ClassVar[int]
    LEGAL_NAME_FIELD_NUMBER: _ClassVar[int]
    ADDRESS_LINES_FIELD_NUMBER: _ClassVar[int]
    COUNTRY_CODE_FIELD_NUMBER: _ClassVar[int]
    TAX_ID_FIELD_NUMBER: _ClassVar[int]
    TAX_TREATMENT_FIELD_NUMBER: _ClassVar[int]
    TAX_RATE_BASIS_POINTS_FIELD_NUMBER: _ClassVar[int]
    TAX_LABEL_FIELD_NUMBER: _ClassVar[int]
    TAX_NOTE_FIELD_NUMBER: _ClassVar[int]
    name: str
    legal_name: str
    address_lines: _containers.RepeatedScalarFieldContainer[str]
    country_code: str
    tax_id: str
    tax_treatment: TaxTreatment
    tax_rate_basis_points: int
    tax_label: str
    tax_note: str
    def __init__(self, name: _Optional[str] = ..., legal_name: _Optional[str] = ..., address_lines: _Optional[_Iterable[str]] = ..., country_code: _Optional[str] = ..., tax_id: _Optional[str] = ..., tax_treatment: _Optional[_Union[TaxTreatment, str]] = ..., tax_rate_basis_points: _Optional[int] = ..., tax_label: _Optional[str] = ..., tax_note: _Optional[str] = ...) -> None: ...

class GetSellerRequest(_message.Message):
    __slots__ = ("name",)
    NAME_FIELD_NUMBER: _ClassVar[int]
    name: str
    def __init__(self, name: _Optional[str] = ...) -> None: ...

class UpdateSellerRequest(_message.Message):
    __slots__ = ("seller", "update_mask")
    SELLER_FIELD_NUMBER: _ClassVar[int]
    UPDATE_MASK_FIELD_NUMBER: _ClassVar[int]
    seller: Seller
    update_mask: _field_mask_pb2.FieldMask
    def __init__(self, seller: _Optional[_Union[Seller, _Mapping]] = ..., update_mask: _Optional[_Union[_field_mask_pb2.FieldMask, _Mapping]] = ...) -> None: ...

class GetBillingProfileRequest(_message.Message):
    __slots__ = ("name",)
    NAME_FIELD_NUMBER: _ClassVar[int]
    name: str
    def __init__(self, name: _Optional[str] = ...) -> None: ...

class UpdateBillingProfileRequest(_message.Message):
    __slots__ = ("billing_profile", "update_mask")
    BILLING_PROFILE_FIELD_NUMBER: _ClassVar[int]
    UPDATE_MASK_FIELD_NUMBER: _ClassVar[int]
    billing_profile: BillingProfile
    update_mask: _field_mask_pb2.FieldMask
    def __init__(self, billing_profile: _Optional[_Union[BillingProfile, _Mapping]] = ..., update_mask: _Optional[_Union[_field_mask_pb2.FieldMask, _Mapping]] = ...) -> None: ...

class Receipt(_message.Message):
    __slots__ = ("name", "number", "transaction", "issue_time", "payment_time", "currency_code", "amount_micros", "net_amount_micros", "tax_amount_micros", "reference", "seller", "buyer", "kind", "original_receipt", "original_number", "method", "card_brand", "card_last4")
    class Kind(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
        __slots__ = ()
        KIND_UNSPECIFIED: _ClassVar[Receipt.Kind]
        KIND_TOP_UP: _ClassVar[Receipt.Kind]
        KIND_CREDIT_NOTE: _ClassVar[Receipt.Kind]
        KIND_REINSTATEMENT: _ClassVar[Receipt.Kind]
    KIND_UNSPECIFIED: Receipt.Kind
    KIND_TOP_UP: Receipt.Kind
    KIND_CREDIT_NOTE: Receipt.Kind
    KIND_REINSTATEMENT: Receipt.Kind
    NAME_FIELD_NUMBER: _ClassVar[int]
    NUMBER_FIELD_NUMBER: _ClassVar[int]
    TRANSACTION_FIELD_NUMBER: _ClassVar[int]
    ISSUE_TIME_FIELD_NUMBER: _ClassVar[int]
    PAYMENT_TIME_FIELD_NUMBER: _ClassVar[int]
    CURRENCY_CODE_FIELD_NUMBER: _ClassVar[int]
    AMOUNT_MICROS_FIELD_NUMBER: _ClassVar[int]
    NET_AMOUNT_MICROS_FIELD_NUMBER: _ClassVar[int]
    TAX_AMOUNT_MICROS_FIELD_NUMBER: _ClassVar[int]
    REFERENCE_FIELD_NUMBER: _ClassVar[int]
    SELLER_FIELD_NUMBER: _ClassVar[int]
    BUYER_FIELD_NUMBER: _ClassVar[int]
    KIND_FIELD_NUMBER: _ClassVar[int]
    ORIGINAL_RECEIPT_FIELD_NUMBER: _ClassVar[int]
    ORIGINAL_NUMBER_FIELD_NUMBER: _ClassVar[int]
    METHOD_FIELD_NUMBER: _ClassVar[int]
    CARD_BRAND_FIELD_NUMBER: _ClassVar[int]
    CARD_LAST4_FIELD_NUMBER: _ClassVar[int]
    name: str
    number: str
    transaction: str
    issue_time: _timestamp_pb2.Timestamp
    payment_time: _timestamp_pb2.Timestamp
    currency_code: str
    amount_micros: int
    net_amount_micros: int
    tax_amount_micros: int
    reference: str
    seller: Seller
    buyer: BillingProfile
    kind: Receipt.Kind
    original_receipt: str
    original_number: str
    method: _top_up_pb2.TopUp.Method
    card_brand: str
    card_last4: str
    def __init__(self, name: _Optional[str] = ..., number: _Optional[str] = ..., transaction: _Optional[str] = ..., issue_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., payment_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., currency_code: _Optional[str] = ..., amount_micros: _Optional[int] = ..., net_amount_micros: _Optional[int] = ..., tax_amount_micros: _Optional[int] = ..., reference: _Optional[str] = ..., seller: _Optional[_Union[Seller, _Mapping]] = ..., buyer: _Optional[_Union[BillingProfile, _Mapping]] = ..., kind: _Optional[_Union[Receipt.Kind, str]] = ..., original_receipt: _Optional[str] = ..., original_number: _Optional[str] = ..., method: _Optional[_Union[_top_up_pb2.TopUp.Method, str]] = ..., card_brand: _Optional[str] = ..., card_last4: _Optional[str] = ...) -> None: ...

class GetReceiptRequest(_message.Message):
    __slots__ = ("name",)
    NAME_FIELD_NUMBER: _ClassVar[int]
    name: str
    def __init__(self, name: _Optional[str] = ...) -> None: ...

class GetReceiptPdfRequest(_message.Message):
    __slots__ = ("name",)
    NAME_FIELD_NUMBER: _ClassVar[int]
    name: str
    def __init__(self, name: _Optional[str] = ...) -> None: ...

class ListReceiptsRequest(_message.Message):
    __slots__ = ("parent", "page_size", "page_token", "number")
    PARENT_FIELD_NUMBER: _ClassVar[int]
    PAGE_SIZE_FIELD_NUMBER: _ClassVar[int]
    PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    NUMBER_FIELD_NUMBER: _ClassVar[int]
    parent: str
    page_size: int
    page_token: str
    number: str
    def __init__(self, parent: _Optional[str] = ..., page_size: _Optional[int] = ..., page_token: _Optional[str] = ..., number: _Optional[str] = ...) -> None: ...

class ListReceiptsResponse(_message.Message):
    __slots__ = ("receipts", "next_page_token")
    RECEIPTS_FIELD_NUMBER: _ClassVar[int]
    NEXT_PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    receipts: _containers.RepeatedCompositeFieldContainer[Receipt]
    next_page_token: str
    def __init__(self, receipts: _Optional[_Iterable[_Union[Receipt, _Mapping]]] = ..., next_page_token: _Optional[str] = ...) -> None: ...

class Pdf(_message.Message):
    __slots__ = ("file_name", "content_type", "content")
    FILE_NAME_FIELD_NUMBER: _ClassVar[int]
    CONTENT_TYPE_FIELD_NUMBER: _ClassVar[int]
    CONTENT_FIELD_NUMBER: _ClassVar[int]
    file_name: str
    content_type: str
    content: bytes
    def __init__(self, file_name: _Optional[str] = ..., content_type: _Optional[str] = ..., content: _Optional[bytes] = ...) -> None: ...

class GetStatementRequest(_message.Message):
    __slots__ = ("name",)
    NAME_FIELD_NUMBER: _ClassVar[int]
    name: str
    def __init__(self, name: _Optional[str] = ...) -> None: ...

class GetStatementPdfRequest(_message.Message):
    __slots__ = ("name",)
    NAME_FIELD_NUMBER: _ClassVar[int]
    name: str
    def __init__(self, name: _Optional[str] = ...) -> None: ...

class Statement(_message.Message):
    __slots__ = ("name", "start_time", "end_time", "currency_code", "provisional", "read_time", "opening_balance_micros", "closing_balance_micros", "opening_held_micros", "closing_held_micros", "top_up_count", "top_up_micros", "charge_count", "charged_micros", "refund_count", "refunded_micros", "adjustment_count", "adjusted_micros", "adjustments", "usage", "last_transaction")
    NAME_FIELD_NUMBER: _ClassVar[int]
    START_TIME_FIELD_NUMBER: _ClassVar[int]
    END_TIME_FIELD_NUMBER: _ClassVar[int]
    CURRENCY_CODE_FIELD_NUMBER: _ClassVar[int]
    PROVISIONAL_FIELD_NUMBER: _ClassVar[int]
    READ_TIME_FIELD_NUMBER: _ClassVar[int]
    OPENING_BALANCE_MICROS_FIELD_NUMBER: _ClassVar[int]
    CLOSING_BALANCE_MICROS_FIELD_NUMBER: _ClassVar[int]
    OPENING_HELD_MICROS_FIELD_NUMBER: _ClassVar[int]
    CLOSING_HELD_MICROS_FIELD_NUMBER: _ClassVar[int]
    TOP_UP_COUNT_FIELD_NUMBER: _ClassVar[int]
    TOP_UP_MICROS_FIELD_NUMBER: _ClassVar[int]
    CHARGE_COUNT_FIELD_NUMBER: _ClassVar[int]
    CHARGED_MICROS_FIELD_NUMBER: _ClassVar[int]
    REFUND_COUNT_FIELD_NUMBER: _ClassVar[int]
    REFUNDED_MICROS_FIELD_NUMBER: _ClassVar[int]
    ADJUSTMENT_COUNT_FIELD_NUMBER: _ClassVar[int]
    ADJUSTED_MICROS_FIELD_NUMBER: _ClassVar[int]
    ADJUSTMENTS_FIELD_NUMBER: _ClassVar[int]
    USAGE_FIELD_NUMBER: _ClassVar[int]
    LAST_TRANSACTION_FIELD_NUMBER: _ClassVar[int]
    name: str
    start_time: _timestamp_pb2.Timestamp
    end_time: _timestamp_pb2.Timestamp
    currency_code: str
    provisional: bool
    read_time: _timestamp_pb2.Timestamp
    opening_balance_micros: int
    closing_balance_micros: int
    opening_held_micros: int
    closing_held_micros: int
    top_up_count: int
    top_up_micros: int
    charge_count: int
    charged_micros: int
    refund_count: int
    refunded_micros: int
    adjustment_count: int
    adjusted_micros: int
    adjustments: _containers.RepeatedCompositeFieldContainer[AdjustmentLine]
    usage: _containers.RepeatedCompositeFieldContainer[_transaction_pb2.UsageLine]
    last_transaction: str
    def __init__(self, name: _Optional[str] = ..., start_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., end_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., currency_code: _Optional[str] = ..., provisional: _Optional[bool] = ..., read_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., opening_balance_micros: _Optional[int] = ..., closing_balance_micros: _Optional[int] = ..., opening_held_micros: _Optional[int] = ..., closing_held_micros: _Optional[int] = ..., top_up_count: _Optional[int] = ..., top_up_micros: _Optional[int] = ..., charge_count: _Optional[int] = ..., charged_micros: _Optional[int] = ..., refund_count: _Optional[int] = ..., refunded_micros: _Optional[int] = ..., adjustment_count: _Optional[int] = ..., adjusted_micros: _Optional[int] = ..., adjustments: _Optional[_Iterable[_Union[AdjustmentLine, _Mapping]]] = ..., usage: _Optional[_Iterable[_Union[_transaction_pb2.UsageLine, _Mapping]]] = ..., last_transaction: _Optional[str] = ...) -> None: ...

class AdjustmentLine(_message.Message):
    __slots__ = ("reason", "count", "amount_micros")
    REASON_FIELD_NUMBER: _ClassVar[int]
    COUNT_FIELD_NUMBER: _ClassVar[int]
    AMOUNT_MICROS_FIELD_NUMBER: _ClassVar[int]
    reason: str
    count: int
    amount_micros: int
    def __init__(self, reason: _Optional[str] = ..., count: _Optional[int] = ..., amount_micros: _Optional[int] = ...) -> None: ...
