"""One file, driven by the environment. Every variable is listed in .env.example."""

import re
from pathlib import Path
from urllib.parse import urlsplit

from django.core.exceptions import ImproperlyConfigured

from config.reading import env, key, key_ring, lights, networks, required, whole

BASE_DIR = Path(__file__).resolve().parent.parent


# --- what this process is -------------------------------------------------------------------------------------------
DEMO = env.bool("DEMO", False)  # sample accounts, console SMS, tokens by password
DEBUG = env.bool("DEBUG", False)
SECRET_KEY = required("SECRET_KEY")
ALLOWED_HOSTS = env.list("ALLOWED_HOSTS", default=["localhost", "127.0.0.1", "testserver"])
CSRF_TRUSTED_ORIGINS = env.list("CSRF_TRUSTED_ORIGINS", default=[])
BEHIND_HTTPS = env.bool("BEHIND_HTTPS", False)
BEHIND_PROXY = env.bool("BEHIND_PROXY", False)  # nginx is in front and writes X-Forwarded-For itself (deploy/)
PUBLIC_URL = env("PUBLIC_URL", default="")  # what QR codes point at; empty: the address of the request

# public: only what people without an account use, as a role that reads no person; staff: everything, and a public face
# stands elsewhere; empty: one process is both (ADR 0015)
FACE = env("FACE", default="")
if FACE not in ("", "public", "staff"):
    raise ImproperlyConfigured("环境变量 FACE 应为 public、staff 或留空。")
IS_PUBLIC_FACE = FACE == "public"

# --- keys: lost keys are lost data ----------------------------------------------------------------------------------
OF_THE_STAFF_SIDE = (
    "FIELD_KEYS", "BLIND_INDEX_KEY", "BLIND_INDEX_OLD_KEY", "DIGEST_KEY", "AUDIT_SEAL_KEY", "INBOX_PRIVATE_KEY",
    "DATABASE_OWNER_URL",
)  # fmt: skip
if IS_PUBLIC_FACE and (known := [name for name in OF_THE_STAFF_SIDE if env(name, default="")]):
    raise ImproperlyConfigured(f"公众侧（FACE=public）不得持有 {'、'.join(known)}：请只在工作侧设置。")


def staff_key(name: str) -> bytes:
    """A key that the public face must not have: there it is empty, and whatever asks for it fails."""
    return b"" if IS_PUBLIC_FACE else key(name, required(name))


FIELD_KEYS = {} if IS_PUBLIC_FACE else key_ring("FIELD_KEYS")
BLIND_INDEX_KEY = staff_key("BLIND_INDEX_KEY")  # apart: rotating the ring must not move the index
# The key before, while manage.py rekey_index brings persons from it to the present one; both find them meanwhile.
BLIND_INDEX_OLD_KEY = key("BLIND_INDEX_OLD_KEY", old) if (old := env("BLIND_INDEX_OLD_KEY", default="")) else b""
if BLIND_INDEX_OLD_KEY and not (env("DIGEST_KEY", default="") and env("RECEIPT_KEY", default="")):
    raise ImproperlyConfigured(
        "换盲索引密钥时，DIGEST_KEY 和 RECEIPT_KEY 都要写明：以前没有单独设置的，填换之前 BLIND_INDEX_KEY 的值，"
        "否则恢复码和群众手里的回执打不开。"
    )
