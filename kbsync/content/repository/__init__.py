"""The git room: commits are read without a checkout, refs are kept beside the branches."""

from kbsync.content.repository.branches import Branches, Merged
from kbsync.content.repository.commits import CommittedTree
from kbsync.content.repository.history import Commit
from kbsync.content.repository.refs import RefMoved
from kbsync.content.repository.remotes import PushRefused
from kbsync.content.repository.repository import Repository

__all__ = ["Branches", "Commit", "CommittedTree", "Merged", "PushRefused", "RefMoved", "Repository"]
