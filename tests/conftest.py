"""What every test shares. Nothing here may wait for the clock."""

import os

from hypothesis import settings

# No deadline: a busy machine is no bug. In continuous integration the same examples every time.
settings.register_profile("freespan", deadline=None, derandomize=bool(os.environ.get("CI")), print_blob=True)
settings.load_profile("freespan")
