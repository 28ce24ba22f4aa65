"""Waiting for events, with a deadline instead of a guess."""

import time

# Seconds; generous, for it is only reached when something is wrong.
DEADLINE = 60


def wait_until(what, condition, deadline=DEADLINE):
    """Asks `condition` until it is true; its value. `what` tells a reader what did not come."""
    end = time.monotonic() + deadline
    while True:
        value = condition()
        if value:
            return value
        assert time.monotonic() < end, f"after {deadline} s still not: {what}"
        time.sleep(0.01)
