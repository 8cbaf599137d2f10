"""Resource names: the table of templates agrees with the protos, and no module spells names by hand."""

import ast
import importlib
import pkgutil
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from google.protobuf.descriptor import Descriptor
from hypothesis import given
from hypothesis import strategies as st

from buf.validate import validate_pb2
from tests.support.paths import ROOT
from veloconnect.admin import v1 as admin_protos
from veloconnect.charging import v1 as charging_protos
from veloconnect.wallet import v1 as wallet_protos
from wallet.domain import resource_names
from wallet.domain.resource_names import (
    ALL_COMPANIES,
    AUTHORIZATION,
    COMPANY,
    ID_PATTERNS,
    RATE,
    RATE_CARD,
    REFUND_JOB,
    REFUND_POLICY,
    SELLER,
    SPEND_LIMIT,
    SUBSCRIPTION_REFERENCE,
    TOP_UP,
    TOP_UP_REFERENCE,
    TRANSACTION,
    WALLET,
    NumberedTemplate,
    OneIdTemplate,
    Template,
    TwoIdTemplate,
)

TEMPLATES = [value for value in vars(resource_names).values() if isinstance(value, Template)]
REFERENCES = (SUBSCRIPTION_REFERENCE, TOP_UP_REFERENCE)
NEVER_SENT = {"companies/{company}/chargebacks/{chargeback}", RATE.template, *(of.template for of in REFERENCES)}
"""Names that no request has: no proto has a pattern for them."""
PIECES = [*"/-~ 017²７a", "companies/", "rateCards/", "/transactions/", "/wallet", "/topUps/", "/spendLimits/"]
NO_NUMBERS = ("0", "-7", "+7", "07", "1_0", "７", " 7")


def variables(template: Template) -> list[str]:
    """Return the names of a template's variables."""
    return re.findall(r"\{(\w+)", template.template)


@pytest.mark.parametrize("template", TEMPLATES, ids=repr)
@given(data=st.data())
def test_a_name_is_parsed_into_its_ids(template: Template, data: st.DataObject) -> None:
    ids = [data.draw(st.from_regex(ID_PATTERNS[of], fullmatch=True)) for of in variables(template)]
    spelt = re.sub(r"\{\w+(=\*\*)?\}", "{}", template.template).format(*ids)
    assert template.matches(spelt)
    match template:
        case OneIdTemplate():
            assert template.name(*ids) == spelt
            assert template.parse(spelt) == template.parse_optional(spelt) == ids[0]
        case NumberedTemplate():
            assert template.name(ids[0], int(ids[1])) == spelt
            assert template.parse(spelt) == (ids[0], int(ids[1]))
        case TwoIdTemplate():
            assert template.name(*ids) == spelt
            assert template.parse(spelt) == (ids[0], ids[1])


@pytest.mark.parametrize("template", TEMPLATES, ids=repr)
@given(text=st.lists(st.sampled_from(PIECES), max_size=8).map("".join))
def test_what_is_parsed_is_formatted_as_it_was(template: Any, text: str) -> None:
    """No text is read in a way in which it is not spelt."""
    try:
        found = template.parse(text)
    except ValueError:
        return
    assert template.name(*([found] if isinstance(found, str) else found)) == text


def test_names_are_spelt_as_they_were_handed_out() -> None:
    assert COMPANY.name("acme") == "companies/acme"
    assert WALLET.name("acme") == "companies/acme/wallet"
    assert TRANSACTION.parse(TRANSACTION.name("acme", 10**17)) == ("acme", 10**17)
    assert TOP_UP.name("acme", "wire-1") == "companies/acme/topUps/wire-1"
    assert RATE.name("standard", "voice.+4915") == "rateCards/standard/rates/voice.+4915"
    assert REFUND_JOB.name("outage-7") == "refundJobs/outage-7"
    assert TOP_UP_REFERENCE.name("wire-1") == "topUps/wire-1"


@pytest.mark.parametrize("authorization", ["call-7", "a/b", "/", "authorizations/x", "!-~"])
def test_an_authorization_id_may_have_any_printable_character(authorization: str) -> None:
    name = AUTHORIZATION.name("acme", authorization)
    assert AUTHORIZATION.parse(name) == ("acme", authorization)


@pytest.mark.parametrize(
    ("template", "name"),
    [
        (COMPANY, ""),
        (COMPANY, "acme"),
        (COMPANY, "companies/"),
        (COMPANY, "companies/a/b"),
        (COMPANY, "rateCards/acme"),
        (WALLET, "companies/acme"),
        (WALLET, "companies/wallet"),
        (WALLET, "companies//wallet"),
        (WALLET, "companies/a/b/wallet"),
        (WALLET, "companies/acme/webhook"),
        (RATE_CARD, "companies/standard"),
        (TRANSACTION, "companies/acme/receipts/7"),
        (TRANSACTION, "companies//transactions/7"),
        (TRANSACTION, "companies/acme/transactions/"),
        (TRANSACTION, "companies/acme/transactions/7/8"),
        *(
            (TRANSACTION, f"companies/acme/transactions/{digits}")
            for digits in ("0", "-7", "+7", "07", "1_0", "７", " 7")
        ),
        (AUTHORIZATION, "companies/acme/authorizations"),
        (AUTHORIZATION, "companies/acme/authorizations/"),
        (AUTHORIZATION, "companies//authorizations/a"),
        (AUTHORIZATION, "companies/acme/topUps/a"),
        (AUTHORIZATION, "/companies/acme/authorizations/a"),
        (SPEND_LIMIT, "companies/acme/spendLimits/a/b"),
    ],
)
def test_a_malformed_name_is_refused(template: Any, name: str) -> None:
    with pytest.raises(ValueError, match="is not of the form"):
        template.parse(name)


