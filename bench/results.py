"""What was measured: values of several rounds under (workload, cell, side), and how they compare."""

import statistics


class Results:
    """`cell` names the conditions ("batch 100, 4 sessions"), `side` who was measured ("sequin", "pgoutput")."""

    def __init__(self, say):
        self.rows = {}
        self.units = {}
        self.series = {}
        self.say = say

    def add(self, workload, cell, side, unit, value):
        self.rows.setdefault((workload, cell, side), []).append(value)
        self.units[workload, cell] = unit
        self.say(f"{workload}, {cell}: {side} {value:,.4g} {unit}")

    def add_series(self, workload, cell, side, points):
        """Points (seconds, value) over the time of one run, for a plot."""
        self.series[workload, cell, side] = points

    def values(self, workload, cell, side):
        return self.rows.get((workload, cell, side), [])

    def median(self, workload, cell, side):
        values = self.values(workload, cell, side)
        return statistics.median(values) if values else None

    def ratio(self, workload, cell, ours, theirs):
        """Median of the rounds' ratios: what both had in common in a round cancels out."""
        pairs = list(zip(self.values(workload, cell, ours), self.values(workload, cell, theirs)))
        return statistics.median(a / b for a, b in pairs) if pairs else None

    def as_list(self):
        return [{"workload": workload, "cell": cell, "side": side, "unit": self.units[workload, cell],
                 "median": statistics.median(values), "low": min(values), "high": max(values), "values": values}
                for (workload, cell, side), values in self.rows.items()]


def in_turns(number, turns):
    """The turns of one round; the order changes from round to round, so that nobody is always the first."""
    return list(turns) if number % 2 == 0 else list(reversed(turns))


def percentile(values, share):
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(len(ordered) * share))]
