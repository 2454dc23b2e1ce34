# SPDX-License-Identifier: MIT
"""Makes faults (mutants) of an engine on clang's syntax tree.

For `scripts/mutants` and `roost explore --mutate --generate`. The sources are those below the current
folder.
"""
import dataclasses
import difflib
import pathlib
import re

from clang import cindex

ATOMIC = "src/core/atomic.h"
# What is broken of each engine: its folder, and of the core what only it uses.
ENGINES = {"pcpbuddy": ["src/pcpbuddy", "src/core/lock.h"],
           "sets": ["src/sets", "src/core/set.c", "src/core/set.h", "src/core/hint.c",
                     "src/core/hint.h"]}
# Object caches, which run on an engine.
PARTS = {"slab": ["src/slab"]}

# What only looks. A fault there breaks no allocator, and test_inspect and test_dump, which compare
# their output with what is known, are a test of another kind; --observers includes them.
OBSERVERS = {"inspect.c", "validate.c", "dump.c"}

# All code is to be seen by the parser, also what only one of the builds has.
PARSES = [["-DROOST_LAB=1"], ["-DROOST_LAB=1", "-DROOST_SMP=0"]]
PARSE_FLAGS = ["-x", "c", "-std=gnu11", "-Iinclude", "-Isrc", "-Isrc/port/posix"]


class Wrong(Exception):
    """What is to be broken cannot be parsed, or is not there."""


@dataclasses.dataclass(frozen=True)
class Mutant:
    """One fault: bytes start to end of a file become text."""

    file: str
    line: int
    column: int
    operator: str
    start: int
    end: int
    text: str

    @property
    def id(self):
        """Names the mutant for --only and in results."""
        return f"{self.file}:{self.line}:{self.column}:{self.operator}"

    @property
    def kind(self):
        """The operator without its parameter."""
        return self.operator.split("-")[0]


# Weaker orders of each order, for what the operation can be given.
WEAKER = {
    "load": {"sc": ["acq", "rlx"], "acq": ["rlx"]},
    "store": {"sc": ["rel", "rlx"], "rel": ["rlx"]},
    "rmw": {"sc": ["acqrel", "acq", "rel", "rlx"], "acqrel": ["acq", "rel", "rlx"],
            "acq": ["rlx"], "rel": ["rlx"]},
    "fence": {"sc": ["acqrel"], "acqrel": ["acq", "rel"], "acq": [], "rel": []},
}
ORDERS = {"rlx": "relaxed", "acq": "acquire", "rel": "release", "acqrel": "acq_rel",
          "sc": "seq_cst"}
ATOMIC_NAME = re.compile(r"rst_([a-z0-9_]+?)_(rlx|acq|rel|acqrel|sc)$")


def atomic_name(name):
    """(operation, class of operations, order) of a name as in atomic.h, or None."""
    match = ATOMIC_NAME.match(name)
    if not match:
        return None
    base = re.match("[a-z]+", match[1])[0]
    return match[1], base if base in WEAKER else "rmw", match[2]


def weaken(body, order):
    """The definition of an atomic operation with a weaker order; a failure's is never stronger."""
    count = 0

    def replace(match):
        nonlocal count
        count += 1
        if count == 1:
            return "memory_order_" + ORDERS[order]
        if order in ("rlx", "rel"):
            return "memory_order_relaxed"
        return "memory_order_acquire" if match[1] == "seq_cst" else match[0]
    return re.sub(r"memory_order_([a-z_]+)", replace, body)


class Atomics:
    """The operations of atomic.h, and weaker ones to take their place.

    A weaker one that atomic.h does not have is appended to the scratch copies' atomic.h, which is
    the same for all mutants, so that nothing is built twice for it.
    """

    def __init__(self):
        self.extra = {}
        self.bodies = {}
        source = pathlib.Path(ATOMIC).read_bytes()
        for node in parse(ATOMIC, PARSES[0]).cursor.get_children():
            if not atomic_name(node.spelling) or not in_file(node, ATOMIC):
                continue
            if node.kind in (cindex.CursorKind.MACRO_DEFINITION, cindex.CursorKind.FUNCTION_DECL):
                body = source[node.extent.start.offset:node.extent.end.offset].decode()
                if node.kind == cindex.CursorKind.MACRO_DEFINITION:
                    body = "#define " + body
                self.bodies[node.spelling] = body
        for name in list(self.bodies):
            for order, weaker in self.weaker(name):
                if weaker.startswith("mutant_"):
                    text = weaken(self.bodies[name], order)
                    self.extra[weaker] = re.sub(rf"\b{name}\b", weaker, text)

    def weaker(self, name):
        """(order, name of the weaker operation) for all of them."""
        operation, kind, order = atomic_name(name)
        for weak in WEAKER[kind].get(order, []):
            there = f"rst_{operation}_{weak}"
            yield weak, there if there in self.bodies else f"mutant_{operation}_{order}_{weak}"

    def header(self):
        """atomic.h for the scratch copies."""
        text = pathlib.Path(ATOMIC).read_text()
        at = text.rindex("#endif")
        return text[:at] + "\n\n".join(self.extra.values()) + "\n\n" + text[at:]


