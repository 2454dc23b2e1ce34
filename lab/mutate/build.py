# SPDX-License-Identifier: MIT
"""Builds an explorer of a tree with one file changed: compiles what reads the file, out of the tree,
and links it with the rest of a build of the tree by Ninja."""
import hashlib
import os
import pathlib
import re
import shlex
import shutil
import subprocess


class Wrong(Exception):
    """The tree cannot be built, or not like this."""


# What the copies of the tree have: what an engine is made of.
COPIED = ["src", "include", "lab/explore"]


def said(command, cwd=None):
    """Runs a command: (true if it succeeds, what it said)."""
    done = subprocess.run(command, cwd=cwd, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, check=False)
    return done.returncode == 0, done.stdout.decode(errors="replace")


def complaint(text):
    """The first line of an output that says what is wrong."""
    lines = [line.strip() for line in text.split("\n") if line.strip()]
    errors = [line for line in lines if re.search(r"error|Error|FAILED", line)]
    compiler = [line for line in errors if re.search(r":\d+: .*error", line)]
    return (compiler or errors or lines or ["it does not say why"])[0]


class Build:
    """A build of the unchanged tree."""

    def __init__(self, tree, build, engine):
        self.tree, self.build = tree, build
        self.program = f"roost-explore-{engine}"
        self.engine = engine

    def make(self):
        """Configures it if there is none, and brings the explorer up to date."""
        for program in ("cmake", "ninja"):
            if not shutil.which(program):
                raise Wrong(f"{program} is missing: `scripts/deps build` installs it")
        cache = self.build / "CMakeCache.txt"
        if not cache.exists():
            self.build.mkdir(parents=True, exist_ok=True)
            good, text = said(["cmake", "-G", "Ninja", "-Wno-dev", "-DROOST_TESTS=OFF", "-S",
                               str(self.tree), "-B", str(self.build)])
            if not good:
                cache.unlink(missing_ok=True)
                raise Wrong(f"{self.tree}: cannot be configured: {complaint(text)}")
        home = re.search(r"^CMAKE_HOME_DIRECTORY:INTERNAL=(.*)$", cache.read_text(), re.M)
        if not home or pathlib.Path(home[1]).resolve() != self.tree:
            raise Wrong(f"{self.build}: a build of {home[1] if home else 'nothing'}, not of "
                        f"{self.tree}: name another folder, by --build-dir=DIR")
        if not (self.build / "build.ninja").exists():
            raise Wrong(f"{self.build}: not a build by Ninja: name another folder, by --build-dir=DIR")
        good, text = said(["ninja", "-C", str(self.build), self.program])
        if not good and f"unknown target '{self.program}'" in text:
            raise Wrong(f"{self.tree}: it has no engine \"{self.engine}\" for the explorer: "
                        f"{self.build} makes no {self.program}")
        if not good:
            raise Wrong(f"{self.tree}: does not build unmodified: {complaint(text)}")
        self.read()

    def read(self):
        """How the explorer is made, and of which objects what they read."""
        _, text = said(["ninja", "-C", str(self.build), "-t", "commands", self.program])
        self.compiles, self.link = {}, None
        for line in text.split("\n"):
            words = shlex.split(line)
            if "-c" in words and "-o" in words:
                self.compiles[words[words.index("-o") + 1]] = words
            elif self.program in words and "-o" in words:
                self.link = [w for w in words if w not in (":", "&&")]
        self.compiles = {o: w for o, w in self.compiles.items() if o in self.link}
        _, text = said(["ninja", "-C", str(self.build), "-t", "deps"])
        self.readers = {}  # of a file
        target = None
        for line in text.split("\n"):
            if line.startswith(" ") and target in self.compiles:
                path = os.path.normpath(os.path.join(self.build, line.strip()))
                self.readers.setdefault(path, []).append(target)
            elif line.strip():
                target = line.split(":")[0]

    def objects_of(self, file):
        """The objects of the explorer that are made of a file."""
        return self.readers.get(str(self.tree / file), [])


class Copy:
    """A copy of the sources, in which one file at a time is changed."""

    def __init__(self, build, folder):
        self.build, self.folder = build, folder
        for name in COPIED:
            if (build.tree / name).is_dir():
                shutil.copytree(build.tree / name, folder / "tree" / name)
        self.tree = folder / "tree"
        names = "|".join(map(re.escape, COPIED))
        self.pattern = re.compile(rf"{re.escape(str(build.tree))}(?=/({names})(/|$))")
        self.clean = {}  # digests of the unchanged objects

    def digest(self, path):
        """Of an object's code: without what is for debuggers."""
        bare = self.folder / "bare.o"
        good, _ = said(["objcopy", "--strip-debug", str(path), str(bare)])
        return hashlib.sha256((bare if good else path).read_bytes()).digest()

    def compile(self, target, header, out):
        """Compiles a source, as the build does, from the copy: (true if that works, what was said)."""
        words = [self.pattern.sub(lambda _: str(self.tree), w) for w in self.build.compiles[target]]
        for option, more in (("-MD", 0), ("-MT", 1), ("-MF", 1)):
            if option in words:
                at = words.index(option)
                del words[at:at + 1 + more]
        words[words.index("-o") + 1] = str(out)
        words += ["-w", f"-ffile-prefix-map={self.tree}={self.build.tree}"]
        if header:
            text = self.folder / "operations.h"
            text.write_text(header)
            words += ["-include", str(text)]
        return said(words, self.build.build)

    def make(self, change, program):
        """Builds the explorer with a change: None; "same": it is the same code; or why it cannot be built."""
        path = self.tree / change.file
        clean = path.read_text()
        path.write_text(change.text)
        try:
            return self.compile_and_link(change, program)
        finally:
            path.write_text(clean)

    def compile_and_link(self, change, program):
        """The same, with the change in the copy."""
        link, same = list(self.build.link), True
        for number, target in enumerate(self.build.objects_of(change.file)):
            new = self.folder / f"{number}.o"
            good, text = self.compile(target, change.header, new)
            if not good:
                return complaint(text).replace(f"{self.tree}/", "")
            if target not in self.clean:
                self.clean[target] = self.digest(self.build.build / target)
            same &= self.digest(new) == self.clean[target]
            link[link.index(target)] = str(new)
        if same:
            return "same"
        link[link.index("-o") + 1] = str(program)
        good, text = said(link, self.build.build)
        return None if good else complaint(text)
