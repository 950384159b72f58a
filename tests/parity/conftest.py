"""Prints the largest differences from the golden arrays after the tests."""

from .measured import LARGEST


def pytest_terminal_summary(terminalreporter):
    if not LARGEST:
        return
    terminalreporter.section("largest differences from the golden arrays")
    for what, difference in sorted(LARGEST.items()):
        terminalreporter.write_line(f"{what:44} {difference:.1e}")
