"""What this room keeps about persons: of staff their accounts and their acts."""

from accounts.models import (
    AccountMeasure,
    ApiToken,
    AuditEvent,
    Authenticator,
    OldPassword,
    OutsideIdentity,
    Passkey,
    RecoveryCode,
    Session,
    User,
)
from accounts.personal import DUTY, INTERNAL, SENSITIVE, Column, Held, declare

WHOSE = "工作人员"


def register() -> None:
    declare(*_accounts(), *_acts(), *_factors(), *_sessions())


def _accounts() -> list[Held]:
    return [
        Held(
            model=User,
            whose=WHOSE,
            purpose="登录和认人，写明谁办的",
            basis=DUTY,
            retention="停用后保留姓名和账号，供审计对照",
            columns={
                "username": Column(INTERNAL),
                "name": Column(INTERNAL),
                "clearance": Column(INTERNAL, "权限够得到多敏感的内容"),
                "password": Column(SENSITIVE, "登录；只存加盐的摘要"),
                "password_set_at": Column(INTERNAL, "到期提醒"),
                "last_login": Column(INTERNAL),
            },
            plain=frozenset(
                {
                    "duty",
                    "is_active",
                    "created_at",
                    "password_is_temporary",
                    "factor_failures",
                    "factor_locked_until",
                    "row_code",
                }
            ),
            seen_with=("accounts.view_user",),
        ),
        Held(
            model=AccountMeasure,
            whose=WHOSE,
            purpose="告诉本人谁为其解锁、重置第二因素、停用账号，为什么",
            basis=DUTY,
            retention="随账号保留，供本人和审计对照",
            columns={"reason": Column(INTERNAL, "写明谁要求的、怎样核实的")},
            plain=frozenset({"kind", "at", "told_at"}),
        ),
    ]


def _acts() -> list[Held]:
    return [
        Held(
            model=AuditEvent,
            whose=WHOSE,
            purpose="谁在什么时候做了什么；办的是谁只存编号",
            basis=DUTY,
            retention="日志不少于 180 天，查看明文、导出、共享不少于 3 年",
            columns={"address": Column(INTERNAL), "purpose": Column(INTERNAL, "查看、导出时写明的目的")},
            plain=frozenset({"at", "transaction", "act", "subject_type", "subjects", "units", "detail", "succeeded"}),
            seen_with=("accounts.view_auditevent",),
            leaves_by=("审计记录导出",),
        ),
        Held(
            model=OutsideIdentity,
            whose=WHOSE,
            purpose="用政务统一认证登录时认人",
            basis=DUTY,
            retention="解除绑定、重置第二因素时删除",
            columns={"subject": Column(INTERNAL), "last_used_at": Column(INTERNAL)},
            plain=frozenset({"issuer", "created_at", "row_code"}),
        ),
        Held(
            model=ApiToken,
            whose=WHOSE,
            purpose="本人的程序取数",
            basis=DUTY,
            retention="最长一年到期；记录保留",
            columns={"label": Column(INTERNAL), "last_used_at": Column(INTERNAL)},
            plain=frozenset({"digest", "scopes", "created_at", "expires_at", "revoked_at", "row_code"}),
        ),
    ]


def _factors() -> list[Held]:
    return [
        Held(
            model=Authenticator,
            whose=WHOSE,
            purpose="登录的第二步",
            basis=DUTY,
            retention="本人删去或安全管理员重置时删除",
            columns={"secret": Column(SENSITIVE, "核对动态验证码；加密保存", copied=False)},
            plain=frozenset({"last_step", "created_at", "row_code"}),
        ),
        Held(
            model=OldPassword,
            whose=WHOSE,
            purpose="不许重用最近五次的密码",
            basis=DUTY,
            retention="只留最近四个，更早的随换随删",
            columns={"password": Column(SENSITIVE, "只存加盐的摘要"), "replaced_at": Column(INTERNAL)},
        ),
        Held(
            model=Passkey,
            whose=WHOSE,
            purpose="登录；只有公钥，指纹和人脸留在本人设备",
            basis=DUTY,
            retention="本人删去或安全管理员重置时删除",
            columns={"name": Column(INTERNAL, "本人给设备起的名字"), "last_used_at": Column(INTERNAL)},
            plain=frozenset({"credential_id", "credential", "sign_count", "created_at", "row_code"}),
        ),
        Held(
            model=RecoveryCode,
            whose=WHOSE,
            purpose="设备丢失时登录；只存加密钥的摘要",
            basis=DUTY,
            retention="重新生成或重置时删除",
            columns={"used_at": Column(INTERNAL)},
            plain=frozenset({"digest"}),
        ),
    ]


def _sessions() -> list[Held]:
    return [
        Held(
            model=Session,
            whose=WHOSE,
            purpose="登录状态；本人和安全管理员可见、可结束",
            basis=DUTY,
            retention="退出、结束或到期后删除",
            columns={
                "address": Column(INTERNAL),
                "device": Column(INTERNAL),
                "opened_at": Column(INTERNAL),
                "seen_at": Column(INTERNAL),
            },
            plain=frozenset({"session_key", "session_data", "expire_date", "number"}),
            seen_with=("accounts.change_user",),
        ),
    ]