# Of what is kept as a digest and nothing else (accounts/rekeying.py says what): it cannot be brought to another key.
DIGEST_KEY = key("DIGEST_KEY", digest) if (digest := env("DIGEST_KEY", default="")) else BLIND_INDEX_KEY
# What makes a receipt's code of its form, and finds it: the one key that both faces know. It opens no person.
RECEIPT_KEY = key("RECEIPT_KEY", required("RECEIPT_KEY")) if FACE or env("RECEIPT_KEY", default="") else BLIND_INDEX_KEY
# The pair that seals what the public face sends to the staff side; of private ones several while the pair is being changed.
INBOX_PUBLIC_KEY = key("INBOX_PUBLIC_KEY", required("INBOX_PUBLIC_KEY")) if IS_PUBLIC_FACE else b""
INBOX_PRIVATE_KEYS = (
    [key("INBOX_PRIVATE_KEY", one) for one in required("INBOX_PRIVATE_KEY").split(",")] if FACE == "staff" else []
)
# Where no line joins the two sides, signed files are carried (members/ferry): the other side's public keys, two while it
# changes its own. The own private key lies in a file that only the commands open.
FERRY_TRUSTED = [key("FERRY_TRUSTED", one) for one in env.list("FERRY_TRUSTED", default=[])]
FERRY_KEY_FILE = env("FERRY_KEY_FILE", default="")
FERRY_LATE_HOURS = env.int("FERRY_LATE_HOURS", 24)  # so long without a file from the public side is told
IS_FERRIED = bool(FACE and FERRY_TRUSTED)
FIELD_CIPHER = env("FIELD_CIPHER", default="AES-256-GCM")  # of what is written from now on; both are read
if FIELD_CIPHER not in ("AES-256-GCM", "SM4-GCM"):
    raise ImproperlyConfigured("环境变量 FIELD_CIPHER 应为 AES-256-GCM 或 SM4-GCM。")
# Another one finds nobody until manage.py rekey_index ran.
BLIND_INDEX_HASH = env("BLIND_INDEX_HASH", default="SHA-256")
BLIND_INDEX_OLD_HASH = env("BLIND_INDEX_OLD_HASH", default="") or BLIND_INDEX_HASH  # of BLIND_INDEX_OLD_KEY
# Of DIGEST_KEY and RECEIPT_KEY: what was made with them cannot be made with another hash.
DIGEST_HASH = env("DIGEST_HASH", default="") or BLIND_INDEX_HASH
if not {BLIND_INDEX_HASH, BLIND_INDEX_OLD_HASH, DIGEST_HASH} <= {"SHA-256", "SM3"}:
    raise ImproperlyConfigured("环境变量 BLIND_INDEX_HASH、BLIND_INDEX_OLD_HASH 和 DIGEST_HASH 应为 SHA-256 或 SM3。")
AUDIT_SEAL_KEY = staff_key("AUDIT_SEAL_KEY")

# --- one alias, one role per process: web serves, owner migrates, seeds and flushes ----------------------------------
DATABASE_ROLE = env("DATABASE_ROLE", default="web")
DATABASE_WEB_ROLE = env("DATABASE_WEB_ROLE", default="web")
DATABASE_PUBLIC_ROLE = env("DATABASE_PUBLIC_ROLE", default="public_web")  # what FACE=public signs in as
DATABASE_FERRY_ROLE = env("DATABASE_FERRY_ROLE", default="public_ferry")  # who makes and takes files on the public side
required("DATABASE_OWNER_URL" if DATABASE_ROLE == "owner" else "DATABASE_URL")
DATABASES = {"default": env.db("DATABASE_OWNER_URL" if DATABASE_ROLE == "owner" else "DATABASE_URL")}
DATABASES["default"]["ENGINE"] = "accounts.postgres"
DATABASES["default"]["CONN_MAX_AGE"] = 60
DATABASES["default"]["CONN_HEALTH_CHECKS"] = True
DATABASES["default"].setdefault("OPTIONS", {})
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

REDIS_URL = required("REDIS_URL")
CACHES: dict[str, dict] = {
    "default": {"BACKEND": "accounts.cache.PatientRedisCache", "LOCATION": REDIS_URL},
    # In the process itself: only for what is named by everything it depends on (reports/page_cache.py).
    "near": {"BACKEND": "django.core.cache.backends.locmem.LocMemCache", "OPTIONS": {"MAX_ENTRIES": 64}},
}
CELERY_BROKER_URL = "memory://" if IS_PUBLIC_FACE else REDIS_URL  # its Redis is its own, and it gives no task
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
CELERY_BROKER_CONNECTION_MAX_RETRIES = None  # a worker waits for its broker, however long that is away
# A request that starts a job never waits for a broker that stalls: the job stands in the database, the sweep tells of it.
CELERY_BROKER_TRANSPORT_OPTIONS = {
    "socket_timeout": 3,
    "socket_connect_timeout": 2,
    "max_retries": 1,
    "interval_start": 0.1,
}
CELERY_TASK_PUBLISH_RETRY = False
CELERY_TASK_IGNORE_RESULT = True  # the truth about a job is in PostgreSQL
CELERY_TIMEZONE = "Asia/Shanghai"
CELERY_WORKER_PREFETCH_MULTIPLIER = 1
CELERY_TASK_ACKS_LATE = True

