from orgs.models.division import Division
from orgs.models.organization import Organization, OrganizationChange
from orgs.models.posting import Posting, Role

__all__ = ["Division", "Organization", "OrganizationChange", "Posting", "Role"]
