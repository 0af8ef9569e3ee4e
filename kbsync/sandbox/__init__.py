"""The embedded portal: a stand-in for one Freshdesk account on loopback, for tests, previews and demos.

It imports nothing else of kbsync, so that it can test it.
"""

from kbsync.sandbox.account import Fault, Faults, RecordedCall, fault_from_json
from kbsync.sandbox.database import ArticleRecord, CategoryRecord, FolderRecord
from kbsync.sandbox.server import Portal, run, serve
from kbsync.sandbox.settings import Agent, SandboxError, SandboxSettings
from kbsync.sandbox.store import Store, load, load_path

__all__ = [
    "Agent",
    "ArticleRecord",
    "CategoryRecord",
    "Fault",
    "Faults",
    "FolderRecord",
    "Portal",
    "RecordedCall",
    "SandboxError",
    "SandboxSettings",
    "Store",
    "fault_from_json",
    "load",
    "load_path",
    "run",
    "serve",
]
