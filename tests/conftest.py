"""What holds for every test: a lab that is skipped is never taken for a pass."""

import os
import signal
from collections.abc import Generator

import pytest
from hypothesis import HealthCheck, settings

# Property tests find the same examples each time, however slow the machine is. Here,
# since what is imported before keeps the settings that it met.
settings.register_profile(
    "netwiz",
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=[HealthCheck.too_slow],
)
settings.load_profile("netwiz")

_WORKER = os.environ.get("PYTEST_XDIST_WORKER", "")
if _WORKER:
    # Each process has a lab of its own; at import, since fixtures read it early.
    os.environ["NETWIZ_LAB"] = os.environ.get("NETWIZ_LAB", "") + _WORKER

# Started in the background, or by nohup: what is ignored here, every program that a
# test starts and interrupts would ignore as well (exec keeps it, signal(7)).
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)
if signal.getsignal(signal.SIGHUP) is signal.SIG_IGN:
    signal.signal(signal.SIGHUP, signal.SIG_DFL)

STRICT = os.environ.get("CI", "").lower() in {"1", "true", "yes"}


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Turn the skip of a lab test into a failure where CI=true."""
    report = yield
    expected_to_fail = hasattr(report, "wasxfail")
    if STRICT and report.skipped and item.get_closest_marker("lab"):
        reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else ""
        if not expected_to_fail:
            report.outcome = "failed"
            report.longrepr = f"CI=true, and a lab test did not run. {reason}"
    return report


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Say loudly that the lab was left out, on a machine where it may be."""
    skipped = terminalreporter.stats.get("skipped", [])
    lab = [report for report in skipped if "lab" in report.keywords]
    if lab:
        terminalreporter.section("the lab did not run", sep="!", red=True, bold=True)
        terminalreporter.line(
            f"{len(lab)} tests on a real Docker Engine were skipped: they need root and"
            " the packages that tools/test installs."
        )
