"""Which names nodes and keys may have: they travel in messages, and become names of files."""

import re

NODE_NAME = r"[A-Za-z0-9][A-Za-z0-9_.-]{0,62}"  # as long as a label of a host name, and the same once percent-encoded
KEY_MAX_BYTES = 512  # so that a page of an inventory, 1,000 keys, fits a header
# What stands where a node's name could: in audiences, and in the links of actions.
AUDIENCE_WORDS = ("all", "local", "any")

_NODE_NAME = re.compile(NODE_NAME)


def wrong_with_node_name(name: str) -> str:
    """The end of a sentence that says what a node's name should be, or "" when it is one."""
    if _NODE_NAME.fullmatch(name) and name not in AUDIENCE_WORDS:
        return ""
    return "a name is up to 63 letters, digits, '-', '_' and '.', begins with a letter or digit, and is not all, local or any"


def wrong_with_key(key: str) -> str:
    """The end of a sentence that says what a key should be, or "" when it is one."""
    if not key:
        return "a key has at least one character"
    try:
        nbytes = len(key.encode())
    except UnicodeEncodeError:
        return "a key is text that can be written as UTF-8"
    return f"a key has at most {KEY_MAX_BYTES} bytes, this one has {nbytes}" if nbytes > KEY_MAX_BYTES else ""
