"""The git room: commits are read without a checkout, refs are kept beside the branches."""

from kbsync.content.repository.commits import CommittedTree
from kbsync.content.repository.refs import PushRefused, RefMoved
from kbsync.content.repository.repository import Repository

__all__ = ["CommittedTree", "PushRefused", "RefMoved", "Repository"]
