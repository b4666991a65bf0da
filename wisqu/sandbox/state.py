"""Everything one running sandbox remembers."""

from wisqu.sandbox.caching import PromptCache
from wisqu.sandbox.clock import Clock
from wisqu.sandbox.endpoints import Providers
from wisqu.sandbox.faults import FaultDesk
from wisqu.sandbox.ledger import Ledger


class Sandbox:
    """The clock, the prompt cache, the ledger, the providers and the counters of scripted failures."""

    def __init__(self) -> None:
        self.clock = Clock()
        self.cache = PromptCache(self.clock)
        self.ledger = Ledger()
        self.faults = FaultDesk()
        self.providers = Providers()

    def reset(self) -> None:
        """Forget everything, the advanced clock included."""
        self.cache.clear()
        self.ledger.clear()
        self.faults.clear()
        self.providers.clear()
        self.clock.advanced = 0.0
