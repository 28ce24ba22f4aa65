"""What MQTT promises, held against the diaries of all clients. Each check yields complaints: (rule, text).

What cannot be known gets the benefit of the doubt: an acknowledgement that was written just before the broker died may
or may not have been read, and a message that its publisher sent again may come twice with QoS 1.
"""

import collections

import mqtt

# Seconds before a kill in which what a client saw need not have been kept yet, where the standard does not ask for it.
UNCERTAIN = 0.4
# Seconds before a kill within which an acknowledgement may not have been written down: the message comes again, which the
# standard allows. The store gathers what two windows bring, and the disk takes its time.
FORGOTTEN = 1.0
# Seconds by which something may come late on a busy machine.
LATE = 3
# Seconds by which two clocks may disagree about a deadline.
EARLY = 0.2


def number(message):
    return int(message.payload.split(" ")[0])


def connections_of(events):
    """Splits a diary: (connected event, [events], lost event or None) of each connection.

    A client that said DISCONNECT has left; what it reads before the broker closes still belongs to that connection.
    """
    found = []
    for event in events:
        if event.kind == "connected":
            found.append([event, [], None])
        elif event.kind == "lost":
            found[-1][2] = event
        elif found:
            found[-1][1].append(event)
    return found


class Flight:
    """A message with QoS 1 or 2 on its way to a client, as the client knows it."""

    def __init__(self, key, message, order, connection_end):
        self.key, self.qos, self.identifier, self.order = key, message.qos, message.identifier, order
        self.connection_end = connection_end
        self.has_pubrel = False
        # When its last acknowledgement was written: from then on the broker may have forgotten it.
        self.settled_at = None


