# SPDX-License-Identifier: MIT
"""Changes of a few lines each, as docs/lab.md describes them: reads a file of them, and applies them."""
import dataclasses
import pathlib
import re


class Wrong(Exception):
    """A file of changes, or one of them, is wrong."""


@dataclasses.dataclass
class Hunk:
    """Lines that become others: in a function, or anywhere in the file."""

    line: int  # in the file of changes
    function: str = ""
    old: list = dataclasses.field(default_factory=list)
    new: list = dataclasses.field(default_factory=list)


@dataclasses.dataclass
class Change:
    """One mutant."""

    name: str
    file: str
    where: str = ""  # FILE:LINE of a file of changes
    hunks: list = dataclasses.field(default_factory=list)
    scenarios: list = dataclasses.field(default_factory=list)  # (name, free path or None)
    outcome: str = "*"  # of the finding
    header: str = ""  # what must be included for it
    text: str = ""  # the file as it becomes


# ---- Reading ---------------------------------------------------------------------------------------

class Reader:
    """Reads one file, line by line."""

    def __init__(self, path):
        self.path = path
        self.number = 0
        self.changes = []
        self.names = {}
        self.ended = False  # by a blank line

    def wrong(self, text, line=None):
        """What to raise: with its place."""
        return Wrong(f"{self.path}:{line or self.number}: {text}")

    def read(self):
        """All changes of the file."""
        try:
            text = pathlib.Path(self.path).read_text(encoding="utf-8")
        except OSError as error:
            raise Wrong(f"{self.path}: cannot read: {error.strerror}") from error
        except UnicodeDecodeError as error:
            raise Wrong(f"{self.path}: not a text: a byte is not UTF-8") from error
        for self.number, line in enumerate(text.split("\n"), 1):
            self.line(line)
        for change in self.changes:
            self.complete(change)
        if not self.changes:
            raise Wrong(f"{self.path}: no change in it: a line \"mutant NAME FILE\" begins one")
        return self.changes

    def line(self, line):
        """One line."""
        if line[:1] in ("-", "+"):
            self.changed(line[0], line[1:].strip())
            return
        self.ended |= not line.strip()
        word, *arguments = line.split() or ["#"]
        if word.startswith("#"):
            return
        kinds = {"mutant": self.mutant, "in": self.function, "by": self.scenario, "as": self.result}
        if word not in kinds:
            raise self.wrong(f"\"{word}\": a line begins with mutant, in, by, as, -, + or #")
        if word != "mutant" and not self.changes:
            raise self.wrong(f"\"{word}\" before the first line \"mutant NAME FILE\"")
        kinds[word](arguments)

    def mutant(self, arguments):
        """mutant NAME FILE"""
        if len(arguments) != 2:
            raise self.wrong("it takes a name and a file: mutant NAME FILE")
        name, file = arguments
        if not re.fullmatch(r"[\w.+-]+", name) or name.startswith((".", "-")):
            raise self.wrong(f"\"{name}\": a name has letters, digits, and - . _ + after the first")
        if name in self.names:
            raise self.wrong(f"{name} is there already, in line {self.names[name]}")
        self.names[name] = self.number
        if file.startswith("/") or ".." in file.split("/"):
            raise self.wrong(f"{file}: name it from the root of the tree, as src/sets/free.c")
        self.changes.append(Change(name, file, f"{self.path}:{self.number}"))

    def function(self, arguments):
        """in FUNCTION"""
        if len(arguments) != 1:
            raise self.wrong("it takes the name of a function: in FUNCTION")
        self.changes[-1].hunks.append(Hunk(self.number, arguments[0].removesuffix("()")))

    def scenario(self, arguments):
        """by SCENARIO [PATH]"""
        if len(arguments) not in (1, 2):
            raise self.wrong("it takes a scenario, and maybe a free path: by SCENARIO [PATH]")
        self.changes[-1].scenarios.append((arguments[0], (arguments + [None])[1]))

    def result(self, arguments):
        """as OUTCOME"""
        if not arguments:
            raise self.wrong("it takes an outcome, with * for anything: as OUTCOME")
        self.changes[-1].outcome = " ".join(arguments)

    def changed(self, sign, text):
        """A line that goes, or one that comes."""
        if not self.changes:
            raise self.wrong(f"\"{sign}\" before the first line \"mutant NAME FILE\"")
        hunks = self.changes[-1].hunks
        if sign == "-" and (not hunks or hunks[-1].new or (self.ended and hunks[-1].old)):
            hunks.append(Hunk(self.number, hunks[-1].function if hunks else ""))
        self.ended = False
        if not hunks or (sign == "+" and not hunks[-1].old):
            raise self.wrong("a line + comes after the lines - that it replaces")
        if sign == "-" and not hunks[-1].old:
            hunks[-1].line = self.number
        (hunks[-1].old if sign == "-" else hunks[-1].new).append(text)

    def complete(self, change):
        """Is there something in it?"""
        line = self.names[change.name]
        change.hunks = [h for h in change.hunks if h.old]
        if not change.hunks:
            raise self.wrong(f"{change.name} changes nothing: it has no line that begins with -", line)
        for hunk in change.hunks:
            if hunk.old == hunk.new:
                raise self.wrong(f"{change.name} changes nothing: - and + are the same", hunk.line)


