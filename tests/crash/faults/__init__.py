"""The faults of the campaign: one module per family, one small class per fault, a registry by name.

A fault is written once and knows nothing of who plays it: the campaign (../campaign.py) chooses at random, strikes,
waits `seconds`, heals, and measures how long it takes until everybody gets what is committed after that.
"""

import importlib
import pkgutil

_known = {}


class Fault:
    """One way to break things. Subclasses with a name are registered when their module is read."""

    name = None
    description = None
    settings = {}      # what the server has to be started with
    needs = frozenset()  # what the scene has to be built with: "points", "proxies", "disks", "standby"
    seconds = (0, 0)   # how long it lasts between strike and heal, at random; (0, 0): it is over at once
    apart = False      # only when it is asked for by name: it takes something away that others need
    deceives_endpoints = False  # they may take a request for open that the agent has given up
    recovery_seconds = 0  # how long delivery may stand still by the nature of the fault, beside the limit for all

    def __init_subclass__(cls, **options):
        super().__init_subclass__(**options)
        if cls.name:
            assert cls.description and cls.name not in _known, cls
            _known[cls.name] = cls

    def strike(self, scene):
        raise NotImplementedError

    def heal(self, scene):
        """What an operator's supervisor would do, or the end of what was done. Without it, nothing is to be done."""


def known():
    """Fault classes by name, those of all modules beside this one."""
    for module in sorted(one.name for one in pkgutil.iter_modules(__path__)):
        importlib.import_module(f"{__name__}.{module}")
    return dict(sorted(_known.items()))
