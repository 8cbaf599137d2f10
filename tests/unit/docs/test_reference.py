"""The reference pages are complete: settings, metrics, services."""

import importlib
import re
from enum import Enum
from pathlib import Path

import pytest
from google.protobuf.descriptor import ServiceDescriptor
from prometheus_client.metrics import MetricWrapperBase
from pydantic import BaseModel

from admin import metrics as admin_metrics
from admin.settings import AdminSettings
from charging.settings import ChargingSettings
from server import metrics as server_metrics
from server.monitoring import WorkerMetrics
from tests.support.markdown import tables
from tests.support.paths import DOCS, ROOT
from wallet import metrics as wallet_metrics
from wallet.settings import WalletSettings

REFERENCE = DOCS / "reference"
SETTINGS = (WalletSettings, ChargingSettings, AdminSettings)


def as_shown(default: object) -> str:
    """Return a default as the page has it."""
    if default is None:
        return "none"
    if isinstance(default, Enum):
        return f"`{default.value}`"
    return f"`{str(default).lower() if isinstance(default, bool) else default}`"


def variables(kind: type[BaseModel]) -> dict[str, str]:
    """Return the environment variables of a settings class with their defaults."""
    return {
        str(field.validation_alias or name.upper()): as_shown(field.default)
        for name, field in kind.model_fields.items()
    }


def test_settings_are_listed_with_their_defaults() -> None:
    expected = {name: default for kind in SETTINGS for name, default in variables(kind).items()}
    listed = {cells[0].strip("`"): cells[1] for cells in tables(REFERENCE / "settings.md")}
    assert listed == expected


@pytest.mark.parametrize("kind", SETTINGS)
def test_no_default_is_required(kind: type[BaseModel]) -> None:
    """Otherwise the page would show it as a default."""
    assert not [name for name, field in kind.model_fields.items() if field.is_required()]


def test_metrics_are_listed_with_type_and_labels() -> None:
    expected: set[tuple[str, str | None, tuple[str, ...]]] = {
        (family.name, family.type, ()) for family in WorkerMetrics(1, int, int).collect()
    }
    for module in (server_metrics, wallet_metrics, admin_metrics):
        for metric in vars(module).values():
            if isinstance(metric, MetricWrapperBase):
                name = metric._name + ("_total" if metric._type == "counter" else "")
                expected.add((name, metric._type, tuple(metric._labelnames)))
    listed = [
        (cells[0].strip("`"), cells[1], tuple(re.findall(r"`(\w+)`", cells[2])))
        for cells in tables(REFERENCE / "metrics.md")
    ]
    assert len(listed) == len(set(listed))
    assert set(listed) == expected


def test_operations_watches_metrics_that_there_are() -> None:
    named = re.findall(r"\b(?:wallet|admin|server|rpc)_[a-z_]+", (DOCS / "guides" / "operations.md").read_text())
    assert set(named) <= {cells[0].strip("`") for cells in tables(REFERENCE / "metrics.md")}


def services() -> dict[str, ServiceDescriptor]:
    """Return the services that the protos define, by name."""
    found: dict[str, ServiceDescriptor] = {}
    for proto in sorted((ROOT / "protos").rglob("*.proto")):
        module = ".".join(proto.relative_to(ROOT / "protos").with_suffix("").parts) + "_pb2"
        found |= importlib.import_module(module).DESCRIPTOR.services_by_name
    return found


def section(page: Path, heading: str) -> str:
    """Return the text of one section of a page."""
    found = re.search(rf"^## {heading}\n(.*?)(?=^## |\Z)", page.read_text(), re.MULTILINE | re.DOTALL)
    assert found, f"{page.name} has no section {heading}"
    return found[1]


@pytest.mark.parametrize("service", services().values(), ids=lambda service: service.name)
def test_a_service_is_listed_with_its_methods(service: ServiceDescriptor) -> None:
    text = section(REFERENCE / "api.md", service.name)
    listed = re.findall(r"^\| `(\w+)` \|", text, re.MULTILINE)
    assert listed == [method.name for method in service.methods]
    assert Path(service.file.name).name in text
