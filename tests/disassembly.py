"""What `objdump -d` prints of x86-64 code, as functions, instructions and loops."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

FUNCTION = re.compile(r"^[0-9a-f]+ <(?P<name>.*)>:$")
INSTRUCTION = re.compile(r"^\s*(?P<address>[0-9a-f]+):\s+(?P<operation>\S+)\s*(?P<operands>.*)$")
FUSED = re.compile(r"vfn?m(add|sub)")


@dataclass(frozen=True)
class Instruction:
    address: int
    operation: str
    operands: str

    @property
    def is_fused(self) -> bool:
        """A fused multiply-add of whole vectors."""
        return bool(FUSED.match(self.operation) and re.search("%[yz]mm", self.operands))

    @property
    def target(self) -> int | None:
        """Where a jump leads."""
        jump = re.match("([0-9a-f]+) <", self.operands) if self.operation[0] == "j" else None
        return int(jump[1], 16) if jump else None


@dataclass(frozen=True)
class Function:
    name: str
    instructions: list[Instruction]

    @cached_property
    def hot_loops(self) -> list[list[Instruction]]:
        """The innermost loops, which jumps back close, with four multiply-adds or more."""
        begin = self.instructions[0].address
        jumps = {(i.target, i.address) for i in self.instructions if i.target is not None}
        found = {}
        for first, last in jumps:
            if begin <= first <= last:
                loop = [i for i in self.instructions if first <= i.address <= last]
                if sum(i.is_fused for i in loop) >= 4:
                    found[first, last] = loop
        return [
            loop
            for (first, last), loop in found.items()
            if not any(first <= a and b <= last for a, b in found if (a, b) != (first, last))
        ]

    def spills(self, loop: list[Instruction]) -> list[Instruction]:
        """Return those that move whole vectors to or from the stack."""
        framed = any((i.operation, i.operands) == ("mov", "%rsp,%rbp") for i in self.instructions)
        stack = re.compile(r"\(%r[sb]p" if framed else r"\(%rsp")
        vector = re.compile("%[yz]mm")
        return [i for i in loop if stack.search(i.operands) and vector.search(i.operands)]


def functions(text: str) -> Iterator[Function]:
    """Read what ``objdump -d --no-show-raw-insn`` prints."""
    name, instructions = "", []
    for line in text.splitlines():
        if found := FUNCTION.match(line):
            if instructions:
                yield Function(name, instructions)
            name, instructions = found["name"], []
        elif found := INSTRUCTION.match(line):
            address = int(found["address"], 16)
            instructions.append(Instruction(address, found["operation"], found["operands"]))
    if instructions:
        yield Function(name, instructions)
