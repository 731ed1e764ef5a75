"""Putting an installation together from its settings."""

from dataclasses import dataclass

from assistant.ask import Assistant
from assistant.calls import Calls
from assistant.draft import Drafts
from assistant.model import Limits
from assistant.planner.planner import Planner
from assistant.retrieval.index import Index, open_stores
from assistant.settings import Settings
from assistant.store.database import Database
from assistant.tools import Tools


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
    database, index = open_stores(settings)
    tools = Tools(database, index)
    model = driven_by_model(settings, tools, limits) if settings.model else None
    assistant = Assistant(settings, database, Planner(tools), model, limits)
    return Installation(settings, database, index, assistant, Calls(settings, database, tools))


def driven_by_model(settings: Settings, tools: Tools, limits: Limits) -> Drafts:
    """The agent of the language model that the settings name. SettingsError: there is none such."""
    # Imported here: LangChain's agent takes longer to import than all the rest, and most installations have no model.
    from assistant.agent import Agent
    from assistant.chat import chat_model
    from assistant.wire import Wire

    return Agent(chat_model(settings, limits), tools, Wire())
