import datetime

from buf.validate import validate_pb2 as _validate_pb2
from google.protobuf import duration_pb2 as _duration_pb2
from google.rpc import status_pb2 as _status_pb2
from veloconnect.wallet.v1 import wallet_pb2 as _wallet_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class ChargeRequest(_message.Message):
    __slots__ = ("company", "idempotency_key", "usage", "amount_micros")
    COMPANY_FIELD_NUMBER: _ClassVar[int]
    IDEMPOTENCY_KEY_FIELD_NUMBER: _ClassVar[int]
    USAGE_FIELD_NUMBER: _ClassVar[int]
    AMOUNT_MICROS_FIELD_NUMBER: _ClassVar[int]
    company: str
    idempotency_key: str
    usage: _wallet_pb2.Usage
    amount_micros: int
    def __init__(self, company: _Optional[str] = ..., idempotency_key: _Optional[str] = ..., usage: _Optional[_Union[_wallet_pb2.Usage, _Mapping]] = ..., amount_micros: _Optional[int] = ...) -> None: ...

class ChargeResponse(_message.Message):
    __slots__ = ("transaction", "wallet")
    TRANSACTION_FIELD_NUMBER: _ClassVar[int]
    WALLET_FIELD_NUMBER: _ClassVar[int]
    transaction: _wallet_pb2.Transaction
    wallet: _wallet_pb2.Wallet
    def __init__(self, transaction: _Optional[_Union[_wallet_pb2.Transaction, _Mapping]] = ..., wallet: _Optional[_Union[_wallet_pb2.Wallet, _Mapping]] = ...) -> None: ...

class BatchChargeRequest(_message.Message):
    __slots__ = ("requests",)
    REQUESTS_FIELD_NUMBER: _ClassVar[int]
    requests: _containers.RepeatedCompositeFieldContainer[ChargeRequest]
    def __init__(self, requests: _Optional[_Iterable[_Union[ChargeRequest, _Mapping]]] = ...) -> None: ...

class ChargeResult(_message.Message):
    __slots__ = ("charge", "status")
    CHARGE_FIELD_NUMBER: _ClassVar[int]
    STATUS_FIELD_NUMBER: _ClassVar[int]
    charge: ChargeResponse
    status: _status_pb2.Status
    def __init__(self, charge: _Optional[_Union[ChargeResponse, _Mapping]] = ..., status: _Optional[_Union[_status_pb2.Status, _Mapping]] = ...) -> None: ...

class BatchChargeResponse(_message.Message):
    __slots__ = ("results",)
    RESULTS_FIELD_NUMBER: _ClassVar[int]
    results: _containers.RepeatedCompositeFieldContainer[ChargeResult]
    def __init__(self, results: _Optional[_Iterable[_Union[ChargeResult, _Mapping]]] = ...) -> None: ...

class StreamChargesRequest(_message.Message):
    __slots__ = ("batch_id", "requests")
    BATCH_ID_FIELD_NUMBER: _ClassVar[int]
    REQUESTS_FIELD_NUMBER: _ClassVar[int]
    batch_id: str
    requests: _containers.RepeatedCompositeFieldContainer[ChargeRequest]
    def __init__(self, batch_id: _Optional[str] = ..., requests: _Optional[_Iterable[_Union[ChargeRequest, _Mapping]]] = ...) -> None: ...

class StreamChargesResponse(_message.Message):
    __slots__ = ("batch_id", "results")
    BATCH_ID_FIELD_NUMBER: _ClassVar[int]
    RESULTS_FIELD_NUMBER: _ClassVar[int]
    batch_id: str
    results: _containers.RepeatedCompositeFieldContainer[ChargeResult]
    def __init__(self, batch_id: _Optional[str] = ..., results: _Optional[_Iterable[_Union[ChargeResult, _Mapping]]] = ...) -> None: ...

class AuthorizeRequest(_message.Message):
    __slots__ = ("company", "idempotency_key", "usage", "amount_micros", "ttl")
    COMPANY_FIELD_NUMBER: _ClassVar[int]
    IDEMPOTENCY_KEY_FIELD_NUMBER: _ClassVar[int]
    USAGE_FIELD_NUMBER: _ClassVar[int]
    AMOUNT_MICROS_FIELD_NUMBER: _ClassVar[int]
    TTL_FIELD_NUMBER: _ClassVar[int]
    company: str
    idempotency_key: str
    usage: _wallet_pb2.Usage
    amount_micros: int
    ttl: _duration_pb2.Duration
    def __init__(self, company: _Optional[str] = ..., idempotency_key: _Optional[str] = ..., usage: _Optional[_Union[_wallet_pb2.Usage, _Mapping]] = ..., amount_micros: _Optional[int] = ..., ttl: _Optional[_Union[datetime.timedelta, _duration_pb2.Duration, _Mapping]] = ...) -> None: ...

class IncrementAuthorizationRequest(_message.Message):
    __slots__ = ("authorization", "idempotency_key", "usage", "amount_micros")
    AUTHORIZATION_FIELD_NUMBER: _ClassVar[int]
    IDEMPOTENCY_KEY_FIELD_NUMBER: _ClassVar[int]
    USAGE_FIELD_NUMBER: _ClassVar[int]
    AMOUNT_MICROS_FIELD_NUMBER: _ClassVar[int]
    authorization: str
    idempotency_key: str
    usage: _wallet_pb2.Usage
    amount_micros: int
    def __init__(self, authorization: _Optional[str] = ..., idempotency_key: _Optional[str] = ..., usage: _Optional[_Union[_wallet_pb2.Usage, _Mapping]] = ..., amount_micros: _Optional[int] = ...) -> None: ...

