"""What was acknowledged survives kill -9."""

import pytest

from scene import UNLIMITED, Scene, play


def test_what_was_acknowledged_survives_twenty_kills(start_broker):
    broker = start_broker(UNLIMITED)
    play(broker, Scene(broker), subscribers=8, crashes=20)


def test_a_body_shared_by_a_hundred_sessions_survives_kills(start_broker):
    broker = start_broker(UNLIMITED)
    play(broker, Scene(broker, publishers=2, in_flight=5), subscribers=100, crashes=20)


@pytest.mark.parametrize("window", [0, 200])
def test_the_commit_window_is_no_matter_of_safety(start_broker, window):
    broker = start_broker({**UNLIMITED, "message_store.commit_window": window})
    play(broker, Scene(broker), subscribers=4, crashes=4)
