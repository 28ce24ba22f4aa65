"""What the soak prints: a line a minute, a line a storm, and the verdict."""

import contextlib
import pathlib
import time

# No turn of a loop may take longer.
TURN_BAR = 0.01


class Turns:
    """The lengths of all turns so far, as the histogram has them: upper bound → turns."""

    def __init__(self, metrics):
        samples = sorted(
            (float(labels["le"]), count)
            for labels, count in metrics.families["vernemq_loop_turn_seconds_bucket"])
        self.buckets, below = {}, 0
        for bound, count in samples:
            self.buckets[bound] = count - below
            below = count

    def since(self, older):
        """(upper bound of the longest turn, turns over the bar)"""
        new = {bound: count - older.buckets.get(bound, 0) for bound, count in self.buckets.items()}
        longest = max((bound for bound, count in new.items() if count > 0), default=0)
        return longest, int(sum(count for bound, count in new.items() if bound > TURN_BAR))


def processor_wait(broker):
    """Seconds the broker's threads were ready to run and had no processor, so far."""
    tasks = pathlib.Path(f"/proc/{broker.process.pid}/task").glob("*/schedstat")
    return sum(int(each.read_text().split()[1]) for each in tasks) / 1e9


class Report:
    def __init__(self, broker):
        self.broker, self.failures = broker, []
        self.turns = self.first = Turns(broker.metrics())
        self.waited = processor_wait(broker)
        self.resident = []

    def check(self, holds, text):
        if not holds:
            self.failures.append(text)
            print(f"  WRONG: {text}", flush=True)

    def turn_text(self):
        turns, now = Turns(self.broker.metrics()), processor_wait(self.broker)
        waited = now - self.waited
        longest, over = turns.since(self.turns)
        text = f"longest turn ≤ {longest * 1000:g} ms"
        if over:
            text += f", {over} OVER {TURN_BAR * 1000:g} ms"
        text += f" (waited {waited:.2f} s for a processor)"
        self.turns, self.waited = turns, now
        return text, over, waited

    def minute(self, minute, books, before, metrics, broker):
        seconds = 60 * (minute % 1 or 1)

        def rate(name):
            return f"{(books.counts[name] - before.get(name, 0)) / seconds:.0f}/s"

        self.resident.append(broker.resident_bytes())
        residuals = metrics.residuals()
        for equation in ("transit", "storage"):  # may be off under load
            residuals.pop(equation, None)
        print(
            f"minute {minute:.1f}: published {rate('published')}, delivered {rate('delivered')} "
            f"+ {rate('seen in passing')} in passing, sessions {metrics('sessions'):.0f}, "
            f"queued {metrics('queued_messages'):.0f}, RSS {self.resident[-1] >> 20} MiB, "
            f"{self.turn_text()[0]}, wrong: {dict(books.wrong) or 'nothing'}", flush=True)
        self.check(not residuals, f"ledger residuals {residuals}")

    @contextlib.contextmanager
    def storm(self, title):
        self.turn_text()
        start = time.monotonic()
        yield
        seconds = time.monotonic() - start
        text, over, waited = self.turn_text()
        print(f"storm: {title}: {seconds:.1f} s, {text}, RSS {self.broker.resident_bytes() >> 20} MiB", flush=True)
        what = f"{over} turns over {TURN_BAR * 1000:g} ms while {title}"
        if over and waited > TURN_BAR:
            # Without real-time priority; or with it, when a loop was busy for a second and the kernel stopped it.
            print(f"  UNSURE: {what}, which may be waits for a processor", flush=True)
        else:
            self.check(not over, what)

    def books(self, books):
        counts = ", ".join(f"{name} {count}" for name, count in sorted(books.counts.items()))
        print(f"books: {counts}")
        for what, count in books.wrong.items():
            self.check(False, f"{what}: {count}, such as {books.examples[what]}" if what in books.examples else what)

    def verdict(self):
        print("verdict: FAILED" if self.failures else "verdict: passed")
        for failure in self.failures:
            print(f"  {failure}")
        return 1 if self.failures else 0
