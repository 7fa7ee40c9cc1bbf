"""The program that signs and verifies, by sigstore's model-signing: JSON in, JSON out.

It runs in a Python that may not have Taxiway, so it imports nothing of it. It takes what to do, the
model's folder, a key as PEM, and a password or a signature; it answers `{"signature": ...}` or
`{"error": ...}`.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import sys
from collections.abc import Callable, Mapping

_ALL_FILES = {"paths": (), "ignore_git_paths": False}
"""By default those that belong to git, such as .gitignore, could be changed unseen."""


def sign(request: Mapping[str, str]) -> str:
    """The signature of every file in the folder: a sigstore bundle."""
    from model_signing import hashing, signing

    config = signing.Config().use_elliptic_key_signer(
        private_key=_in_memory(request["key"]),
        password=request["password"].encode() or None,  # its own command line takes none that works
    )
    config.set_hashing_config(hashing.Config().set_ignored_paths(**_ALL_FILES))
    made = _in_memory("")
    config.sign(request["folder"], made)
    with open(made, encoding="utf-8") as file:  # noqa: PTH123  # a descriptor's path
        return file.read()


def verify(request: Mapping[str, str]) -> str:
    """The signature, where it is of every file in the folder and of the key."""
    from model_signing import hashing, verifying

    key = _in_memory(request["key"])
    config = verifying.Config().use_elliptic_key_verifier(public_key=key)
    config.set_hashing_config(hashing.Config().set_ignored_paths(**_ALL_FILES))
    config.verify(request["folder"], _in_memory(request["signature"]))
    return request["signature"]


COMMANDS: dict[str, Callable[[Mapping[str, str]], str]] = {"sign": sign, "verify": verify}


def main() -> None:
    """Answers one request."""
    request = json.load(sys.stdin)
    try:
        with contextlib.redirect_stdout(sys.stderr):  # the library prints warnings
            answer = {"signature": COMMANDS[request["do"]](request)}
    except Exception as error:  # whatever the library raises is the answer
        answer = {"error": _explained(error)}
    json.dump(answer, sys.stdout)


def _explained(error: Exception) -> str:
    """In a line; some of cryptography's errors have no text."""
    if type(error).__name__ == "InvalidSignature":
        return "the signature is not of this key, or was changed"
    told = " ".join(str(error).split()) or type(error).__name__
    changed = re.findall(r"Hash mismatch for \\*'(.*?)\\*': Expected", told)
    if not changed:
        return told
    others = told.partition("Hash mismatch for")[0]  # extra and missing files
    others = others.replace('["', "").replace('", "', "; ").strip(" ['\",;:")
    return f"{others}; changed: {', '.join(changed)}"


def _in_memory(text: str) -> str:
    """The path of a file that is on no disk, for a library that takes keys as files."""
    descriptor = os.memfd_create("taxiway-signing")
    os.write(descriptor, text.encode())
    return f"/proc/self/fd/{descriptor}"


if __name__ == "__main__":
    main()
