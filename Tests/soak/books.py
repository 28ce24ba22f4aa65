"""The soak's own books: what was published, what came, and what is wrong with it."""

import collections


class Books:
    """Messages are numbered from 1 for each (publisher, QoS)."""

    def __init__(self):
        self.published = collections.defaultdict(int)
        # Sent by a client whose session ended before the acknowledgement: may arrive or not.
        self.uncertain = collections.defaultdict(set)
        # Sent again by the publisher: at QoS 1 the broker may take it for another message.
        self.resent = collections.defaultdict(set)
        self.wrong = collections.Counter()
        self.examples = {}
        self.counts = collections.Counter()
        self.readers = []

    def next_number(self, stream):
        self.published[stream] += 1
        self.counts["published"] += 1
        return self.published[stream]

    def reader(self, name, streams):
        """The books of a persistent subscriber: nothing of `streams` may be lost at QoS 1 and 2."""
        made = Reader(self, name, streams)
        self.readers.append(made)
        return made

    def note(self, what, example):
        self.wrong[what] += 1
        self.examples.setdefault(what, example)

    def close(self):
        """Looks for losses, when all is said to have been delivered."""
        for reader in self.readers:
            reader.close()

    def check(self, holds, what, example=""):
        if not holds:
            self.note(what, example)


class Reader:
    """What one subscriber got: the last number of each stream, and the numbers passed over so far."""

    def __init__(self, books, name, streams):
        self.books, self.name, self.streams = books, name, streams
        self.last = collections.defaultdict(int)
        self.missing = collections.defaultdict(set)

    def took(self, stream, number, is_duplicate):
        last, missing = self.last[stream], self.missing[stream]
        self.books.counts["delivered"] += 1
        if number > last:
            missing.update(range(last + 1, number))
            self.last[stream] = number
        elif number in missing:
            missing.discard(number)
            self.books.note("out of order", f"{self.name} got {stream} {number} after {last}")
        elif stream[1] == 1 and (is_duplicate or number in self.books.resent[stream]):
            self.books.counts["duplicates at QoS 1"] += 1
        else:
            what = "duplicate at QoS 2" if stream[1] == 2 else "duplicate without DUP"
            self.books.note(what, f"{self.name} got {stream} {number} again, last was {last}")

    def close(self):
        for publisher in self.streams:
            for qos in (1, 2):
                stream = publisher, qos
                passed = set(range(self.last[stream] + 1, self.books.published[stream] + 1))
                lost = (self.missing[stream] | passed) - self.books.uncertain[stream]
                if lost:
                    self.books.wrong["lost"] += len(lost)
                    self.books.examples.setdefault("lost", f"{self.name} never got {stream} {sorted(lost)[:5]}")


class TeamReader(Reader):
    """What the members of one shared subscription got together, in no order."""

    def __init__(self, books, name, streams, sessions_end):
        super().__init__(books, name, streams)
        self.sessions_end = sessions_end
        self.seen = collections.defaultdict(set)
        books.readers.append(self)

    def took(self, stream, number, is_duplicate):
        self.books.counts["delivered"] += 1
        seen = self.seen[stream]
        if number in seen and stream[1] == 2:
            self.books.note("duplicate at QoS 2", f"{self.name} got {stream} {number} again")
        seen.add(number)

    def close(self):
        # A QoS 2 message that a member had been sent ends with that member's session.
        for publisher in self.streams:
            for qos in (1,) if self.sessions_end else (1, 2):
                stream = publisher, qos
                lost = set(range(1, self.books.published[stream] + 1)) - self.seen[stream]
                lost -= self.books.uncertain[stream]
                if lost and self.sessions_end:
                    self.books.counts["lost with their session"] += len(lost)
                elif lost:
                    self.books.wrong["lost"] += len(lost)
                    self.books.examples.setdefault("lost", f"{self.name} never got {stream} {sorted(lost)[:5]}")
