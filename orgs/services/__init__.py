"""The writes of this room, by noun: the tree (paths, ancestors, the lock), organizations, moves, postings."""

from orgs.services.many import Founding, organizations_change, organizations_found
from orgs.services.moves import organization_merge, organization_move
from orgs.services.organizations import (
    organization_close,
    organization_create,
    organization_edit,
    organization_rename,
)
from orgs.services.postings import posting_end, posting_grant
from orgs.services.tree import (
    LABEL,
    TREE_LOCK,
    TreeError,
    check_place,
    default_kind,
    lock_tree,
    path_label,
    set_ancestors,
    touched,
)

__all__ = [
    "LABEL",
    "TREE_LOCK",
    "Founding",
    "TreeError",
    "check_place",
    "default_kind",
    "lock_tree",
    "organization_close",
    "organization_create",
    "organization_edit",
    "organization_merge",
    "organization_move",
    "organization_rename",
    "organizations_change",
    "organizations_found",
    "path_label",
    "posting_end",
    "posting_grant",
    "set_ancestors",
    "touched",
]
