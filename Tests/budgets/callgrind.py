"""What callgrind counted: instructions by function, and who called whom how often."""

import collections
import pathlib
import re
import shutil
import subprocess

# What counts a reference up or down.
REFERENCES = re.compile(
    r"_*swift_(nonatomic_)?(retain|release|tryRetain|(bridgeObject|unknownObject|unowned|error)(Retain|Release)"
    r"|unownedRetainStrong(AndRelease)?)(_n)?_?('\d+)?")
# What gets memory, from the outermost to the innermost: Swift's, C++'s, the C library's and its insides.
ALLOCATORS = re.compile(
    r"(swift_(allocObject|slowAlloc|slowAllocTyped)|_Zn[wa]m.*|(__libc_)?(malloc|calloc|realloc|reallocarray|memalign"
    r"|aligned_alloc|posix_memalign|valloc|pvalloc)|_(int|mid)_(malloc|realloc|memalign)[.\w]*)('\d+)?")
NAME = re.compile(r"\((\d+)\)(?: (.*))?")


class Profile:
    """A file of callgrind's, all threads together."""

    def __init__(self, path):
        self.instructions = 0
        self.spent = collections.Counter()  # {function: instructions of its own}
        self.calls = collections.Counter()  # {(caller, callee): how often}
        names = {}

        def name(text):
            """A name is written out where it comes first, and has a number from then on."""
            number, written = NAME.fullmatch(text).groups()
            if written:
                names[number] = written
            return names[number]

        caller = callee = None
        is_of_callee = False
        for line in pathlib.Path(path).read_text(errors="replace").splitlines():
            key, _, value = line.partition("=")
            if line[:1].isdigit() or line[:1] in ("+", "-", "*"):
                if not is_of_callee:
                    self.spent[caller] += int(line.split()[1])
                is_of_callee = False
            elif key == "fn":
                caller = name(value)
            elif key == "cfn":
                callee = name(value)
            elif key == "calls":
                self.calls[caller, callee] += int(value.split()[0])
                is_of_callee = True  # the next line's cost
            elif line.startswith("totals:"):
                self.instructions += int(line.split()[1])
        assert self.instructions and sum(self.spent.values()) == self.instructions, f"{path} does not add up"

    def callers(self, functions):
        """{caller: calls} of functions that match, from those that do not: what they call among themselves is one call."""
        found = collections.Counter()
        for (caller, callee), count in self.calls.items():
            if functions.fullmatch(callee) and not functions.fullmatch(caller):
                found[caller] += count
        return found


def demangled(names):
    """The names as people write them, if Swift is there to say how."""
    swift = shutil.which("swift")
    if not swift:
        return names
    told = subprocess.run(
        [swift, "demangle", "--simplified"], input="\n".join(names), text=True, stdout=subprocess.PIPE, check=False)
    lines = told.stdout.splitlines()
    return lines if told.returncode == 0 and len(lines) == len(names) else names
