"""Whether the template of a label or an annotation can be read: Go's ``text/template``.

What is looked at is what Prometheus looks at when it reads rules: actions are closed, blocks end,
functions and variables exist. Nothing is filled in.
"""

from __future__ import annotations

import re
from typing import Final

FUNCTIONS: Final = frozenset(
    {
        # Go's own
        "and", "call", "html", "index", "slice", "js", "len", "not", "or", "print", "printf",
        "println", "urlquery", "eq", "ge", "gt", "le", "lt", "ne",
        # Prometheus's
        "query", "first", "label", "value", "sortByLabel", "match", "title", "toUpper", "toLower",
        "graphLink", "tableLink", "reReplaceAll", "safeHtml", "humanize", "humanize1024",
        "humanizeDuration", "humanizePercentage", "humanizeTimestamp", "externalURL", "pathPrefix",
        "parseDuration", "tmpl", "args", "strvalue", "stripPort", "stripDomain", "toTime",
        "toDuration", "now", "urlQueryEscape",
    }
)  # fmt: skip
_GIVEN: Final = ("$", "$labels", "$externalLabels", "$externalURL", "$value")
_TOKEN = re.compile(
    r"""(?P<space>\s+)
    |(?P<text>"(?:[^"\\\n]|\\.)*"|`[^`]*`|'(?:[^'\\\n]|\\.)+')
    |(?P<number>[-+]?(?:0[xX][0-9a-fA-F_]+|(?:[0-9][0-9_]*(?:\.[0-9_]*)?|\.[0-9][0-9_]*)
        (?:[eE][-+]?[0-9]+)?)i?)(?![\w])
    |(?P<variable>\$\w*)
    |(?P<field>(?:\.[^\W\d]\w*)+|\.)
    |(?P<word>[^\W\d]\w*)
    |(?P<sign>:=|=|\(|\)|\||,)""",
    re.VERBOSE,
)
_BLOCKS = frozenset({"if", "range", "with"})
_CONSTANTS = frozenset({"true", "false", "nil"})
_LEFT, _RIGHT = "{{", "}}"


class _FlawError(ValueError):
    pass


def template_flaw(text: str) -> str | None:
    """What is wrong with a template, in words, or None."""
    if _LEFT not in text:
        return None
    reader = _Reader()
    try:
        at = text.find(_LEFT)
        while at >= 0:
            at = text.find(_LEFT, reader.action(text, at + len(_LEFT)))
        reader.finish()
    except _FlawError as flaw:
        return str(flaw)
    return None


