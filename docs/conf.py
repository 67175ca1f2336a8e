"""Settings of Sphinx, which makes a site of these pages: `make docs`."""

from importlib.metadata import version as version_of

project = "freespan"
author = "the freespan authors"
project_copyright = "the freespan authors, Apache-2.0"
version = release = version_of("freespan")

extensions = ["myst_parser"]
source_suffix = {".md": "markdown"}
language = "en"
smartquotes = False  # "--host" stays as it is typed

myst_heading_anchors = 4  # the same anchors as on a forge: "## What it costs" is #what-it-costs
myst_links_external_new_tab = False

html_theme = "furo"
html_title = "freespan"
html_copy_source = False
html_show_sourcelink = False
html_favicon = "../src/freespan/web/static/pages/icon.svg"
html_static_path = ["_static"]
html_css_files = ["site.css"]
html_theme_options = {"navigation_with_keys": True}

# Nothing is loaded from elsewhere: a reader of these pages may have good reason to contact no one else.
html_last_updated_fmt = None

# `json` blocks may have an ellipsis in place of a value, and `http` blocks may be shortened.
suppress_warnings = ["misc.highlighting_failure"]
