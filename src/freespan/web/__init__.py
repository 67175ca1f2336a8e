"""The switch, the bridge page and the landing page: static files and the routes that serve them."""

from freespan.web.server import routes

__all__ = ["routes"]