def read(path):
    """The changes of a file."""
    return Reader(path).read()


# ---- Applying --------------------------------------------------------------------------------------

def function_of(lines, name):
    """The lines of a function, from its name to the bracket that ends it: (first, after the last)."""
    head = re.compile(rf"[A-Za-z].*\b{re.escape(name)}\(")
    for first in (i for i, line in enumerate(lines) if head.match(line)):
        begun = next((i for i in range(first, len(lines)) if lines[i].endswith((";", "{"))), first)
        if lines[begun].endswith(";"):
            continue  # a declaration
        last = next((i for i in range(begun, len(lines)) if lines[i].startswith("}")), None)
        if last:
            return first, last + 1
    return None


def short(lines):
    """The lines of a hunk for a message."""
    return f"\"{lines[0]}\"" + (f" and the {len(lines) - 1} after it" if len(lines) > 1 else "")


def place_of(hunk, lines, change, path):
    """Where a hunk's lines begin."""
    where = f"{path}:{hunk.line}: {change.name}: {change.file}"
    first, after = 0, len(lines)
    if hunk.function:
        found = function_of(lines, hunk.function)
        if not found:
            raise Wrong(f"{where} has no function {hunk.function}()")
        first, after = found
        where += f", {hunk.function}(),"
    stripped = [line.strip() for line in lines]
    n = len(hunk.old)
    places = [i for i in range(first, after - n + 1) if stripped[i:i + n] == hunk.old]
    if not places:
        raise Wrong(f"{where} has no line {short(hunk.old)}")
    if len(places) > 1:
        numbers = ", ".join(str(p + 1) for p in places[:4])
        more = "add lines before or after it" if hunk.function else \
            "name its function, by \"in FUNCTION\", or add lines before or after it"
        raise Wrong(f"{where} has {short(hunk.old)} {len(places)} times, in lines {numbers}: {more}")
    return places[0]


def apply(change, tree):
    """Sets the text of the changed file."""
    path = change.where.rpartition(":")[0]
    try:
        lines = (pathlib.Path(tree) / change.file).read_text(encoding="utf-8").split("\n")
    except OSError as error:
        raise Wrong(f"{change.where}: {change.file}: cannot read it in {tree}: "
                    f"{error.strerror}") from error
    places = sorted(((place_of(h, lines, change, path), h) for h in change.hunks),
                    key=lambda p: -p[0])
    for at, hunk in places:
        indent = re.match(r"\s*", lines[at])[0]
        lines[at:at + len(hunk.old)] = [indent + text if text else "" for text in hunk.new]
    change.text = "\n".join(lines)