def test_an_empty_name_stands_for_no_card() -> None:
    assert RATE_CARD.parse_optional("") == ""
    with pytest.raises(ValueError, match="is not of the form"):
        RATE_CARD.parse_optional("standard")


def messages(of: Mapping[str, Descriptor]) -> Iterator[Descriptor]:
    """Return messages and those that are declared within."""
    for message in of.values():
        yield message
        yield from messages(message.nested_types_by_name)


def name_patterns() -> set[str]:
    """Return the patterns of all names in the protos, without anchors."""
    rules: Any = validate_pb2.field
    found = set()
    for package in (admin_protos, charging_protos, wallet_protos):
        for module in pkgutil.iter_modules(package.__path__, f"{package.__name__}."):
            if module.name.endswith("_pb2"):
                described = importlib.import_module(module.name).DESCRIPTOR
                for message in messages(described.message_types_by_name):
                    for field in message.fields:
                        pattern = field.GetOptions().Extensions[rules].string.pattern
                        found.add(pattern.removeprefix("^").removesuffix("$"))
    collections = "|".join({template.template.partition("/")[0] for template in TEMPLATES} | {SELLER, REFUND_POLICY})
    return {pattern for pattern in found if re.match(rf"\(?({collections})(/|$)", pattern)}


def test_the_table_agrees_with_the_protos() -> None:
    company = ID_PATTERNS["company"]
    wildcards = {f"companies/({company}|-)", f"companies/(-|{company})"}
    found = name_patterns()
    assert all(re.fullmatch(pattern, ALL_COMPANIES) for pattern in wildcards)
    required = {re.sub(r"^\((.*)\)\?$", r"\1", pattern) for pattern in found - wildcards}
    assert required == {template.pattern for template in TEMPLATES if template.template not in NEVER_SENT} | {
        SELLER,
        REFUND_POLICY,
    }


SEGMENTS = "|".join({part for of in TEMPLATES for part in of.template.split("/") if not part.startswith("{")})
IN_AN_F_STRING = re.compile(rf"(^|[ /])({SEGMENTS})/|/({SEGMENTS})($|[/:.])")
"""A segment of a name with a slash at its side."""
BY_ITSELF = re.compile(rf"({SEGMENTS})/|.*({SEGMENTS})/[\[({{%].*")
"""The beginning of a name, a regular expression or a format. Examples such as companies/acme are free."""
OF_A_LIST = "request.parent"
"""The beginning of f-strings that identify lists within page tokens; they are no resource names."""


def spelt_by_hand(path: Path) -> Iterator[str]:
    """Return the places in a file where a resource name is put together."""
    tree = ast.parse(path.read_text())
    docstrings = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    for node in ast.walk(tree):
        if isinstance(node, ast.JoinedStr):
            begins = node.values[0]
            if isinstance(begins, ast.FormattedValue) and ast.unparse(begins.value) == OF_A_LIST:
                continue
            pieces = [piece.value for piece in node.values if isinstance(piece, ast.Constant)]
            if any(IN_AN_F_STRING.search(piece) for piece in pieces if isinstance(piece, str)):
                yield f"{path}:{node.lineno}: {ast.unparse(node)}"
        elif (
            isinstance(node, ast.Constant)
            and isinstance(node.value, str)
            and id(node) not in docstrings
            and BY_ITSELF.fullmatch(node.value)
        ):
            yield f"{path}:{node.lineno}: {node.value}"


def test_no_other_module_spells_names() -> None:
    sources = ROOT / "src"
    owner = Path(resource_names.__file__)
    files = [path for path in sources.rglob("*.py") if path != owner and "_pb2" not in path.name]
    assert len(files) > 100
    assert [place for path in files for place in spelt_by_hand(path)] == []


@pytest.mark.parametrize(
    "source",
    [
        'f"companies/{company}"',
        'f"{company}/wallet"',
        'f"/v1/companies/{company}/receipts/{number}.pdf"',
        '"companies/" + company',
        'name.removeprefix("rateCards/")',
        're.compile(r"companies/[a-z]+/webhook")',
        '"refundJobs/%s" % job',
        '"companies/{}/events/{}".format(company, serial)',
    ],
)
def test_a_name_that_is_spelt_by_hand_is_found(tmp_path: Path, source: str) -> None:
    path = tmp_path / "module.py"
    path.write_text(f"name = {source}\n")
    assert list(spelt_by_hand(path))
