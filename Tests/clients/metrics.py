"""Reads the Prometheus text that /metrics serves."""

import re

SAMPLE = re.compile(r'^([a-zA-Z_:][\w:]*)(?:\{(.*)\})? (\S+)$')
LABEL = re.compile(r'(\w+)="((?:[^"\\]|\\.)*)"')


class Metrics:
    """One reading: name → [(labels, value)]."""

    def __init__(self, text):
        self.families = {}
        for line in text.splitlines():
            if not line or line.startswith("#"):
                continue
            match = SAMPLE.match(line)
            assert match, f"not a sample: {line}"
            name, labels, value = match.groups()
            self.families.setdefault(name, []).append((dict(LABEL.findall(labels or "")), float(value)))

    def __call__(self, name, **labels):
        """The sum of all samples of `vernemq_<name>` with these labels."""
        samples = self.families.get("vernemq_" + name)
        assert samples is not None, f"there is no metric vernemq_{name}"
        return sum(value for has, value in samples if labels.items() <= has.items())

    def residuals(self):
        """What the ledger cannot account for, by equation; empty when all is accounted for."""
        samples = self.families["vernemq_ledger_residual"]
        return {labels["equation"]: value for labels, value in samples if value != 0}
