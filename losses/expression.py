"""What does the text of an objective mean?

The grammar is Python's own, read by `ast` and never evaluated: losses by name, their options in
parentheses, `+` between losses, `*` with a number, parentheses around sums. The path of a user's
own loss is no Python: underscores stand for it while the text is read, so that columns stay.
"""

from __future__ import annotations

import ast
from collections import defaultdict
from fractions import Fraction
from math import inf
from typing import NoReturn

from user_code.names import suggestion

from losses import own
from losses.errors import LossError
from losses.objective import Objective, Options, Term
from losses.registry import load, names, unknown

MAX_LENGTH = 1000
WRITE = "; write for example '2*bce + 0.5*ssim(window=7)'"


def parse(text: str) -> Objective:
    """Read an objective such as `bce + 0.5*ssim`, `ssim(window=7)` or `2*(bce + 0.1*l1)`.

    Parentheses are multiplied out, equal terms merged, terms ordered and options at their defaults
    dropped, so that two spellings of one objective are equal and print the same. A user's file that
    a loss is from is run.

    Args:
        text: The expression.

    Raises:
        LossError: The text is no such expression, the message being one line with the column; or a
            user's own loss cannot be loaded.
    """
    return _Reader(text).objective()


def names_in(text: str) -> set[str]:
    """Return the names of the losses in an expression that `parse` has read before.

    None of them is imported, and no user's file is run.
    """
    reader = _Reader(text)
    words = (node for node in ast.walk(reader.tree()) if isinstance(node, ast.Name))
    return {reader.name_at(word) for word in words}


