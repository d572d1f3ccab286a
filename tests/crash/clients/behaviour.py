"""How a client behaves with a batch in hand. Most do what they should; some are slow, fail, or come too late."""

import random

PLANS = {  # weights
    "accept": 80,        # ack all
    "in_pieces": 6,      # ack one part after the other
    "sort": 6,           # ack some, nack some, give some back, forget none
    "twice": 3,          # ack all, and ack all again
}
MISCHIEF = {  # weights at mischief 1
    "return": 2,         # give all back
    "extend": 1,         # ask for more time, need it, ack all
    "slow": 0.6,         # ack all when most of the time is over
    "late": 0.4,         # ack all when the claim is long over
    "forget": 0.4,       # nothing
}


class Behaviour:
    def __init__(self, seed, control, mischief=1):
        self.rest, self.control = random.Random(seed), control
        self.weights = {**PLANS, **{name: weight * mischief for name, weight in MISCHIEF.items()}}

    def plan(self, without=()):
        if self.control.calm:
            return "accept"
        names = [name for name in self.weights if name not in without]
        return self.rest.choices(names, [self.weights[name] for name in names])[0]

    def chance(self, probability):
        return not self.control.calm and self.rest.random() < probability

    def work(self):
        """Processing takes its time."""
        if not self.control.calm:
            self.control.sleep(self.rest.choice([0, 0, 0.002, 0.01, 0.03]))

    def pieces(self, number, most=3):
        """Places 0 … number-1 in up to `most` parts, in their order."""
        cuts = sorted(self.rest.sample(range(1, number), min(most - 1, number - 1)))
        return [range(a, b) for a, b in zip([0, *cuts], [*cuts, number])]