# --- the house: each app imports only from those above it ------------------------------------------------------------
ROOMS = ["accounts", "jobs", "tables", "orgs", "markets", "members", "stations", "reports"]
INSTALLED_APPS = [
    *ROOMS,
    "demo",
    "accounts.admin_config.DoorAdminConfig",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "django.contrib.postgres",
    "django.contrib.humanize",
    "axes",
    "csp",
    "django_filters",
    "django_htmx",
    "drf_spectacular",
    "drf_spectacular_sidecar",
    "rest_framework",
]
MIDDLEWARE = [
    "accounts.middleware.BrowserRulesMiddleware",
    "accounts.middleware.ClientAddressMiddleware",
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "csp.middleware.CSPMiddleware",
    "accounts.middleware.NulMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "accounts.middleware.PersonMiddleware",
    "accounts.session_limits.SessionLimitMiddleware",
    "accounts.middleware.WallMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
    "accounts.middleware.SignInAgainMiddleware",
    "accounts.middleware.NotAllowedMiddleware",
    "accounts.middleware.SignedInMiddleware",
    "accounts.refusals.RefusalMiddleware",
    "accounts.uploads.UploadMiddleware",
    "axes.middleware.AxesMiddleware",
]
if IS_PUBLIC_FACE:  # nobody signs in here
    OF_ACCOUNTS = ("session_limits", "SignInAgain", "SignedIn", "Wall", "refusals", "Person", "Upload", "axes")
    MIDDLEWARE = [name for name in MIDDLEWARE if not any(part in name for part in OF_ACCOUNTS)]
ROOT_URLCONF = "config.urls"
WSGI_APPLICATION = "config.wsgi.application"
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                *([] if IS_PUBLIC_FACE else ["reports.menu.menu"]),
            ]
        },
    }
]

# --- who signs in ----------------------------------------------------------------------------------------------------
AUTH_USER_MODEL = "accounts.User"
AUTHENTICATION_BACKENDS = ["axes.backends.AxesStandaloneBackend", "orgs.doors.DoorBackend"]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "accounts.passwords.LengthValidator", "OPTIONS": {"min_length": 10}},
    {"NAME": "accounts.passwords.KindsValidator"},
    {"NAME": "accounts.passwords.HistoryValidator"},
    {"NAME": "accounts.passwords.CommonValidator"},
    {"NAME": "accounts.passwords.SimilarityValidator"},
]
CREDENTIAL_DAYS = env.int("CREDENTIAL_DAYS", 0 if DEMO else 90)  # how long a password lasts; 0: for ever
TEMPORARY_CREDENTIAL_DAYS = env.int(
    "TEMPORARY_CREDENTIAL_DAYS", 3
)  # how long one that was given waits for its first use
if not 1 <= TEMPORARY_CREDENTIAL_DAYS <= 30:
    raise ImproperlyConfigured("环境变量 TEMPORARY_CREDENTIAL_DAYS 应为 1 到 30（天）。")
IDLE_ACCOUNT_DAYS = env.int("IDLE_ACCOUNT_DAYS", 90)  # an account that nobody uses so long is switched off; 0: never
if IDLE_ACCOUNT_DAYS and not 15 <= IDLE_ACCOUNT_DAYS <= 3650:
    raise ImproperlyConfigured("环境变量 IDLE_ACCOUNT_DAYS 应为 15 到 3650（天），或 0（不自动停用）。")
ADMIN_NETWORKS = networks("ADMIN_NETWORKS")  # where the three administrators work; empty: anywhere
TOKEN_DAYS = env.int("TOKEN_DAYS", 90)  # how long a token for the API lasts at most
if not 1 <= TOKEN_DAYS <= 365:
    raise ImproperlyConfigured("环境变量 TOKEN_DAYS 应为 1 到 365（天）。")
