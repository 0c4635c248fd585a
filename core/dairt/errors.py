"""What can go wrong, by culprit, and whether the thing asked for may have happened all the same."""


class DairtError(Exception):
    """Anything dairt raises on purpose. `str(error)` is one sentence a person can act on."""


class UsageError(DairtError):
    """The user's input is wrong: the sentence names the file or flag, the entry, and what would be right. Exit 2."""


class TensorFormatError(DairtError):
    """Bytes that should be a TENS tensor are not one. Each way to be malformed is its own subclass."""


class GraphError(DairtError):
    """A graph that cannot run: the sentence names the op."""


class LocalProtocolError(DairtError):
    """We were about to break the protocol: nothing was sent."""


class RemoteProtocolError(DairtError):
    """The other side broke the protocol; the connection is aborted."""


class Refused(DairtError):
    """The other side understood, and said no; the reason is its own."""


class PeerUnreachable(DairtError):
    """The question was never sent: it has not happened."""


class NoAnswer(DairtError):
    """The question was sent and no answer came in time: it may have happened."""


class RunFailed(DairtError):
    """A graph run ended without an answer; the sentence says why."""
