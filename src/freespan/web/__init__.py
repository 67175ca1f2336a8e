"""The switch, the bridge page and the pages around them: static files and their routes; and what strangers see."""

from freespan.web.static_files import routes

__all__ = ["routes"]
