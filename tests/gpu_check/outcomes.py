"""A plugin for pytest: a test that fails is kept at once, the number that passed at the end."""

from tests.figures import Figure


class Outcomes:
    """Counts tests."""

    def __init__(self):
        self.failed, self.passed, self.skipped = set(), 0, 0

    def pytest_runtest_logreport(self, report):
        if report.failed and report.nodeid not in self.failed:
            self.failed.add(report.nodeid)
            crash = getattr(report.longrepr, "reprcrash", None)
            why = crash.message.partition("\n")[0] if crash else report.when
            Figure(f"{report.nodeid} passed", 0, at_least=1, remark=why).keep()
        self.passed += report.passed and report.when == "call"
        self.skipped += report.skipped

    def pytest_collectreport(self, report):
        if report.failed:
            Figure(f"{report.nodeid} could be collected", 0, at_least=1).keep()

    def pytest_sessionfinish(self):
        wanted = max(1, self.passed + len(self.failed))
        remark = f"{self.skipped} skipped"
        Figure("tests that passed", self.passed, at_least=wanted, remark=remark).keep()


def pytest_configure(config):
    config.pluginmanager.register(Outcomes())
