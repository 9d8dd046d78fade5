"""Checks that are counted, and the exit code that says whether all of them passed."""

import sys


class Checks:
    def __init__(self, what):
        self.what = what
        self.passed = 0
        self.failures = []

    def check(self, name, actual, expected):
        if actual == expected:
            self.passed += 1
        else:
            self.failures.append(f"{name}: expected {expected!r}, got {actual!r}")

    def exit(self):
        for failure in self.failures:
            print(failure, file=sys.stderr)
        print(f"{self.what}: {self.passed} passed, {len(self.failures)} failed")
        sys.exit(bool(self.failures))