class FlightCheck:
    """Redelivery to one lasting session: DUP, identifiers, order, window, and QoS 2 exactly once."""

    def __init__(self, subscriber, publishers, stops):
        self.subscriber, self.publishers, self.stops = subscriber, publishers, stops
        self.flights, self.seen, self.last, self.order = {}, collections.Counter(), collections.Counter(), 0
        self.half_received = {}  # identifier → message

    def run(self):
        previous = None
        for connected, events, lost in connections_of(self.subscriber.events):
            if not connected.facts["present"]:
                self.flights.clear()
                self.half_received.clear()
                self.seen.clear()
                self.last.clear()
            yield from self.connection(events, previous, lost)
            previous = lost

    def connection(self, events, previous, lost):
        self.ended_at, self.connection_end = self.end_of(previous), self.end_of(lost)
        self.expected = dict(self.flights)  # from earlier connections, not yet seen on this one
        self.open = {identifier: flight for identifier, flight in self.flights.items() if flight.settled_at is None}
        self.under_way = set()
        self.again = collections.defaultdict(list)
        for event in events:
            if event.kind == "publish" and event.facts["message"].qos:
                yield from self.publish(event.facts["message"], event.facts["is_new"])
            elif event.kind == "released":
                self.released(event.facts["identifier"])
            elif event.kind == "acknowledged":
                self.acknowledged(event)
        # Each topic and QoS keeps its order (§4.6); PUBREL has one of its own.
        for kind in self.again:
            orders = [flight.order for flight in self.again[kind]]
            if orders != sorted(orders):
                at = next(index for index in range(1, len(orders)) if orders[index] < orders[index - 1])
                keys = [(*flight.key, flight.identifier) for flight in self.again[kind][max(0, at - 3) : at + 3]]
                yield "order", f"{self.name}: {kind} sent again in the order … {keys} … [MQTT-4.6.0-5]"

    def end_of(self, lost):
        """When the broker could last have read from a connection: a client may notice later that it was killed."""
        if lost is None or lost.facts["how"] != "broker":
            return lost and lost.at
        return max((stop.at for stop in self.stops if stop.at < lost.at), default=lost.at)

    @property
    def name(self):
        return f"{self.subscriber.name} v{self.subscriber.version} window {self.subscriber.window}"

    def publish(self, message, is_new):
        key = message.topic, number(message)
        old = self.flights.get(message.identifier)
        if old is not None and old.key == key and message.identifier in self.expected:
            yield from self.sent_again(old, message)
        else:
            yield from self.sent_first(old, key, message)
        # What the client holds half received under this identifier; it takes anything else for that message again.
        half = self.half_received.setdefault(message.identifier, key) if message.qos == 2 else key
        if half != key:
            yield "swallowed", (
                f"{self.name}: {key} has id {message.identifier} of {half}, whose PUBREL has not come [MQTT-4.3.3-2]")
        if message.qos == 2 and is_new and self.seen[key]:
            yield "doubled", f"{self.name}: {key} twice with QoS 2, id {message.identifier} [MQTT-4.3.3-2]"
        if not self.seen[key] and half == key:
            if key[1] < self.last[key[0]]:
                yield "order", f"{self.name}: {key} for the first time after {self.last[key[0]]} [MQTT-4.6.0-5]"
            self.last[key[0]] = max(self.last[key[0]], key[1])
        self.seen[key] += is_new or message.qos == 1
        self.under_way.add(message.identifier)
        if len(self.under_way) > (self.subscriber.window or 65535):
            yield "window", f"{self.name}: {len(self.under_way)} under way [MQTT-3.3.4-9]"

    def sent_again(self, flight, message):
        self.seen_again(message.identifier)
        self.again[f"QoS {flight.qos} of {flight.key[0]}"].append(flight)
        if not message.is_duplicate:
            yield "unmarked", f"{self.name}: {flight.key} id {message.identifier} again without DUP [MQTT-3.3.1-1]"
        if flight.has_pubrel:
            yield "qos 2", f"{self.name}: PUBLISH {flight.key} again after its PUBREL"
        if flight.settled_at and self.ended_at - flight.settled_at > FORGOTTEN:
            yield "doubled", f"{self.name}: {flight.key} again, acknowledged {self.ended_at - flight.settled_at:.1f} s before"
        flight.settled_at = None

    def sent_first(self, old, key, message):
        twice = self.came_twice(key)
        if old is not None and old.settled_at is None and not self.may_be_gone(old):
            yield "identifier", f"{self.name}: id {message.identifier} of {old.key}, under way, for {key} [MQTT-2.2.1-3]"
        for flight in self.open.values():
            if flight.key == key and not twice:
                yield "identifier", (
                    f"{self.name}: {key} was under way with id {flight.identifier}, now has {message.identifier} "
                    f"[MQTT-4.4.0-1]")
            elif (
                not self.may_be_gone(flight) and flight.key[0] == key[0] and flight.qos == message.qos
                and not flight.has_pubrel
            ):
                yield "order", f"{self.name}: {key} before {flight.key} came again [MQTT-4.6.0-1]"
        if self.seen[key] and message.qos == 1 and not message.is_duplicate and not twice:
            yield "unmarked", f"{self.name}: {key} came before, now without DUP, id {message.identifier}"
        self.order += 1
        self.seen_again(message.identifier)
        self.flights[message.identifier] = Flight(key, message, self.order, self.connection_end)

    def released(self, identifier):
        self.half_received.pop(identifier, None)
        flight = self.flights.get(identifier)
        if flight is None:
            return
        if self.seen_again(identifier):
            self.again[f"PUBREL of {flight.key[0]}"].append(flight)
        flight.has_pubrel = True

    def seen_again(self, identifier):
        """Whether what was under way with this identifier was expected on this connection; from now on it is not."""
        self.open.pop(identifier, None)
        return self.expected.pop(identifier, None) is not None

    def acknowledged(self, event):
        flight = self.flights.get(event.facts["identifier"])
        if flight is not None and event.facts["kind"] != mqtt.PUBREC:
            flight.settled_at = event.at
            self.open.pop(flight.identifier, None)
            self.under_way.discard(flight.identifier)

    def may_be_gone(self, flight):
        """One whose time is over need not come again, nor one with QoS 1 that was still unanswered to its publisher when
        the broker was killed: nobody was promised it."""
        if flight.key[0].startswith("expiring/short"):
            return True
        if flight.qos == 2 or flight.connection_end is None:
            return False
        kill = next((stop.at for stop in self.stops if stop.is_kill and stop.at >= flight.connection_end), None)
        if kill is None:
            return False
        return not any(publisher.answered_at.get(flight.key, kill) < kill for publisher in self.publishers)

    def came_twice(self, key):
        """Whether its publisher sent it again: with QoS 1 the broker may take it for another message."""
        return any(publisher.resent.get(key) for publisher in self.publishers)


def check_nothing_lost(subscriber, publishers, prefix):
    """Every message that was acknowledged to its publisher has come."""
    got = {
        (event.facts["message"].topic, number(event.facts["message"])) for event in subscriber.events
        if event.kind == "publish"}
    for publisher in publishers:
        wanted = {key for key in publisher.answered if key[0].startswith(prefix)}
        missing = sorted(wanted - got)
        if missing:
            yield "lost", f"{subscriber.name}: {len(missing)} of {len(wanted)}: {missing[:5]}"


def check_sessions(peer, stops, starts):
    """A lasting session is there at every return; one whose time has run out is not."""
    connections = connections_of(peer.events)
    for (before, _, lost), (connected, _, _) in zip(connections, connections[1:]):
        present, away = connected.facts["present"], connected.at - lost.at
        meanwhile = [start for start in starts if lost.at - UNCERTAIN < start.at <= connected.at]
        # Nothing promises that a session outlives a kill in its first moments.
        was_new = not before.facts["present"] and any(
            stop.is_kill and 0 < stop.at - before.at < UNCERTAIN for stop in stops)
        if peer.clean:
            if present:
                yield "session", f"{peer.name}: a clean session was present"
        elif peer.expiry == mqtt.FOREVER:
            if not present and not was_new:
                yield "session", f"{peer.name}: its session is lost"
        else:
            # After a crash, or with a clock that was set back, its time may run anew from the start.
            since = max([lost.at, *(start.at for start in meanwhile)])
            if present and connected.at - since > peer.expiry + LATE:
                yield "session", f"{peer.name}: resumed after {connected.at - since:.1f} s, expiry {peer.expiry}"
            jumped = any(start.jump > 0 for start in meanwhile)
            if not present and away < peer.expiry - 1 and not jumped and not was_new:
                around = [f"{start.at - lost.at:+.2f} (clock {start.jump:+d})" for start in starts if abs(start.at - lost.at) < 5]
                yield "session", (
                    f"{peer.name}: ended after {away:.2f} s, expiry {peer.expiry}; connected for "
                    f"{lost.at - before.at:.2f} s, ended by {lost.facts['how']}; starts {around}")


