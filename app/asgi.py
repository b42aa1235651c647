"""The application as an ASGI server loads it: `app.asgi:app`, settings from the environment."""

from app.config import Settings
from app.main import create_app
from app.observability import configure_logging

configure_logging()
app = create_app(Settings())
