"""Clocks that are wrong, are set while the broker runs, or between two runs."""

import pytest

from raw_client import DISCONNECT, RawClient
from waiting import wait_until
from wall_clock import DAY, WallClock, in_year


@pytest.fixture
def timed_broker(start_broker, tmp_path):
    """(clock, broker) with the wall clock off by so many seconds."""
    def start(offset):
        clock = WallClock(tmp_path, offset)
        return clock, start_broker({}, environment=clock.environment)

    return start


def set_while_running(clock, broker, offset):
    clock.set(offset)
    broker.wait_for_log("the clock was set while the broker ran")


def end_and_start(broker, ending, meanwhile=lambda: None):
    if ending == "TERM":
        assert broker.stop() == 0
    else:
        broker.kill()
    meanwhile()
    broker.launch()
    broker.wait_until_ready()


def leave_messages(broker, session_expiry, message_expiry, client_id="receiver"):
    """A session with one message in the store and one retained message; both expire."""
    with RawClient(broker.address()) as receiver:
        assert receiver.open_session(client_id, 5, clean=False, expiry=session_expiry) == 0
        receiver.subscribe(f"{client_id}/#", 1)
        receiver.send(DISCONNECT)
        assert receiver.is_ended()
    with RawClient(broker.address()) as sender:
        assert sender.open_session("sender", 5) == 0
        sender.publish(f"{client_id}/x", b"queued", expiry=message_expiry)
        sender.publish("retained", b"retained", retain=True, expiry=message_expiry)


def collect(broker, session_expiry, client_id="receiver"):
    """(whether the session was there, what came: payload → remaining expiry)."""
    with RawClient(broker.address()) as receiver:
        assert receiver.open_session(client_id, 5, clean=False, expiry=session_expiry) == 0
        is_present = receiver.is_present
        receiver.subscribe("retained", 1)
        receiver.subscribe("end", 1)
        with RawClient(broker.address()) as sender:
            assert sender.open_session("sender", 5) == 0
            sender.publish("end", b"")
        messages = receiver.messages_until("end")
        return is_present, {message.payload: message.expiry for message in messages}


@pytest.mark.parametrize("ending", ["TERM", "KILL"])
@pytest.mark.parametrize("offset", [-2 * DAY, 2 * DAY, in_year(1960), in_year(2300)])
def test_a_clock_that_is_set_right_while_the_broker_runs_changes_no_life(timed_broker, offset, ending):
    clock, broker = timed_broker(offset)
    leave_messages(broker, DAY, DAY)
    set_while_running(clock, broker, 0)
    end_and_start(broker, ending)
    is_present, messages = collect(broker, DAY)
    assert is_present
    assert sorted(messages) == [b"queued", b"retained"]
    assert all(DAY - 60 <= expiry <= DAY for expiry in messages.values()), messages


@pytest.mark.parametrize("ending", ["TERM", "KILL"])
def test_a_clock_that_is_set_back_between_two_runs_prolongs_nothing(timed_broker, ending):
    clock, broker = timed_broker(0)
    leave_messages(broker, DAY, 100)
    leave_messages(broker, 3, 100, "brief")
    end_and_start(broker, ending, lambda: clock.set(-3 * DAY))
    assert broker.log("the clock shows an earlier time", level="warning")
    _, messages = collect(broker, DAY)
    assert sorted(messages) == [b"queued", b"retained"]
    assert all(expiry <= 100 for expiry in messages.values()), messages
    broker.wait_for_metric("sessions_expired_total", 1)


def test_a_clock_that_is_wrong_at_every_start_and_set_right_each_time_changes_no_life(timed_broker):
    clock, broker = timed_broker(-2 * DAY)
    leave_messages(broker, DAY, DAY)
    for _ in range(3):
        set_while_running(clock, broker, 0)
        # A machine without a clock of its own begins behind.
        end_and_start(broker, "KILL", lambda: clock.set(-2 * DAY))
    is_present, messages = collect(broker, DAY)
    assert is_present and len(messages) == 2
    assert all(DAY - 60 <= expiry <= DAY for expiry in messages.values()), messages


def test_time_that_passed_while_the_broker_was_down_counts(timed_broker):
    clock, broker = timed_broker(0)
    leave_messages(broker, 2 * DAY, DAY)
    leave_messages(broker, 3600, 3 * DAY, "brief")
    assert broker.stop() == 0
    clock.set(DAY)
    broker.launch()
    broker.wait_until_ready()
    is_present, messages = collect(broker, DAY)
    assert is_present
    assert messages.keys() == {b"retained"} and messages[b"retained"] <= 2 * DAY
    assert not collect(broker, DAY, "brief")[0]


def test_a_jump_that_is_hard_to_believe_is_told(timed_broker):
    clock, broker = timed_broker(0)
    leave_messages(broker, 0xFFFFFFFF, 1000)
    assert broker.stop() == 0
    clock.set(40 * DAY)
    broker.launch()
    broker.wait_until_ready()
    told = broker.log("over 30 days ago", level="warning")
    assert len(told) == 1 and told[0]["last"] < told[0]["now"]
    assert collect(broker, DAY) == (True, {})


def test_pages_and_log_tell_the_time_that_the_clock_shows(timed_broker):
    clock, broker = timed_broker(in_year(1960))
    assert broker.log("started")[0]["time"].startswith("1960-06-01")
    assert broker.metrics()("process_start_time_seconds") < 0
    set_while_running(clock, broker, 0)
    wait_until("the start's time follows", lambda: broker.metrics()("process_start_time_seconds") > 1_700_000_000)
