"""Names of files on a node's disk: relative, with slashes, and never a way out of its folder."""

import errno


def check_name(name: str) -> None:
    """Raise OSError (EINVAL) unless `name` is one or more plain parts joined by single slashes."""
    for part in name.split("/"):
        if part in ("", ".", "..") or "\\" in part or "\0" in part:
            raise OSError(errno.EINVAL, f"{name!r} is not the name of a file on a node's disk")


def folder_of(name: str) -> str:
    """The folder a file is in; "" is the top."""
    return name.rpartition("/")[0]
