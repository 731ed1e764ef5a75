"""Putting an installation together from its settings."""

from dataclasses import dataclass

from assistant.agent import Agent
from assistant.ask import Assistant
from assistant.calls import Calls
from assistant.model import Limits, chat_model
from assistant.planner.model import OfflinePlanner
from assistant.retrieval.index import Index, open_stores
from assistant.settings import Settings
from assistant.store.database import Database
from assistant.tools import Toolbox, make_tools
from assistant.wire import Wire


@dataclass(frozen=True)
class Installation:
    """Everything one process needs."""

    settings: Settings
    database: Database
    index: Index
    assistant: Assistant
    calls: Calls

    def close(self) -> None:
        """Let go of the stores."""
        self.index.close()
        self.database.close()


def install(settings: Settings) -> Installation:
    """An installation ready for questions. The index opens with its first use; a language model is asked by none yet.

    SettingsError: the settings name a language model that there isn't.
    """
    limits = Limits()
    chat = chat_model(settings, limits) if settings.model else None
    database, index = open_stores(settings)
    tools = make_tools(database, index)
    model = Agent(chat, tools, Wire()) if chat else None
    assistant = Assistant(settings, database, Agent(OfflinePlanner(), tools), model, limits)
    return Installation(settings, database, index, assistant, Calls(settings, database, Toolbox(tools)))
