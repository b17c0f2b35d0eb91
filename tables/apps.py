from django.apps import AppConfig


class TablesConfig(AppConfig):
    name = "tables"
    verbose_name = "表格与批次"
