"""Each process imports only what it uses: it starts sooner, is smaller, and has less that can break."""

import subprocess
import sys

import pytest

PRODUCT = frozenset({"wallet", "refunds", "server", "charging", "admin"})
DEVELOPMENT = frozenset({"devstack", "demos", "benchmarks", "tests", "pytest", "localstripe", "aiosmtpd"})
BACK_OFFICE = frozenset({"admin", "stripe", "aiosmtplib", "aiohttp", "fpdf", "jinja2"})
"""The back office itself, and what it alone uses: card payments, mail, HTTP and PDF."""
MIGRATIONS = frozenset({"psycopg", "yoyo"})
SERVING = frozenset({"grpc", "asyncpg", "redis", "protovalidate", "phonenumbers"})
"""Packages that a worker needs and its supervisor does not."""

CHARGING_MODULES_MAX = 100
SUPERVISOR_MODULES_MAX = 25
CHARGING_CPU_MAX = 3.0
"""CPU time to import charging.app, in that of the packages of SERVING alone; it is 2.2."""
CPU_RUNS = 3
"""Runs of which the shortest counts: the first may compile, and other processes make some longer."""

REFUNDS_OF_CHARGING = {
    "refunds",
    "refunds.amounts",
    "refunds.case_store",
    "refunds.delivery",
    "refunds.delivery_reports",
    "refunds.delivery_store",
    "refunds.domain",
    "refunds.service",
    "refunds.store",
}
"""Gateways refund a charge and report deliveries. Jobs, decisions and checks are the back office's."""


def loaded_by(module: str) -> set[str]:
    """Return the modules that a fresh Python has after it imported `module`."""
    program = f"import {module}, sys; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=True)
    return set(done.stdout.split())


def cpu_seconds_of(*modules: str) -> float:
    """Return the CPU time, in seconds, in which a fresh Python starts and imports `modules`."""
    program = f"import {', '.join(modules)}, time; print(time.process_time())"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=True)
    return float(done.stdout)


def packages(modules: set[str]) -> set[str]:
    """Return the packages at the top of these modules."""
    return {name.partition(".")[0] for name in modules}


def of_the_product(modules: set[str]) -> set[str]:
    """Return those that are written here; generated stubs do not count."""
    return {name for name in modules if name.partition(".")[0] in PRODUCT}


def test_a_worker_of_charging_loads_nothing_of_the_back_office() -> None:
    loaded = loaded_by("charging.app")
    assert not packages(loaded) & (BACK_OFFICE | MIGRATIONS | DEVELOPMENT)
    assert {name for name in loaded if name.partition(".")[0] == "refunds"} == REFUNDS_OF_CHARGING
    assert len(of_the_product(loaded)) <= CHARGING_MODULES_MAX


def test_a_worker_of_charging_starts_in_little_cpu_time() -> None:
    """The bound is relative to the packages that it serves with, so that a busy or slow machine does not break it."""
    runs = [(cpu_seconds_of("charging.app"), cpu_seconds_of(*sorted(SERVING))) for _ in range(CPU_RUNS)]
    charging, packages_alone = (min(seconds) for seconds in zip(*runs, strict=True))
    assert charging <= CHARGING_CPU_MAX * packages_alone


def test_a_back_office_worker_loads_no_devstack_and_no_charging() -> None:
    """A worker of the back office imports nothing of devstack and charging."""
    assert not packages(loaded_by("admin.app")) & (DEVELOPMENT | MIGRATIONS | {"charging"})


@pytest.mark.parametrize("command_line", ["charging.__main__", "admin.__main__"])
def test_a_supervisor_loads_nothing_that_its_workers_serve_with(command_line: str) -> None:
    loaded = loaded_by(command_line)
    other = {"admin", "charging"} - {command_line.partition(".")[0]}
    served_with = (BACK_OFFICE - {"admin"}) | MIGRATIONS | SERVING | DEVELOPMENT
    assert not packages(loaded) & (served_with | other)
    assert len(of_the_product(loaded)) <= SUPERVISOR_MODULES_MAX