SECOND_FACTOR_REQUIRED = env.bool("SECOND_FACTOR_REQUIRED", not DEMO)  # in the demo it is offered
LOGIN_URL = "accounts:sign_in"
LOGIN_REDIRECT_URL = "/"
LOGOUT_REDIRECT_URL = "accounts:sign_in"
AXES_FAILURE_LIMIT = 5
AXES_COOLOFF_TIME = 0.5  # hours
AXES_RESET_ON_SUCCESS = True
AXES_LOCKOUT_PARAMETERS = [["username", "ip_address"]]
AXES_LOCKOUT_CALLABLE = "accounts.sign_ins.locked_page"
AXES_RESET_COOL_OFF_ON_FAILURE_DURING_LOCKOUT = False  # the end that the page tells stays true
AXES_VERBOSE = False
AXES_DISABLE_ACCESS_LOG = True  # who came in and left is in the audit, which is kept for a time
# The public face has no table of sessions: where a form's draft lies is known by the browser alone.
SESSION_ENGINE = "django.contrib.sessions.backends.signed_cookies" if IS_PUBLIC_FACE else "accounts.session_store"
SESSION_IDLE_MINUTES = env.int("SESSION_IDLE_MINUTES", 15)
SESSION_HOURS = env.int("SESSION_HOURS", 12)  # at most, however busy
SESSION_COOKIE_AGE = SESSION_HOURS * 3600
SESSION_COOKIE_HTTPONLY = True
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = BEHIND_HTTPS
# Two demos on one host must not share cookies; the port is part of the address but not of a cookie.
SESSION_COOKIE_NAME = env("SESSION_COOKIE_NAME", default="sessionid") + ("_public" if IS_PUBLIC_FACE else "")

# The unified sign-in of government staff (政务统一认证) by OpenID Connect; off while no issuer is named.
OIDC_ISSUER = env("OIDC_ISSUER", default="")
OIDC_CLIENT_ID = env("OIDC_CLIENT_ID", default="")
OIDC_CREDENTIAL = env("OIDC_CREDENTIAL", default="")
OIDC_LABEL = env("OIDC_LABEL", default="政务统一认证")
# What the provider says it asked for, and that counts as the second factor here; else ours is asked.
OIDC_STRONG_ACR = env.list("OIDC_STRONG_ACR", default=[])
OIDC_STRONG_AMR = env.list("OIDC_STRONG_AMR", default=[])
OIDC_ORIGIN = ["{0.scheme}://{0.netloc}".format(urlsplit(OIDC_ISSUER))] if OIDC_ISSUER else []
if OIDC_ISSUER and not OIDC_CLIENT_ID:
    raise ImproperlyConfigured("设置了 OIDC_ISSUER，还缺环境变量 OIDC_CLIENT_ID。")
if OIDC_ISSUER and BEHIND_HTTPS and not OIDC_ISSUER.startswith("https://"):
    raise ImproperlyConfigured("环境变量 OIDC_ISSUER 应以 https:// 开头。")

# --- the browser -----------------------------------------------------------------------------------------------------
if BEHIND_HTTPS:
    SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
    SECURE_HSTS_SECONDS = 31_536_000
    SECURE_HSTS_INCLUDE_SUBDOMAINS = True
    SECURE_SSL_REDIRECT = True  # what came by HTTP past the gateway
# The preload list is the domain owner's to join, not one application's under it.
SILENCED_SYSTEM_CHECKS = ["security.W021"]
if IS_PUBLIC_FACE:  # nobody signs in there: neither the admin nor the lock of axes has an address or a middleware
    SILENCED_SYSTEM_CHECKS += ["admin.E408", "axes.W002"]