class _Reader:
    def __init__(self) -> None:
        self.blocks: list[tuple[str, int]] = []
        self.variables = list(_GIVEN)

    def action(self, text: str, at: int) -> int:
        """Read an action that begins at ``at``; where it ends."""
        if text[at : at + 1] == "-" and text[at + 1 : at + 2].isspace():
            at += 2
        if text.startswith("/*", at):
            end = text.find("*/", at)
            closed = re.compile(r"\*/(?:\s-)?\}\}").match(text, end) if end >= 0 else None
            if closed is None:
                raise _FlawError("a comment is not closed")
            return closed.end()
        tokens: list[tuple[str, str]] = []
        while True:
            closing = re.compile(r"\s+-\}\}|\s*\}\}").match(text, at)
            if closing:
                self.read(tokens)
                return closing.end()
            token = _TOKEN.match(text, at)
            if token is None:
                raise _FlawError(_stuck(text, at))
            kind = str(token.lastgroup)
            tokens.append((kind, token[0]))
            at = token.end()

    def read(self, tokens: list[tuple[str, str]]) -> None:
        words = [one for one in tokens if one[0] != "space"]
        first = words[0][1] if words and words[0][0] == "word" else ""
        if first == "end":
            self.end(words)
        elif first == "else":
            self.otherwise(words)
        elif first in _BLOCKS:
            self.blocks.append((first, len(self.variables)))
            self.pipeline(words[1:], first)
        elif first in ("define", "block", "template"):
            self.named(first, words)
        elif first in ("break", "continue"):
            if not any(kind == "range" for kind, _ in self.blocks):
                raise _FlawError(f"{{{{{first}}}}} stands outside {{{{range}}}}")
        else:
            self.pipeline(words, "command")

    def end(self, words: list[tuple[str, str]]) -> None:
        if len(words) > 1:
            raise _FlawError(f"unexpected {words[1][1]!r} in end")
        if not self.blocks:
            raise _FlawError("{{end}} ends nothing")
        _, known = self.blocks.pop()
        del self.variables[known:]

    def otherwise(self, words: list[tuple[str, str]]) -> None:
        if not self.blocks or self.blocks[-1][0] not in _BLOCKS:
            raise _FlawError("{{else}} stands outside {{if}}, {{range}} and {{with}}")
        kind = self.blocks[-1][0]
        if len(words) > 1:
            if words[1][1] != kind or kind == "range":
                raise _FlawError(f"unexpected {words[1][1]!r} in else")
            self.pipeline(words[2:], kind)
        else:
            self.blocks[-1] = ("else", self.blocks[-1][1])

    def named(self, first: str, words: list[tuple[str, str]]) -> None:
        if len(words) < 2 or words[1][0] != "text":
            raise _FlawError(f"{first} needs a name in quotes")
        if first == "define" and self.blocks:
            raise _FlawError("{{define}} stands inside a block")
        if first != "template":
            self.blocks.append((first, len(self.variables)))
        if first == "block" or (first == "template" and len(words) > 2):
            self.pipeline(words[2:], first)
        if first == "define":
            # A definition has its own data and sees no variable but $.
            self.variables.append("$")

    def pipeline(self, words: list[tuple[str, str]], what: str) -> None:
        words = self.declared(words, what)
        depth, empty, stage = 0, [True], [0]
        for kind, word in words:
            if word == "(" and kind == "sign":
                empty[-1] = False
                empty.append(True)
                stage.append(0)
                depth += 1
            elif word in (")", "|") and kind == "sign":
                # A | with nothing behind it is taken, as Go takes it.
                if empty[-1] and (word == "|" or not stage[-1]):
                    raise _FlawError(f"missing value for {what}")
                if word == "|":
                    empty[-1] = True
                    stage[-1] += 1
                else:
                    if not depth:
                        raise _FlawError("unexpected right paren")
                    depth -= 1
                    empty.pop()
                    stage.pop()
            elif kind == "sign":
                raise _FlawError(f"unexpected {word!r} in {what}")
            else:
                self.operand(kind, word, first=empty[-1], stage=stage[-1])
                empty[-1] = False
        if depth:
            raise _FlawError("unclosed left paren")
        if empty[-1] and not stage[-1]:
            raise _FlawError(f"missing value for {what}")

    def declared(self, words: list[tuple[str, str]], what: str) -> list[tuple[str, str]]:
        """Take ``$x :=`` and ``$i, $x :=`` from the front."""
        for count in (1, 3):
            if len(words) > count and words[count][1] in (":=", "="):
                names = [word for kind, word in words[:count] if kind == "variable"]
                if len(names) != (count + 1) // 2 or (count == 3 and what != "range"):
                    raise _FlawError(f"unexpected {words[count][1]!r} in {what}")
                if words[count][1] == ":=":
                    self.variables += names
                for name in names:
                    self.known(name)
                return words[count + 1 :]
        return words

    def operand(self, kind: str, word: str, *, first: bool, stage: int) -> None:
        if kind == "variable":
            self.known(word)
        elif kind == "word" and word not in _CONSTANTS and word not in FUNCTIONS:
            raise _FlawError(f"function {word!r} is not defined")
        if first and stage and (kind in ("text", "number") or word in ("true", "false", "nil")):
            raise _FlawError(f"{word} is no function to pass a value to")
        if first and word == "nil":
            raise _FlawError("nil is not a command")

    def known(self, name: str) -> None:
        if name not in self.variables:
            raise _FlawError(f"undefined variable {name!r}")

    def finish(self) -> None:
        if self.blocks:
            raise _FlawError(f"{{{{{self.blocks[-1][0]}}}}} has no {{{{end}}}}")


def _stuck(text: str, at: int) -> str:
    if at >= len(text.rstrip()):
        return "an action is not closed: }} is missing"
    if text[at] in "\"'`":
        return "a text in quotes is not closed"
    return f"unexpected {text[at]!r} in an action"
