from buf.validate import validate_pb2 as _validate_pb2
from veloconnect.wallet.v1 import wallet_pb2 as _wallet_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class VerifyLedgerRequest(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class VerifyLedgerResponse(_message.Message):
    __slots__ = ("ok", "wallets_checked", "transactions_checked", "hot_wallets_checked", "problems", "problems_found")
    OK_FIELD_NUMBER: _ClassVar[int]
    WALLETS_CHECKED_FIELD_NUMBER: _ClassVar[int]
    TRANSACTIONS_CHECKED_FIELD_NUMBER: _ClassVar[int]
    HOT_WALLETS_CHECKED_FIELD_NUMBER: _ClassVar[int]
    PROBLEMS_FIELD_NUMBER: _ClassVar[int]
    PROBLEMS_FOUND_FIELD_NUMBER: _ClassVar[int]
    ok: bool
    wallets_checked: int
    transactions_checked: int
    hot_wallets_checked: int
    problems: _containers.RepeatedCompositeFieldContainer[LedgerProblem]
    problems_found: int
    def __init__(self, ok: _Optional[bool] = ..., wallets_checked: _Optional[int] = ..., transactions_checked: _Optional[int] = ..., hot_wallets_checked: _Optional[int] = ..., problems: _Optional[_Iterable[_Union[LedgerProblem, _Mapping]]] = ..., problems_found: _Optional[int] = ...) -> None: ...

class LedgerProblem(_message.Message):
    __slots__ = ("company", "check", "detail")
    class Check(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
        __slots__ = ()
        CHECK_UNSPECIFIED: _ClassVar[LedgerProblem.Check]
        CHECK_FLOOR: _ClassVar[LedgerProblem.Check]
        CHECK_ONCE: _ClassVar[LedgerProblem.Check]
        CHECK_CONSERVED: _ClassVar[LedgerProblem.Check]
        CHECK_REFUNDS: _ClassVar[LedgerProblem.Check]
        CHECK_HOT: _ClassVar[LedgerProblem.Check]
        CHECK_PRICES: _ClassVar[LedgerProblem.Check]
        CHECK_LIMITS: _ClassVar[LedgerProblem.Check]
        CHECK_USAGE: _ClassVar[LedgerProblem.Check]
        CHECK_SUBSCRIPTIONS: _ClassVar[LedgerProblem.Check]
        CHECK_TOP_UPS: _ClassVar[LedgerProblem.Check]
        CHECK_RECEIPTS: _ClassVar[LedgerProblem.Check]
    CHECK_UNSPECIFIED: LedgerProblem.Check
    CHECK_FLOOR: LedgerProblem.Check
    CHECK_ONCE: LedgerProblem.Check
    CHECK_CONSERVED: LedgerProblem.Check
    CHECK_REFUNDS: LedgerProblem.Check
    CHECK_HOT: LedgerProblem.Check
    CHECK_PRICES: LedgerProblem.Check
    CHECK_LIMITS: LedgerProblem.Check
    CHECK_USAGE: LedgerProblem.Check
    CHECK_SUBSCRIPTIONS: LedgerProblem.Check
    CHECK_TOP_UPS: LedgerProblem.Check
    CHECK_RECEIPTS: LedgerProblem.Check
    COMPANY_FIELD_NUMBER: _ClassVar[int]
    CHECK_FIELD_NUMBER: _ClassVar[int]
    DETAIL_FIELD_NUMBER: _ClassVar[int]
    company: str
    check: LedgerProblem.Check
    detail: str
    def __init__(self, company: _Optional[str] = ..., check: _Optional[_Union[LedgerProblem.Check, str]] = ..., detail: _Optional[str] = ...) -> None: ...

class RebuildWalletRequest(_message.Message):
    __slots__ = ("name",)
    NAME_FIELD_NUMBER: _ClassVar[int]
    name: str
    def __init__(self, name: _Optional[str] = ...) -> None: ...