class CaptureRequest(_message.Message):
    __slots__ = ("authorization", "idempotency_key", "usage", "amount_micros", "keep_open")
    AUTHORIZATION_FIELD_NUMBER: _ClassVar[int]
    IDEMPOTENCY_KEY_FIELD_NUMBER: _ClassVar[int]
    USAGE_FIELD_NUMBER: _ClassVar[int]
    AMOUNT_MICROS_FIELD_NUMBER: _ClassVar[int]
    KEEP_OPEN_FIELD_NUMBER: _ClassVar[int]
    authorization: str
    idempotency_key: str
    usage: _wallet_pb2.Usage
    amount_micros: int
    keep_open: bool
    def __init__(self, authorization: _Optional[str] = ..., idempotency_key: _Optional[str] = ..., usage: _Optional[_Union[_wallet_pb2.Usage, _Mapping]] = ..., amount_micros: _Optional[int] = ..., keep_open: _Optional[bool] = ...) -> None: ...

class CaptureResponse(_message.Message):
    __slots__ = ("transaction", "authorization", "wallet")
    TRANSACTION_FIELD_NUMBER: _ClassVar[int]
    AUTHORIZATION_FIELD_NUMBER: _ClassVar[int]
    WALLET_FIELD_NUMBER: _ClassVar[int]
    transaction: _wallet_pb2.Transaction
    authorization: _wallet_pb2.Authorization
    wallet: _wallet_pb2.Wallet
    def __init__(self, transaction: _Optional[_Union[_wallet_pb2.Transaction, _Mapping]] = ..., authorization: _Optional[_Union[_wallet_pb2.Authorization, _Mapping]] = ..., wallet: _Optional[_Union[_wallet_pb2.Wallet, _Mapping]] = ...) -> None: ...

class VoidRequest(_message.Message):
    __slots__ = ("authorization", "idempotency_key")
    AUTHORIZATION_FIELD_NUMBER: _ClassVar[int]
    IDEMPOTENCY_KEY_FIELD_NUMBER: _ClassVar[int]
    authorization: str
    idempotency_key: str
    def __init__(self, authorization: _Optional[str] = ..., idempotency_key: _Optional[str] = ...) -> None: ...

class ReportDeliveryRequest(_message.Message):
    __slots__ = ("transaction", "status", "carrier_code", "delivered_count", "total_count")
    TRANSACTION_FIELD_NUMBER: _ClassVar[int]
    STATUS_FIELD_NUMBER: _ClassVar[int]
    CARRIER_CODE_FIELD_NUMBER: _ClassVar[int]
    DELIVERED_COUNT_FIELD_NUMBER: _ClassVar[int]
    TOTAL_COUNT_FIELD_NUMBER: _ClassVar[int]
    transaction: str
    status: _wallet_pb2.DeliveryStatus
    carrier_code: str
    delivered_count: int
    total_count: int
    def __init__(self, transaction: _Optional[str] = ..., status: _Optional[_Union[_wallet_pb2.DeliveryStatus, str]] = ..., carrier_code: _Optional[str] = ..., delivered_count: _Optional[int] = ..., total_count: _Optional[int] = ...) -> None: ...

class ReportDeliveryResponse(_message.Message):
    __slots__ = ("outcome", "refund_transaction", "refund_case")
    class Outcome(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
        __slots__ = ()
        OUTCOME_UNSPECIFIED: _ClassVar[ReportDeliveryResponse.Outcome]
        OUTCOME_NOTHING_TO_REFUND: _ClassVar[ReportDeliveryResponse.Outcome]
        OUTCOME_REFUNDED: _ClassVar[ReportDeliveryResponse.Outcome]
        OUTCOME_CASE_OPENED: _ClassVar[ReportDeliveryResponse.Outcome]
    OUTCOME_UNSPECIFIED: ReportDeliveryResponse.Outcome
    OUTCOME_NOTHING_TO_REFUND: ReportDeliveryResponse.Outcome
    OUTCOME_REFUNDED: ReportDeliveryResponse.Outcome
    OUTCOME_CASE_OPENED: ReportDeliveryResponse.Outcome
    OUTCOME_FIELD_NUMBER: _ClassVar[int]
    REFUND_TRANSACTION_FIELD_NUMBER: _ClassVar[int]
    REFUND_CASE_FIELD_NUMBER: _ClassVar[int]
    outcome: ReportDeliveryResponse.Outcome
    refund_transaction: _wallet_pb2.Transaction
    refund_case: str
    def __init__(self, outcome: _Optional[_Union[ReportDeliveryResponse.Outcome, str]] = ..., refund_transaction: _Optional[_Union[_wallet_pb2.Transaction, _Mapping]] = ..., refund_case: _Optional[str] = ...) -> None: ...

class GetAuthorizationRequest(_message.Message):
    __slots__ = ("name",)
    NAME_FIELD_NUMBER: _ClassVar[int]
    name: str
    def __init__(self, name: _Optional[str] = ...) -> None: ...

class GetWalletRequest(_message.Message):
    __slots__ = ("name",)
    NAME_FIELD_NUMBER: _ClassVar[int]
    name: str
    def __init__(self, name: _Optional[str] = ...) -> None: ...
