from django.apps import AppConfig


class DemoConfig(AppConfig):
    """The invented city. It may import every room; no room imports it."""

    name = "demo"
    verbose_name = "示范城市"