def check_wills(mortal, told, stops, starts, end):
    """Each will once, not too early, or never, as its client's end asks [MQTT-3.1.2-8, 3.1.2-10, 3.1.3-9, 3.14.4-3]."""
    times = collections.defaultdict(list)
    for at, generation in told:
        times[generation].append(at)
    connections = connections_of(mortal.events)
    for index, (up, _, lost) in enumerate(connections):
        generation = up.facts["generation"]
        found = times[generation]
        what = f"{mortal.name} v{mortal.version} clean={mortal.clean} delay={mortal.delay}: will {generation}"
        if len(found) > 1:
            yield "will doubled", f"{what} came {len(found)} times"
        if lost is None:
            if found:
                yield "will too early", f"{what} came while its client was connected"
            continue
        back = connections[index + 1][0].at if index + 1 < len(connections) else None
        killed = next((stop for stop in stops if stop.is_kill and -0.1 < stop.at - lost.at < UNCERTAIN), None)
        meanwhile = [
            start for start in starts if lost.at - UNCERTAIN < start.at and (back is None or start.at <= back)]
        how = lost.facts["how"]
        if how == "disconnect":
            # One that was said when the broker was ending may not have been read.
            if found and not any(-1 < stop.at - lost.at < UNCERTAIN for stop in stops):
                later = min((stop.at - lost.at for stop in stops if stop.at > lost.at), default=-1)
                yield "will too early", (
                    f"{what} came {found[0] - lost.at:.2f} s after its client said DISCONNECT; a stop {later:.2f} s after it")
            continue
        # A clean session's will does not wait; the delay of a lasting one may run anew from a start after a crash.
        delay = 0 if mortal.clean else mortal.delay
        # A clock that was set forward while the broker was down looks like time that has passed. Of one that was set back over
        # a crash up to two seconds are taken to have passed.
        jumped = any(start.jump > 0 for start in meanwhile)
        early = EARLY + 2 * any(start.jump < 0 for start in meanwhile)
        latest = max([lost.at, *(start.at for start in meanwhile)]) + delay
        ago = f"{back - lost.at:.2f} s later" if back else "never"
        stop = next((stop.kind for stop in stops if abs(stop.at - lost.at) < UNCERTAIN), "no stop")
        story = f"{what}: its client ended ({how}, {stop}) and was back {ago}"
        for at in found:
            if delay and at < lost.at + delay - early and not jumped:
                yield "will too early", f"{story}; it came after {at - lost.at:.2f} s"
        if found and delay and back and back < lost.at + delay - early and not jumped:
            yield "will too early", f"{story}; it came"
        is_due = latest + LATE < end and (not delay or back is None or latest + EARLY < back)
        was_new = killed is not None and killed.at - up.at < UNCERTAIN
        if is_due and not found and not was_new:
            yield "will lost", f"{story}; it never came"
    unknown = {connection[0].facts["generation"] for connection in connections}
    for generation in set(times) - unknown:
        if len(times[generation]) > 1:
            yield "will doubled", f"{mortal.name}: will {generation} came {len(times[generation])} times"


def check_expiry(reader, publishers, prefix, starts):
    """Nothing comes after its time, and nothing has more time than it was given [MQTT-3.3.2-5, 3.3.2-6]."""
    begun = set()
    for event in reader.events:
        if event.kind != "publish" or not event.facts["message"].topic.startswith(prefix):
            continue
        message = event.facts["message"]
        key = message.topic, number(message)
        # Once its delivery has begun it may be completed (§3.3.2.3.3).
        if message.is_duplicate or key in begun:
            continue
        begun.add(key)
        for publisher in publishers:
            given = publisher.expiries.get(key)
            if given is None:
                continue
            sent = max([publisher.sent_at[key], *publisher.resent.get(key, [])])
            # With a clock that was set back over a restart the time in between cannot be known.
            since = max([sent, *(start.at for start in starts if start.jump < 0 and sent < start.at <= event.at)])
            if reader.version == 5 and (message.expiry is None or message.expiry > given):
                yield "expiry", f"{reader.name}: {key} has {message.expiry} s to live, was given {given}"
            if event.at - since > given + LATE:
                yield "expiry", f"{reader.name}: {key} came after {event.at - since:.1f} s, was given {given}"
