from django.contrib.admin.apps import AdminConfig


class DoorAdminConfig(AdminConfig):
    default_site = "accounts.site.Site"