def parse(file, defines):
    """The syntax tree of a file, with its macros."""
    index = cindex.Index.create()
    options = cindex.TranslationUnit.PARSE_DETAILED_PROCESSING_RECORD
    unit = index.parse(file, args=PARSE_FLAGS + defines, options=options)
    errors = [str(d) for d in unit.diagnostics if d.severity >= cindex.Diagnostic.Error]
    if errors:
        raise Wrong(errors[0])
    return unit


def in_file(node, file):
    """Is a node of this file itself, not of what it includes?"""
    return node.location.file is not None and node.location.file.name == file


COMPARE = {"<": "<=", "<=": "<", ">": ">=", ">=": ">"}
LOOPS = (cindex.CursorKind.WHILE_STMT, cindex.CursorKind.DO_STMT, cindex.CursorKind.FOR_STMT)
BODIES = LOOPS + (cindex.CursorKind.IF_STMT, cindex.CursorKind.COMPOUND_STMT,
                  cindex.CursorKind.CASE_STMT, cindex.CursorKind.DEFAULT_STMT)

# Calls that become others: what a caller may do wrong with a lock or with interrupts.
CALLS = {
    "rst_try": [("try-waits", "(rst_wait_wrongly({args}), true)"), ("try-never", "(0 && {call})")],
    "rst_spin_try": [("try-waits", "(rst_spin_wait({args}), true)"),
                     ("try-never", "(0 && {call})")],
    "rst_irq_save": [("irq-on", "({{ rst_irq_t was = {call}; rst_irq_restore(was); was; }})")],
}
# Where these calls are not replaced: the functions that the replacements call.
WAITERS = {"rst_wait_wrongly", "rst_spin_wait"}


