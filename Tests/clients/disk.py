"""A disk for the broker that can be full, fail to sync, and lose at a power cut what was not synced. See disk.c."""

import pathlib
import random
import subprocess

SOURCE = pathlib.Path(__file__).parent / "disk.c"


class Disk:
    """`environment` makes a broker whose data lies below `root` use it."""

    def __init__(self, folder, root):
        self.root, self.folder = root, folder
        self.object, self.book = folder / "disk.so", folder / "disk.book"
        self.full, self.sick = folder / "disk.full", folder / "disk.sick"
        subprocess.run(["cc", "-shared", "-fPIC", "-O1", "-o", self.object, SOURCE, "-ldl"], check=True)
        self.environment = {
            "LD_PRELOAD": str(self.object), "DISK_ROOT": f"{root}/", "DISK_BOOK": str(self.book),
            "DISK_FULL": str(self.full), "DISK_SICK": str(self.sick),
        }

    def synced_lengths(self):
        """Path → bytes that a power cut leaves. Renames and removals are taken as durable at once."""
        lengths = {}
        for line in self.book.read_text().splitlines():
            match line.split():
                case ["new", path]: lengths[path] = 0
                case ["synced", length, path]: lengths[path] = int(length)
                case ["renamed", old, new]: lengths[new] = lengths.pop(old, 0)
                case ["removed", path]: lengths.pop(path, None)
        return lengths

    def cut_power(self, keeps_some=False):
        """Call when the broker is dead. `keeps_some`: of what was not synced a part has reached the disk by chance."""
        lengths = self.synced_lengths()
        for path in self.root.rglob("*"):
            if path.is_file():
                synced, length = lengths.get(str(path), 0), path.stat().st_size
                with open(path, "r+b") as file:
                    file.truncate(random.randint(synced, max(synced, length)) if keeps_some else synced)
        # What is there now is on the disk.
        self.book.write_text("".join(
            f"synced {path.stat().st_size} {path}\n" for path in self.root.rglob("*") if path.is_file()))
