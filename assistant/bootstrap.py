"""Putting an installation together from its settings."""

from dataclasses import dataclass

from assistant.agent import Agent
from assistant.ask import Assistant
from assistant.planner.model import OfflinePlanner
from assistant.retrieval.index import Index, open_stores
from assistant.settings import Settings
from assistant.store.database import Database
from assistant.tools import make_tools


@dataclass(frozen=True)
class Installation:
    """Everything one process needs."""

    settings: Settings
    database: Database
    index: Index
    assistant: Assistant

    def close(self) -> None:
        """Let go of the stores."""
        self.index.close()
        self.database.close()


def install(settings: Settings) -> Installation:
    """An installation ready for questions. The index opens with its first use."""
    database, index = open_stores(settings)
    agent = Agent(OfflinePlanner(), make_tools(database, index))
    return Installation(settings, database, index, Assistant(settings, database, agent))