class Maker:
    """Walks over one file's syntax tree and collects its mutants."""

    def __init__(self, file, defines, atomics):
        self.file = file
        self.atomics = atomics
        self.source = pathlib.Path(file).read_bytes()
        self.made = {}
        self.function = None
        self.tree = parse(file, defines).cursor

    def make(self):
        """All mutants by id."""
        for node in self.tree.get_children():
            if not in_file(node, self.file):
                continue
            if node.kind == cindex.CursorKind.MACRO_INSTANTIATION:
                self.order(node)
            elif node.kind == cindex.CursorKind.FUNCTION_DECL:
                self.function = node.spelling
                self.walk(node)
        return self.made

    def text(self, node):
        """The node's text. Empty inside the arguments of a macro: it has no place of its own."""
        return self.source[node.extent.start.offset:node.extent.end.offset].decode()

    def add(self, operator, start, end, text):
        """One mutant; the first of two with the same id is the one."""
        before = self.source[:start]
        line = before.count(b"\n") + 1
        column = start - (before.rfind(b"\n") + 1) + 1
        mutant = Mutant(self.file, line, column, operator, start, end, text)
        self.made.setdefault(mutant.id, mutant)

    def replace(self, operator, node, text):
        """A mutant in the place of a node that has one."""
        if self.text(node):
            self.add(operator, node.extent.start.offset, node.extent.end.offset, text)

    def walk(self, node):
        """A node and what is below it."""
        children = list(node.get_children())
        self.conditions(node, children)
        self.statements(node, children)
        if node.kind == cindex.CursorKind.BINARY_OPERATOR and len(children) == 2:
            self.binary(children)
        if node.kind == cindex.CursorKind.CALL_EXPR:
            self.call(node, children)
        if node.kind == cindex.CursorKind.DECL_REF_EXPR:
            self.order(node)
        for child in children:
            self.walk(child)

    # -- Conditions

    def for_condition(self, node, children):
        """The condition of a for: of its parts only those that are there are children."""
        body = children[-1].extent.start.offset
        semicolons = [t.extent.start.offset for t in node.get_tokens()
                      if t.spelling == ";" and t.extent.start.offset < body][:2]
        return [c for c in children[:-1]
                if semicolons[0] < c.extent.start.offset < semicolons[1]][:1]

    def conditions(self, node, children):
        """Negates what a branch depends on."""
        kinds = cindex.CursorKind
        tested = []
        if node.kind in (kinds.IF_STMT, kinds.WHILE_STMT, kinds.CONDITIONAL_OPERATOR):
            tested = children[:1]
        elif node.kind == kinds.DO_STMT:
            tested = children[1:]
        elif node.kind == kinds.FOR_STMT:
            tested = self.for_condition(node, children)
        for condition in tested:
            self.replace("negate", condition, f"!({self.text(condition)})")

    def between(self, left, right):
        """The operator between two operands and where it stands."""
        start, end = left.extent.end.offset, right.extent.start.offset
        match = re.search(rb"\S+", self.source[start:end]) if start < end else None
        return (match[0].decode(), start + match.start()) if match else ("", 0)

    def operand(self, node):
        """Negates an operand of && or ||, unless it is made of these itself."""
        while node.kind in (cindex.CursorKind.PAREN_EXPR, cindex.CursorKind.UNEXPOSED_EXPR):
            inner = list(node.get_children())
            if len(inner) != 1 or not self.text(inner[0]):
                break
            node = inner[0]
        children = list(node.get_children())
        if node.kind == cindex.CursorKind.BINARY_OPERATOR and len(children) == 2 and \
                self.between(*children)[0] in ("&&", "||"):
            return
        self.replace("negate-operand", node, f"!({self.text(node)})")

    def binary(self, children):
        """Operands of && and ||; comparisons off by one; a one that is forgotten."""
        if not all(self.text(c) for c in children):
            return
        operator, at = self.between(*children)
        if operator in ("&&", "||"):
            for child in children:
                self.operand(child)
        elif operator in COMPARE:
            self.add("boundary-compare", at, at + len(operator), COMPARE[operator])
        elif operator in ("+", "-") and re.fullmatch("1[uUlL]*", self.text(children[1])):
            self.add("boundary-one", at, children[1].extent.end.offset, "")

    # -- Statements

    def statements(self, node, children):
        """Drops each expression statement, break, continue and plain return.

        The statement stays behind a condition that never holds: what it names counts as used.
        """
        kinds = cindex.CursorKind
        if node.kind not in BODIES:
            return
        if node.kind == kinds.COMPOUND_STMT:
            bodies = children
        elif node.kind == kinds.DO_STMT:
            bodies = children[:1]
        elif node.kind == kinds.IF_STMT:
            bodies = children[1:]
        else:
            bodies = children[-1:]
        for body in bodies:
            text = self.text(body)
            plain_return = body.kind == kinds.RETURN_STMT and text == "return"
            if body.kind.is_expression() or plain_return or \
                    body.kind in (kinds.BREAK_STMT, kinds.CONTINUE_STMT):
                self.replace("drop", body, self.dropped(body, text))

    @staticmethod
    def dropped(body, text):
        """break and continue would mean the loop that the others are wrapped in."""
        if body.kind in (cindex.CursorKind.BREAK_STMT, cindex.CursorKind.CONTINUE_STMT):
            return "(void)0"
        return f"do if (0) {text}; while (0)"

    # -- Calls

    def call(self, node, children):
        """Tries that wait or are never had, interrupts that stay on."""
        if self.function in WAITERS or node.spelling not in CALLS:
            return
        args = ", ".join(self.text(c) for c in children[1:])
        for operator, text in CALLS[node.spelling]:
            self.replace(operator, node, text.format(args=args, call=self.text(node)))

    def order(self, node):
        """Weaker memory orders; a fence also goes altogether (where the statement is dropped)."""
        name, start = node.spelling, node.extent.start.offset
        end = start + len(name)
        if name not in self.atomics.bodies or self.source[start:end].decode() != name:
            return
        for weak, text in self.atomics.weaker(name):
            self.add(f"order-{weak}", start, end, text)


def source_files(places, observers):
    """The files to break, by folder or by name."""
    files = []
    for place in places:
        path = pathlib.Path(place)
        if path.is_dir():
            files += sorted(p for p in path.iterdir() if p.suffix in (".c", ".h"))
        elif path.is_file():
            files.append(path)
        else:
            raise Wrong(f"{place}: no such file or folder")
    return [str(f) for f in files if observers or f.name not in OBSERVERS]


def make_mutants(files, atomics):
    """All mutants of the files, in the order of the sources."""
    made = []
    for file in files:
        mutants = {}
        for defines in PARSES:
            for key, mutant in Maker(file, defines, atomics).make().items():
                mutants.setdefault(key, mutant)
        made += sorted(mutants.values(), key=lambda m: (m.start, m.end, m.operator))
    return made


def diff_of(mutant):
    """The fault as a patch."""
    old = pathlib.Path(mutant.file).read_bytes()
    new = old[:mutant.start] + mutant.text.encode() + old[mutant.end:]
    lines = difflib.unified_diff(old.decode().splitlines(), new.decode().splitlines(),
                                 "a/" + mutant.file, "b/" + mutant.file, n=1, lineterm="")
    return "\n".join(lines)
