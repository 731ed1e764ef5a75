"""The application for a process manager: `uvicorn api.server:app`."""

from api.app import create_app
from assistant import settings

app = create_app(settings.load())