SECURE_REFERRER_POLICY = "same-origin"
X_FRAME_OPTIONS = "DENY"
CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": ["'self'"],
        "img-src": ["'self'", "data:"],
        "object-src": ["'none'"],
        "base-uri": ["'self'"],
        "form-action": ["'self'", *OIDC_ORIGIN],  # signing out leads on to the provider
        "frame-ancestors": ["'none'"],
    }
}
LANGUAGE_CODE = "zh-hans"
TIME_ZONE = "Asia/Shanghai"
USE_TZ = True
USE_THOUSAND_SEPARATOR = False
STATIC_URL = "/static/"
STATIC_ROOT = env("STATIC_ROOT", default=str(BASE_DIR / ".local" / "static"))
STATICFILES_DIRS = [BASE_DIR / "static"]
WHITENOISE_USE_FINDERS = env.bool("WHITENOISE_USE_FINDERS", True)
MEDIA_ROOT = env("MEDIA_ROOT", default=str(BASE_DIR / ".local" / "media"))  # uploads and exports, never served
# Who was erased, by number: to be played again after a restore, so it must not lie in what is restored (docs/manual).
ERASURE_LIST = env("ERASURE_LIST", default=str(Path(MEDIA_ROOT) / "erasures" / "list.jsonl"))
BACKUP_DIR = env("BACKUP_DIR", default="")  # what deploy/backup.sh says of its nights; empty: the operator's own way
FILE_UPLOAD_MAX_MEMORY_SIZE = 4 * 1024 * 1024
FILE_UPLOAD_HANDLERS = [
    "django.core.files.uploadhandler.MemoryFileUploadHandler",
    "tables.uploads.NamelessUploadHandler",
]
# Where a clamd looks through every upload: host:port or the path of its socket; empty: none does (accounts/uploads.py).
UPLOAD_SCANNER = env("UPLOAD_SCANNER", default="")
if UPLOAD_SCANNER and not re.fullmatch(r"/.+|[^:/]+:\d{1,5}", UPLOAD_SCANNER):
    raise ImproperlyConfigured("环境变量 UPLOAD_SCANNER 应为 主机:端口（如 clamav:3310）、套接字的路径，或留空。")
DATA_UPLOAD_MAX_MEMORY_SIZE = 4 * 1024 * 1024  # a request of the intake with 1,000 events
DATA_UPLOAD_MAX_NUMBER_FIELDS = 2000

# --- the API ---------------------------------------------------------------------------------------------------------
REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": [
        "accounts.authentication.TokenAuthentication",
        "rest_framework.authentication.SessionAuthentication",
    ],
    "DEFAULT_PERMISSION_CLASSES": ["rest_framework.permissions.IsAuthenticated"],
    "DEFAULT_FILTER_BACKENDS": ["django_filters.rest_framework.DjangoFilterBackend"],
    "DEFAULT_SCHEMA_CLASS": "drf_spectacular.openapi.AutoSchema",
    # No files: nobody would look through them (accounts/uploads.py).
    "DEFAULT_PARSER_CLASSES": ["rest_framework.parsers.JSONParser", "rest_framework.parsers.FormParser"],
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "TEST_REQUEST_DEFAULT_FORMAT": "json",
}
SPECTACULAR_SETTINGS = {
    "TITLE": "小个专党建工作平台 API",
    "DESCRIPTION": "只读接口：组织、经营主体、市场、党员（脱敏）、服务点、签到、统计快照、统计数字；"
    "另有登记注册采集接口（intake），由其他部门的系统签名调用。",
    "VERSION": "1.0.0",
    "SERVE_INCLUDE_SCHEMA": False,
    "SWAGGER_UI_DIST": "SIDECAR",
    "SWAGGER_UI_FAVICON_HREF": "SIDECAR",
    "REDOC_DIST": "SIDECAR",
    "ENUM_NAME_OVERRIDES": {"PrintedKindEnum": "reports.models.PrintedDocument.Kind"},  # `kind` names other things too
}

