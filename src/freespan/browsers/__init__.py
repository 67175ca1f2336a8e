"""Drives the real browsers of this machine: starts one, opens pages, clicks as a person does.

Chromium is driven by CDP and Firefox by WebDriver BiDi, both over a WebSocket on loopback. An installed browser is
used as it is, without a driver program beside it.
"""

from freespan.browsers.browser import Browser
from freespan.browsers.errors import BrowserError
from freespan.browsers.launcher import find_browsers, launch
from freespan.browsers.page import Page

__all__ = ["Browser", "BrowserError", "Page", "find_browsers", "launch"]
