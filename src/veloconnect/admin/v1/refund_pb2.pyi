import datetime

from buf.validate import validate_pb2 as _validate_pb2
from google.protobuf import timestamp_pb2 as _timestamp_pb2
from veloconnect.wallet.v1 import wallet_pb2 as _wallet_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class RefundReason(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    REFUND_REASON_UNSPECIFIED: _ClassVar[RefundReason]
    REFUND_REASON_CARRIER_OUTAGE: _ClassVar[RefundReason]
    REFUND_REASON_FAILED_DELIVERY: _ClassVar[RefundReason]
    REFUND_REASON_PARTIAL_DELIVERY: _ClassVar[RefundReason]
    REFUND_REASON_DUPLICATE_CHARGE: _ClassVar[RefundReason]
    REFUND_REASON_WRONG_PRICE: _ClassVar[RefundReason]
    REFUND_REASON_GOODWILL: _ClassVar[RefundReason]
    REFUND_REASON_OTHER: _ClassVar[RefundReason]
REFUND_REASON_UNSPECIFIED: RefundReason
REFUND_REASON_CARRIER_OUTAGE: RefundReason
REFUND_REASON_FAILED_DELIVERY: RefundReason
REFUND_REASON_PARTIAL_DELIVERY: RefundReason
REFUND_REASON_DUPLICATE_CHARGE: RefundReason
REFUND_REASON_WRONG_PRICE: RefundReason
REFUND_REASON_GOODWILL: RefundReason
REFUND_REASON_OTHER: RefundReason

class Refund(_message.Message):
    __slots__ = ("name", "transaction", "amount_micros", "delivered_count", "total_count", "reason", "requested_by", "reference", "currency_code", "refund_transaction", "create_time")
    NAME_FIELD_NUMBER: _ClassVar[int]
    TRANSACTION_FIELD_NUMBER: _ClassVar[int]
    AMOUNT_MICROS_FIELD_NUMBER: _ClassVar[int]
    DELIVERED_COUNT_FIELD_NUMBER: _ClassVar[int]
    TOTAL_COUNT_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    REQUESTED_BY_FIELD_NUMBER: _ClassVar[int]
    REFERENCE_FIELD_NUMBER: _ClassVar[int]
    CURRENCY_CODE_FIELD_NUMBER: _ClassVar[int]
    REFUND_TRANSACTION_FIELD_NUMBER: _ClassVar[int]
    CREATE_TIME_FIELD_NUMBER: _ClassVar[int]
    name: str
    transaction: str
    amount_micros: int
    delivered_count: int
    total_count: int
    reason: RefundReason
    requested_by: str
    reference: str
    currency_code: str
    refund_transaction: _wallet_pb2.Transaction
    create_time: _timestamp_pb2.Timestamp
    def __init__(self, name: _Optional[str] = ..., transaction: _Optional[str] = ..., amount_micros: _Optional[int] = ..., delivered_count: _Optional[int] = ..., total_count: _Optional[int] = ..., reason: _Optional[_Union[RefundReason, str]] = ..., requested_by: _Optional[str] = ..., reference: _Optional[str] = ..., currency_code: _Optional[str] = ..., refund_transaction: _Optional[_Union[_wallet_pb2.Transaction, _Mapping]] = ..., create_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ...) -> None: ...

class CreateRefundRequest(_message.Message):
    __slots__ = ("parent", "idempotency_key", "refund", "validate_only")
    PARENT_FIELD_NUMBER: _ClassVar[int]
    IDEMPOTENCY_KEY_FIELD_NUMBER: _ClassVar[int]
    REFUND_FIELD_NUMBER: _ClassVar[int]
    VALIDATE_ONLY_FIELD_NUMBER: _ClassVar[int]
    parent: str
    idempotency_key: str
    refund: Refund
    validate_only: bool
    def __init__(self, parent: _Optional[str] = ..., idempotency_key: _Optional[str] = ..., refund: _Optional[_Union[Refund, _Mapping]] = ..., validate_only: _Optional[bool] = ...) -> None: ...

class GetRefundRequest(_message.Message):
    __slots__ = ("name",)
    NAME_FIELD_NUMBER: _ClassVar[int]
    name: str
    def __init__(self, name: _Optional[str] = ...) -> None: ...

class RefundFilter(_message.Message):
    __slots__ = ("company", "start_time", "end_time", "channel", "country_code", "campaign_id", "contact_id")
    COMPANY_FIELD_NUMBER: _ClassVar[int]
    START_TIME_FIELD_NUMBER: _ClassVar[int]
    END_TIME_FIELD_NUMBER: _ClassVar[int]
    CHANNEL_FIELD_NUMBER: _ClassVar[int]
    COUNTRY_CODE_FIELD_NUMBER: _ClassVar[int]
    CAMPAIGN_ID_FIELD_NUMBER: _ClassVar[int]
    CONTACT_ID_FIELD_NUMBER: _ClassVar[int]
    company: str
    start_time: _timestamp_pb2.Timestamp
    end_time: _timestamp_pb2.Timestamp
    channel: _wallet_pb2.Channel
    country_code: str
    campaign_id: str
    contact_id: str
    def __init__(self, company: _Optional[str] = ..., start_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., end_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., channel: _Optional[_Union[_wallet_pb2.Channel, str]] = ..., country_code: _Optional[str] = ..., campaign_id: _Optional[str] = ..., contact_id: _Optional[str] = ...) -> None: ...

class RefundAmount(_message.Message):
    __slots__ = ("currency_code", "amount_micros")
    CURRENCY_CODE_FIELD_NUMBER: _ClassVar[int]
    AMOUNT_MICROS_FIELD_NUMBER: _ClassVar[int]
    currency_code: str
    amount_micros: int
    def __init__(self, currency_code: _Optional[str] = ..., amount_micros: _Optional[int] = ...) -> None: ...

class RefundJob(_message.Message):
    __slots__ = ("name", "filter", "reason", "requested_by", "reference", "state", "listed_count", "expected_count", "expected_amounts", "matched_count", "refunded_count", "refunded_amounts", "already_refunded_count", "failed_count", "failures", "create_time", "update_time", "end_time")
    class State(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
        __slots__ = ()
        STATE_UNSPECIFIED: _ClassVar[RefundJob.State]
        STATE_RUNNING: _ClassVar[RefundJob.State]
        STATE_SUCCEEDED: _ClassVar[RefundJob.State]
        STATE_CANCELED: _ClassVar[RefundJob.State]
    STATE_UNSPECIFIED: RefundJob.State
    STATE_RUNNING: RefundJob.State
    STATE_SUCCEEDED: RefundJob.State
    STATE_CANCELED: RefundJob.State
    class Failure(_message.Message):
        __slots__ = ("transaction", "reason")
        TRANSACTION_FIELD_NUMBER: _ClassVar[int]
        REASON_FIELD_NUMBER: _ClassVar[int]
        transaction: str
        reason: str
        def __init__(self, transaction: _Optional[str] = ..., reason: _Optional[str] = ...) -> None: ...
    NAME_FIELD_NUMBER: _ClassVar[int]
    FILTER_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    REQUESTED_BY_FIELD_NUMBER: _ClassVar[int]
    REFERENCE_FIELD_NUMBER: _ClassVar[int]
    STATE_FIELD_NUMBER: _ClassVar[int]
    LISTED_COUNT_FIELD_NUMBER: _ClassVar[int]
    EXPECTED_COUNT_FIELD_NUMBER: _ClassVar[int]
    EXPECTED_AMOUNTS_FIELD_NUMBER: _ClassVar[int]
    MATCHED_COUNT_FIELD_NUMBER: _ClassVar[int]
    REFUNDED_COUNT_FIELD_NUMBER: _ClassVar[int]
    REFUNDED_AMOUNTS_FIELD_NUMBER: _ClassVar[int]
    ALREADY_REFUNDED_COUNT_FIELD_NUMBER: _ClassVar[int]
    FAILED_COUNT_FIELD_NUMBER: _ClassVar[int]
    FAILURES_FIELD_NUMBER: _ClassVar[int]
    CREATE_TIME_FIELD_NUMBER: _ClassVar[int]
    UPDATE_TIME_FIELD_NUMBER: _ClassVar[int]
    END_TIME_FIELD_NUMBER: _ClassVar[int]
    name: str
    filter: RefundFilter
    reason: RefundReason
    requested_by: str
    reference: str
    state: RefundJob.State
    listed_count: int
    expected_count: int
    expected_amounts: _containers.RepeatedCompositeFieldContainer[RefundAmount]
    matched_count: int
    refunded_count: int
    refunded_amounts: _containers.RepeatedCompositeFieldContainer[RefundAmount]
    already_refunded_count: int
    failed_count: int
    failures: _containers.RepeatedCompositeFieldContainer[RefundJob.Failure]
    create_time: _timestamp_pb2.Timestamp
    update_time: _timestamp_pb2.Timestamp
    end_time: _timestamp_pb2.Timestamp
    def __init__(self, name: _Optional[str] = ..., filter: _Optional[_Union[RefundFilter, _Mapping]] = ..., reason: _Optional[_Union[RefundReason, str]] = ..., requested_by: _Optional[str] = ..., reference: _Optional[str] = ..., state: _Optional[_Union[RefundJob.State, str]] = ..., listed_count: _Optional[int] = ..., expected_count: _Optional[int] = ..., expected_amounts: _Optional[_Iterable[_Union[RefundAmount, _Mapping]]] = ..., matched_count: _Optional[int] = ..., refunded_count: _Optional[int] = ..., refunded_amounts: _Optional[_Iterable[_Union[RefundAmount, _Mapping]]] = ..., already_refunded_count: _Optional[int] = ..., failed_count: _Optional[int] = ..., failures: _Optional[_Iterable[_Union[RefundJob.Failure, _Mapping]]] = ..., create_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., update_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., end_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ...) -> None: ...

class CreateRefundJobRequest(_message.Message):
    __slots__ = ("settings", "names")
    SETTINGS_FIELD_NUMBER: _ClassVar[int]
    NAMES_FIELD_NUMBER: _ClassVar[int]
    settings: CreateRefundJobSettings
    names: TransactionNames
    def __init__(self, settings: _Optional[_Union[CreateRefundJobSettings, _Mapping]] = ..., names: _Optional[_Union[TransactionNames, _Mapping]] = ...) -> None: ...

class CreateRefundJobSettings(_message.Message):
    __slots__ = ("refund_job_id", "refund_job", "validate_only")
    REFUND_JOB_ID_FIELD_NUMBER: _ClassVar[int]
    REFUND_JOB_FIELD_NUMBER: _ClassVar[int]
    VALIDATE_ONLY_FIELD_NUMBER: _ClassVar[int]
    refund_job_id: str
    refund_job: RefundJob
    validate_only: bool
    def __init__(self, refund_job_id: _Optional[str] = ..., refund_job: _Optional[_Union[RefundJob, _Mapping]] = ..., validate_only: _Optional[bool] = ...) -> None: ...

class TransactionNames(_message.Message):
    __slots__ = ("transactions",)
    TRANSACTIONS_FIELD_NUMBER: _ClassVar[int]
    transactions: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, transactions: _Optional[_Iterable[str]] = ...) -> None: ...

class GetRefundJobRequest(_message.Message):
    __slots__ = ("name",)
    NAME_FIELD_NUMBER: _ClassVar[int]
    name: str
    def __init__(self, name: _Optional[str] = ...) -> None: ...

class ListRefundJobsRequest(_message.Message):
    __slots__ = ("page_size", "page_token")
    PAGE_SIZE_FIELD_NUMBER: _ClassVar[int]
    PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    page_size: int
    page_token: str
    def __init__(self, page_size: _Optional[int] = ..., page_token: _Optional[str] = ...) -> None: ...

class ListRefundJobsResponse(_message.Message):
    __slots__ = ("refund_jobs", "next_page_token")
    REFUND_JOBS_FIELD_NUMBER: _ClassVar[int]
    NEXT_PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    refund_jobs: _containers.RepeatedCompositeFieldContainer[RefundJob]
    next_page_token: str
    def __init__(self, refund_jobs: _Optional[_Iterable[_Union[RefundJob, _Mapping]]] = ..., next_page_token: _Optional[str] = ...) -> None: ...

class CancelRefundJobRequest(_message.Message):
    __slots__ = ("name",)
    NAME_FIELD_NUMBER: _ClassVar[int]
    name: str
    def __init__(self, name: _Optional[str] = ...) -> None: ...

class RefundPolicy(_message.Message):
    __slots__ = ("name", "rules", "update_time")
    NAME_FIELD_NUMBER: _ClassVar[int]
    RULES_FIELD_NUMBER: _ClassVar[int]
    UPDATE_TIME_FIELD_NUMBER: _ClassVar[int]
    name: str
    rules: _containers.RepeatedCompositeFieldContainer[RefundRule]
    update_time: _timestamp_pb2.Timestamp
    def __init__(self, name: _Optional[str] = ..., rules: _Optional[_Iterable[_Union[RefundRule, _Mapping]]] = ..., update_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ...) -> None: ...

class RefundRule(_message.Message):
    __slots__ = ("channel", "carrier_code", "action", "description")
    class Action(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
        __slots__ = ()
        ACTION_UNSPECIFIED: _ClassVar[RefundRule.Action]
        ACTION_REFUND: _ClassVar[RefundRule.Action]
        ACTION_OPEN_CASE: _ClassVar[RefundRule.Action]
    ACTION_UNSPECIFIED: RefundRule.Action
    ACTION_REFUND: RefundRule.Action
    ACTION_OPEN_CASE: RefundRule.Action
    CHANNEL_FIELD_NUMBER: _ClassVar[int]
    CARRIER_CODE_FIELD_NUMBER: _ClassVar[int]
    ACTION_FIELD_NUMBER: _ClassVar[int]
    DESCRIPTION_FIELD_NUMBER: _ClassVar[int]
    channel: _wallet_pb2.Channel
    carrier_code: str
    action: RefundRule.Action
    description: str
    def __init__(self, channel: _Optional[_Union[_wallet_pb2.Channel, str]] = ..., carrier_code: _Optional[str] = ..., action: _Optional[_Union[RefundRule.Action, str]] = ..., description: _Optional[str] = ...) -> None: ...

class GetRefundPolicyRequest(_message.Message):
    __slots__ = ("name",)
    NAME_FIELD_NUMBER: _ClassVar[int]
    name: str
    def __init__(self, name: _Optional[str] = ...) -> None: ...

class UpdateRefundPolicyRequest(_message.Message):
    __slots__ = ("refund_policy",)
    REFUND_POLICY_FIELD_NUMBER: _ClassVar[int]
    refund_policy: RefundPolicy
    def __init__(self, refund_policy: _Optional[_Union[RefundPolicy, _Mapping]] = ...) -> None: ...

class RefundCase(_message.Message):
    __slots__ = ("name", "transaction", "description", "requested_by", "state", "origin", "status", "carrier_code", "delivered_count", "total_count", "decision", "refund_transaction", "create_time", "decide_time")
    class State(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
        __slots__ = ()
        STATE_UNSPECIFIED: _ClassVar[RefundCase.State]
        STATE_OPEN: _ClassVar[RefundCase.State]
        STATE_REFUNDING: _ClassVar[RefundCase.State]
        STATE_REFUNDED: _ClassVar[RefundCase.State]
        STATE_REJECTED: _ClassVar[RefundCase.State]
    STATE_UNSPECIFIED: RefundCase.State
    STATE_OPEN: RefundCase.State
    STATE_REFUNDING: RefundCase.State
    STATE_REFUNDED: RefundCase.State
    STATE_REJECTED: RefundCase.State
    class Origin(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
        __slots__ = ()
        ORIGIN_UNSPECIFIED: _ClassVar[RefundCase.Origin]
        ORIGIN_DELIVERY_REPORT: _ClassVar[RefundCase.Origin]
        ORIGIN_CONTRADICTION: _ClassVar[RefundCase.Origin]
        ORIGIN_REQUEST: _ClassVar[RefundCase.Origin]
    ORIGIN_UNSPECIFIED: RefundCase.Origin
    ORIGIN_DELIVERY_REPORT: RefundCase.Origin
    ORIGIN_CONTRADICTION: RefundCase.Origin
    ORIGIN_REQUEST: RefundCase.Origin
    NAME_FIELD_NUMBER: _ClassVar[int]
    TRANSACTION_FIELD_NUMBER: _ClassVar[int]
    DESCRIPTION_FIELD_NUMBER: _ClassVar[int]
    REQUESTED_BY_FIELD_NUMBER: _ClassVar[int]
    STATE_FIELD_NUMBER: _ClassVar[int]
    ORIGIN_FIELD_NUMBER: _ClassVar[int]
    STATUS_FIELD_NUMBER: _ClassVar[int]
    CARRIER_CODE_FIELD_NUMBER: _ClassVar[int]
    DELIVERED_COUNT_FIELD_NUMBER: _ClassVar[int]
    TOTAL_COUNT_FIELD_NUMBER: _ClassVar[int]
    DECISION_FIELD_NUMBER: _ClassVar[int]
    REFUND_TRANSACTION_FIELD_NUMBER: _ClassVar[int]
    CREATE_TIME_FIELD_NUMBER: _ClassVar[int]
    DECIDE_TIME_FIELD_NUMBER: _ClassVar[int]
    name: str
    transaction: str
    description: str
    requested_by: str
    state: RefundCase.State
    origin: RefundCase.Origin
    status: _wallet_pb2.DeliveryStatus
    carrier_code: str
    delivered_count: int
    total_count: int
    decision: RefundDecision
    refund_transaction: str
    create_time: _timestamp_pb2.Timestamp
    decide_time: _timestamp_pb2.Timestamp
    def __init__(self, name: _Optional[str] = ..., transaction: _Optional[str] = ..., description: _Optional[str] = ..., requested_by: _Optional[str] = ..., state: _Optional[_Union[RefundCase.State, str]] = ..., origin: _Optional[_Union[RefundCase.Origin, str]] = ..., status: _Optional[_Union[_wallet_pb2.DeliveryStatus, str]] = ..., carrier_code: _Optional[str] = ..., delivered_count: _Optional[int] = ..., total_count: _Optional[int] = ..., decision: _Optional[_Union[RefundDecision, _Mapping]] = ..., refund_transaction: _Optional[str] = ..., create_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., decide_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ...) -> None: ...

class RefundDecision(_message.Message):
    __slots__ = ("verdict", "amount_micros", "reason", "decided_by", "note")
    class Verdict(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
        __slots__ = ()
        VERDICT_UNSPECIFIED: _ClassVar[RefundDecision.Verdict]
        VERDICT_REFUND: _ClassVar[RefundDecision.Verdict]
        VERDICT_REJECT: _ClassVar[RefundDecision.Verdict]
    VERDICT_UNSPECIFIED: RefundDecision.Verdict
    VERDICT_REFUND: RefundDecision.Verdict
    VERDICT_REJECT: RefundDecision.Verdict
    VERDICT_FIELD_NUMBER: _ClassVar[int]
    AMOUNT_MICROS_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    DECIDED_BY_FIELD_NUMBER: _ClassVar[int]
    NOTE_FIELD_NUMBER: _ClassVar[int]
    verdict: RefundDecision.Verdict
    amount_micros: int
    reason: RefundReason
    decided_by: str
    note: str
    def __init__(self, verdict: _Optional[_Union[RefundDecision.Verdict, str]] = ..., amount_micros: _Optional[int] = ..., reason: _Optional[_Union[RefundReason, str]] = ..., decided_by: _Optional[str] = ..., note: _Optional[str] = ...) -> None: ...

class CreateRefundCaseRequest(_message.Message):
    __slots__ = ("parent", "refund_case_id", "refund_case")
    PARENT_FIELD_NUMBER: _ClassVar[int]
    REFUND_CASE_ID_FIELD_NUMBER: _ClassVar[int]
    REFUND_CASE_FIELD_NUMBER: _ClassVar[int]
    parent: str
    refund_case_id: str
    refund_case: RefundCase
    def __init__(self, parent: _Optional[str] = ..., refund_case_id: _Optional[str] = ..., refund_case: _Optional[_Union[RefundCase, _Mapping]] = ...) -> None: ...

class GetRefundCaseRequest(_message.Message):
    __slots__ = ("name",)
    NAME_FIELD_NUMBER: _ClassVar[int]
    name: str
    def __init__(self, name: _Optional[str] = ...) -> None: ...

class ListRefundCasesRequest(_message.Message):
    __slots__ = ("parent", "state", "transaction", "page_size", "page_token")
    PARENT_FIELD_NUMBER: _ClassVar[int]
    STATE_FIELD_NUMBER: _ClassVar[int]
    TRANSACTION_FIELD_NUMBER: _ClassVar[int]
    PAGE_SIZE_FIELD_NUMBER: _ClassVar[int]
    PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    parent: str
    state: RefundCase.State
    transaction: str
    page_size: int
    page_token: str
    def __init__(self, parent: _Optional[str] = ..., state: _Optional[_Union[RefundCase.State, str]] = ..., transaction: _Optional[str] = ..., page_size: _Optional[int] = ..., page_token: _Optional[str] = ...) -> None: ...

class ListRefundCasesResponse(_message.Message):
    __slots__ = ("refund_cases", "next_page_token")
    REFUND_CASES_FIELD_NUMBER: _ClassVar[int]
    NEXT_PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    refund_cases: _containers.RepeatedCompositeFieldContainer[RefundCase]
    next_page_token: str
    def __init__(self, refund_cases: _Optional[_Iterable[_Union[RefundCase, _Mapping]]] = ..., next_page_token: _Optional[str] = ...) -> None: ...

class DecideRefundCaseRequest(_message.Message):
    __slots__ = ("name", "decision")
    NAME_FIELD_NUMBER: _ClassVar[int]
    DECISION_FIELD_NUMBER: _ClassVar[int]
    name: str
    decision: RefundDecision
    def __init__(self, name: _Optional[str] = ..., decision: _Optional[_Union[RefundDecision, _Mapping]] = ...) -> None: ...
