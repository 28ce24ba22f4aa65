"""A wall clock for a broker, which can be wrong and be set while the broker runs. See wall_clock.c."""

import calendar
import pathlib
import struct
import subprocess
import time

SOURCE = pathlib.Path(__file__).parent / "wall_clock.c"
DAY = 86_400


def in_year(year):
    """The offset of a clock that shows this year."""
    return calendar.timegm((year, 6, 1, 0, 0, 0)) - int(time.time())


class WallClock:
    """`environment` makes a broker use it. `offset` is in seconds."""

    def __init__(self, folder, offset=0):
        self.object, self.file = folder / "wall_clock.so", folder / "wall_clock"
        self.file.write_bytes(struct.pack("=q", offset))
        subprocess.run(["cc", "-shared", "-fPIC", "-O1", "-o", self.object, SOURCE], check=True)
        self.environment = {"LD_PRELOAD": str(self.object), "WALL_CLOCK": str(self.file)}

    def set(self, offset):
        with open(self.file, "r+b") as file:  # in place: the broker has it in its memory
            file.write(struct.pack("=q", offset))