class _Reader:
    """One text being read; every error points into it."""

    def __init__(self, text: str) -> None:
        # Each line break becomes one space, so that columns stay what they are.
        self.text = text.replace("\n", " ").replace("\r", " ")
        if len(self.text) > MAX_LENGTH:
            raise LossError(
                f"loss expression of {len(self.text)} characters; at most {MAX_LENGTH} are read"
            )
        # The paths of users' losses, by where they begin.
        self.paths = {path.start(): path[0] for path in own.SPEC.finditer(self.text)}
        self.source = own.SPEC.sub(lambda path: "_" * len(path[0]), self.text).lstrip()

    def objective(self) -> Objective:
        weights: defaultdict[tuple[str, Options], Fraction] = defaultdict(Fraction)
        # A stack instead of recursion, because a long sum is a deep tree.
        pending = [(self.tree(), Fraction(1))]
        while pending:
            node, weight = pending.pop()
            match node:
                case ast.BinOp(left, ast.Add(), right):
                    pending += [(right, weight), (left, weight)]
                case ast.BinOp(ast.Constant() as factor, ast.Mult(), inner) | ast.BinOp(
                    inner, ast.Mult(), ast.Constant() as factor
                ):
                    pending.append((inner, weight * self.factor(factor)))
                case ast.Name() as word:
                    weights[self.existing(word), ()] += weight
                case ast.Call(ast.Name() as word):
                    name = self.existing(word)
                    weights[name, self.options(name, node)] += weight
                case _:
                    self.reject(node)
        return Objective(
            tuple(
                Term(self.rounded(weight, name), name, options)
                for (name, options), weight in sorted(weights.items(), key=_place)
            )
        )

    def tree(self) -> ast.expr:
        """Return the text as Python reads it."""
        if not self.source:
            raise LossError(f"empty loss expression{WRITE}")
        if "#" in self.text:  # Python would take the rest for a comment, and drop it.
            raise LossError(f"'#' at column {self.text.index('#') + 1}{WRITE}")
        try:
            return ast.parse(self.source, mode="eval").body
        except SyntaxError as error:
            # Where the text ends too early, Python's offset is 0.
            offset = error.offset or len(self.source) + 1
            column = len(self.text) - len(self.source) + offset
            advice = own.PATHS if self.paths else WRITE
            raise LossError(f"syntax error at column {column}: {error.msg}{advice}") from None
        except (ValueError, MemoryError, RecursionError) as error:
            # How Python's parser refuses null bytes and too deep a nesting depends on its version.
            raise LossError(f"unreadable loss expression: {error}{WRITE}") from None

    def factor(self, node: ast.Constant) -> Fraction:
        """Return a weight exactly as it was written, so that 3*(0.1*l1) is 0.3*l1."""
        value = node.value
        if isinstance(value, bool) or not isinstance(value, int | float):
            self.fail(f"{value!r} is no weight", node, "; a weight is a number")
        if value == 0:
            self.fail("weight 0", node, "; leave the term out")
        if value == inf:
            self.fail("infinite weight", node, "; a weight is a finite number")
        return Fraction(repr(value))

    def rounded(self, weight: Fraction, name: str) -> float:
        """Return the weight of a whole term, as the number it is used with."""
        try:
            number = float(weight)
        except OverflowError:
            number = 0.0
        if number == 0:
            raise LossError(f"the weight of {name!r} is too large or too small for a float")
        return number

    def name_at(self, word: ast.Name) -> str:
        """Return the name of the loss that a word is, or stands for."""
        return self.paths.get(self.column(word) - 1, word.id)

    def existing(self, word: ast.Name) -> str:
        """Return the same of a loss that there is."""
        name = self.name_at(word)
        if own.is_own_code(name):
            load(name)
        elif name not in names():
            raise unknown(name, f" at column {self.column(word)}")
        return name

    def options(self, name: str, call: ast.Call) -> Options:
        """Return the options of a call that differ from their defaults, sorted."""
        if not call.args and not call.keywords:
            return ()
        loss = load(name)
        defaults = loss.defaults
        if call.args:
            if not defaults:
                self.fail(f"{name} takes no options", call.args[0])
            choices = f"; write name=value (choices: {', '.join(defaults)})"
            self.fail("option without a name", call.args[0], choices)
        options: dict[str, float] = {}
        for keyword in call.keywords:
            option = keyword.arg or "**"
            if option not in defaults:
                self.fail(f"{name} has no option {option!r}", keyword, suggestion(option, defaults))
            if option in options:
                self.fail(f"{option} given twice", keyword, "; give each option once")
            try:
                value = ast.literal_eval(keyword.value)
            except (ValueError, TypeError):
                value = None
            if not loss.accepts(option, value):
                segment = self.segment(keyword)
                required = f"; {option} is {loss.requirement(option)}"
                self.fail(f"{name} does not take {segment}", keyword, required)
            options[option] = value
        return tuple(sorted(item for item in options.items() if item[1] != defaults[item[0]]))

    def reject(self, node: ast.expr) -> NoReturn:
        """Raise the error for what is no part of the grammar."""
        match node:
            case (
                (ast.UnaryOp(ast.USub()) as negative)
                | ast.BinOp(ast.UnaryOp(ast.USub()) as negative, ast.Mult(), _)
                | ast.BinOp(_, ast.Mult(), ast.UnaryOp(ast.USub()) as negative)
                | ast.BinOp(_, ast.Sub(), negative)
            ):
                self.fail("negative weight", negative, "; it would reward error")
            case ast.Constant(value):
                self.fail(f"{value!r} is no loss", node, WRITE)
            case ast.BinOp(_, ast.Mult(), _):
                self.fail("a product without a plain number", node, WRITE)
            case _:
                segment = self.segment(node)
                self.fail(f"{segment!r} is no sum of losses", node, WRITE)

    def fail(self, what: str, node: ast.expr | ast.keyword, advice: str = "") -> NoReturn:
        raise LossError(f"{what} at column {self.column(node)}{advice}")

    def segment(self, node: ast.expr | ast.keyword) -> str:
        """Return the part of the text that a node was read from."""
        text = ast.get_source_segment(self.source, node) or ""
        start = self.column(node) - 1
        return self.text[start : start + len(text)]

    def column(self, node: ast.expr | ast.keyword) -> int:
        """Return where a node begins in the text, from 1."""
        # Python counts a column in UTF-8 bytes from 0.
        before = self.source.encode()[: node.col_offset].decode()
        return len(self.text) - len(self.source) + len(before) + 1


def _place(term: tuple[tuple[str, Options], Fraction]) -> tuple[str, Options, str]:
    """Where a term stands among others, which does not depend on the folders of users' files."""
    (name, options), _ = term
    return own.without_folders(name), options, name
