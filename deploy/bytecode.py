"""Writes the bytecode that the image has, of the code in the current folder.

Tasks start often, so what they import is compiled; what only commands and the gateway use of the
same rooms is not, and is compiled where it is run, in half a second. Bytecode is held against the
content of its source, since people mount files over it. Docstrings of functions, a sixth of it,
are left out: nothing asks for them but the command line, which is not compiled.
"""

from __future__ import annotations

import ast
import importlib.util
import marshal
import re
import sys
from collections.abc import Iterator
from pathlib import Path

WHOLE = (
    *("components", "models", "pipelines", "taxiway/arrow", "taxiway/config"),
    *("taxiway/delivery/policies", "taxiway/evaluation", "taxiway/html", "taxiway/lineage"),
    *("taxiway/metadata", "taxiway/modeling", "taxiway/process", "taxiway/push"),
    *("taxiway/registry", "taxiway/runners/console"),
    *("taxiway/runners/kubeflow/task", "taxiway/runners/nodes", "taxiway/serving/worker"),
    "taxiway/workers",
)
"""Folders with all that is below them."""
FILES = (
    *("taxiway", "taxiway/delivery", "taxiway/delivery/analysis", "taxiway/runners"),
    *("taxiway/runners/kubeflow", "taxiway/serving"),
)
"""Folders of which only their own files are meant."""
LEFT_OUT = re.compile(
    "|".join(
        (
            r"/approval/(decisions|reconsider)\.py",
            r"/audit/(log|verify)\.py",
            r"/catalog/(aliases|details|entries|labels|markdown|overview)\.py",
            r"/database/(older_files|migrations/versions/.*)\.py",
            r"/deploy/(deployer|history|lease|restore|rollback|source)\.py",
            r"/routes/(gateways|moves|placed|records)\.py",
            r"/signing/(program|verify)\.py",
            r"/config/reference\.py",
            r"/console/summary\.py",
            r"/evaluation/(checks|skill)\.py",
            r"/lineage/printing/plain\.py",
            r"/modeling/mock\.py",
            r"/policies/(best_arm|logs)\.py",
            r"/runners/(preflight|targets|vertex)\.py",
            r"/kubeflow/(compile|parameters)\.py",
            r"/delivery/(lease|under_way)\.py",
            r"/analysis/(look|metrics|verdict)\.py",
        )
    )
)
CHECKED_HASH = 0b11
"""A .pyc's flags (PEP 552): valid while the hash in it is that of the source."""


def main() -> int:
    """Compiles; the first file that is no Python ends it."""
    for path in sources():
        target = Path(importlib.util.cache_from_source(str(path)))
        target.parent.mkdir(exist_ok=True)
        target.write_bytes(compiled(path.read_bytes(), str(path)))
    return 0


def sources() -> Iterator[Path]:
    """Every file that is compiled."""
    whole = (path for folder in WHOLE for path in Path(folder).rglob("*.py"))
    files = (path for folder in FILES for path in Path(folder).glob("*.py"))
    for path in sorted({*whole, *files}):
        if not LEFT_OUT.search(f"/{path.as_posix()}"):
            yield path


def compiled(source: bytes, name: str) -> bytes:
    """The content of a .pyc file."""
    tree = ast.parse(source, name)
    for node in ast.walk(tree):
        function = isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        if function and ast.get_docstring(node, clean=False) is not None:
            node.body[0] = ast.copy_location(ast.Pass(), node.body[0])
    code = compile(tree, name, "exec", dont_inherit=True)
    head = importlib.util.MAGIC_NUMBER + CHECKED_HASH.to_bytes(4, "little")
    return head + importlib.util.source_hash(source) + marshal.dumps(code)


if __name__ == "__main__":
    sys.exit(main())
