"""Names the rows under a code that were written or removed past the product (accounts/row_codes.py, accounts/removals.py)."""

from django.apps import apps
from django.core.management.base import BaseCommand, CommandError
from django.db import transaction

from accounts import audit, removals, wall
from accounts.checking import records_check
from accounts.row_codes import CodedRecord, give_codes, rights_changed


def _model(name: str):
    return apps.get_model(name.partition(":")[0])


class Command(BaseCommand):
    help = (
        "核对账号、登录方式、令牌、任职，以及党组织、党员、党员关系、报到、同意的校验码：指出在系统之外新增或改动的行，"
        "后五种还指出上次核对时在、而今在系统之外被删除的行。前四种不起作用，后五种查清之前不能办理；有问题时退出码为 1。"
        "查清之后，确实要认可的用 --accept 逐行写明，并写原因；不该有的由数据库 owner 删除，被删除的从备份取回。"
    )

    def add_arguments(self, parser):
        parser.add_argument("--accept", nargs="+", default=[], metavar="accounts.user:17", help="认可这些行现在的内容")
        parser.add_argument("--reason", default="", help="为什么认可；记入审计")

    @wall.everywhere()
    def handle(self, *args, **options):
        records, (gone, false_lists, _) = records_check()
        changed = {row.row_name: row for row in (*rights_changed(), *records)}
        if options["accept"]:
            self._accept(changed, gone, options["accept"], options["reason"].strip())
            records_check()  # what 运行状况 tells from now on
            return
        for name, row in changed.items():
            effect = "查清之前不能办理" if isinstance(row, CodedRecord) else "不起作用"
            self.stdout.write(f"- {name}（{row._meta.verbose_name}，{effect}）")
        for name in gone:
            self.stdout.write(f"- {name}（{_model(name)._meta.verbose_name}，已不在，不是系统删除的）")
        for label in false_lists:
            self.stdout.write(f"- {label} 的在册清单被改动过：此前删除的可能没有指出，请与备份核对")
        if changed or gone or false_lists:
            self.stdout.write(f"共 {len(changed) + len(gone) + len(false_lists)} 处在系统之外被改动或删除过。")
            raise SystemExit(1)
        self.stdout.write("账号、登录方式、令牌、任职、党组织、党员、党员关系、报到、同意都与系统写入的一致。")

    @transaction.atomic
    def _accept(self, changed, gone, names, reason) -> None:
        if not reason:
            raise CommandError("请用 --reason 写明为什么认可，没有认可任何一行。")
        if unknown := [name for name in names if name not in changed and name not in gone]:
            raise CommandError(f"{'、'.join(unknown)} 不在被改动或删除的行里，没有认可任何一行。")
        for name in names:
            if name in changed and not give_codes([changed[name]]):
                raise CommandError(f"{name} 里有打不开的密文，无从认可，没有认可任何一行；请从备份取回这一行。")
        for name in names:
            label, _, key = name.partition(":")
            if name in gone:
                removals.tell(_model(name), [int(key)])
            audit.record("accounts.row.accept", by=None, subject_type=label, subjects=[int(key)], purpose=reason)
        self.stdout.write(f"已认可 {len(names)} 行，记入审计。")
