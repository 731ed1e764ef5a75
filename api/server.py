"""The application for a process manager: `uvicorn api.server:app`."""

from api import logs
from api.app import create_app
from assistant import settings

logs.start()
app = create_app(settings.load())