# --- rules a city may set --------------------------------------------------------------------------------------------
THREE_HAVES_EMPLOYEES = whole("THREE_HAVES_EMPLOYEES", 10, 1)  # 「三有」企业的从业人数下限，各地不一
SMALL_CELL = whole(
    "SMALL_CELL", 5, 5
)  # person counts below this are hidden outside the responsible unit; can only be more
REGISTRATION_DUE_DAYS = whole("REGISTRATION_DUE_DAYS", 15, 1)
EXPORT_APPROVAL_ROWS = env.int("EXPORT_APPROVAL_ROWS", 50_000)  # a longer list leaves on a second person's word
AUDIT_KEEP_DAYS = env.int("AUDIT_KEEP_DAYS", 1096)  # three years, which reveals and exports need; can only be longer
if AUDIT_KEEP_DAYS < 1096:
    raise ImproperlyConfigured("环境变量 AUDIT_KEEP_DAYS 不得少于 1096（三年）：查看、导出个人信息的记录须保存三年。")
RIGHTS_ANSWER_DAYS = whole("RIGHTS_ANSWER_DAYS", 15, 1)  # 个人信息权利申请的答复期限
# A goal is green, else amber, else red by how far behind its line it is, in percent of the way from base to target.
GOAL_GREEN_WITHIN, GOAL_AMBER_WITHIN = lights("GOAL_GREEN_WITHIN", "GOAL_AMBER_WITHIN")
GOAL_PACE_DAYS = whole("GOAL_PACE_DAYS", 90, 1)  # the present pace is that of so many days
REPORT_CLASSIFICATION = env("REPORT_CLASSIFICATION", default="internal")  # of scheduled reports: internal or public
if REPORT_CLASSIFICATION not in ("internal", "public"):
    raise ImproperlyConfigured("环境变量 REPORT_CLASSIFICATION 应为 internal（内部）或 public（公开）。")
DISTRICTS_GEOJSON = Path(  # the map of the dashboard; a public display needs one with a 审图号
    env("DISTRICTS_GEOJSON", default=str(BASE_DIR / "orgs" / "data" / "shenzhen_districts.geojson"))
)
# Alarms (reports/alarms): from how many on, how often the same one is told again, and to whom besides the product's own page.
ALARM_SIGN_IN_FAILURES = env.int("ALARM_SIGN_IN_FAILURES", 30)  # from one address within an hour
ALARM_REFUSALS = env.int("ALARM_REFUSALS", 30)  # of one account within an hour
ALARM_EXPORT_ROWS = env.int("ALARM_EXPORT_ROWS", 5_000)
ALARM_REPEAT_HOURS = env.int("ALARM_REPEAT_HOURS", 24)
ALARM_MAIL_TO = env.list("ALARM_MAIL_TO", default=[])  # empty: no e-mail
ALARM_SYSLOG = env("ALARM_SYSLOG", default="")  # udp://host:514 or tcp://host:514; empty: no syslog
if ALARM_SYSLOG and not re.fullmatch(r"(udp|tcp)://[^/:]+(:\d{1,5})?", ALARM_SYSLOG):
    raise ImproperlyConfigured("环境变量 ALARM_SYSLOG 应形如 udp://10.0.0.5:514 或 tcp://10.0.0.5:514。")
EMAIL_HOST = env("EMAIL_HOST", default="")
if ALARM_MAIL_TO and not EMAIL_HOST:
    raise ImproperlyConfigured("设置了 ALARM_MAIL_TO，还缺环境变量 EMAIL_HOST（邮件服务器）。")
EMAIL_PORT = env.int("EMAIL_PORT", 25)
EMAIL_HOST_USER = env("EMAIL_HOST_USER", default="")
EMAIL_HOST_PASSWORD = env("EMAIL_CREDENTIAL", default="")
EMAIL_USE_TLS = env.bool("EMAIL_USE_TLS", False)  # STARTTLS
EMAIL_TIMEOUT = 5  # seconds
DEFAULT_FROM_EMAIL = env("ALARM_MAIL_FROM", default="") or "xgz-party-building@localhost"
SMS_BACKEND = env("SMS_BACKEND", default="")  # dotted path of send(phone, text); empty: no text messages

LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "filters": {"without_codes": {"()": "config.logs.WithoutCodes"}},
    "formatters": {"without_rows": {"()": "config.logs.WithoutRows"}},
    "handlers": {
        "console": {"class": "logging.StreamHandler", "filters": ["without_codes"], "formatter": "without_rows"}
    },
    "root": {"handlers": ["console"], "level": env("LOG_LEVEL", default="WARNING")},
}
