"""Numbers that others published: told, not counted here."""

from django.db import models


class ReportedFigure(models.Model):
    """A number that somebody published. Reported, not computed: never added to what this system counts."""

    place = models.CharField("地区", max_length=60)
    name = models.CharField("指标", max_length=60)
    value = models.DecimalField("数值", max_digits=16, decimal_places=2)
    is_approximate = models.BooleanField("约数", default=False)
    as_of = models.DateField("截至")
    source = models.CharField("出处", max_length=200)

    class Meta:
        verbose_name = verbose_name_plural = "公布数据"
        constraints = [models.UniqueConstraint(fields=["place", "name", "as_of"], name="reportedfigure_once_per_day")]

    def __str__(self) -> str:
        return f"{self.place} {self.name}"
