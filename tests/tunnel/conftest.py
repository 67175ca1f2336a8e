"""No test of a session may leave a task behind."""

from tests.link.conftest import nothing_is_left_running

__all__ = ["nothing_is_left_running"]
