#!/bin/sh
# What one container of the image does: web, worker QUEUE, beat, migrate, or any other command given.
# A missing setting stops the start with one sentence instead of a traceback.
set -eu

role=${1:-web}

require() {
    missing=
    for name in "$@"; do
        eval "value=\${$name:-}"
        [ -n "$value" ] || missing="$missing $name"
    done
    if [ -n "$missing" ]; then
        echo "无法启动 $role：缺少环境变量$missing。请在 .env 中设置后重新启动，每一项的说明见 .env.example。" >&2
        exit 1
    fi
}

# Whoever serves pages or runs jobs may change rows, never tables, and never the audit trail.
refuse_owner() {
    if [ -n "${DATABASE_OWNER_URL:-}" ]; then
        echo "无法启动 $role：这个进程不得持有数据库所有者的登录。请只为 migrate 设置 DATABASE_OWNER_URL。" >&2
        exit 1
    fi
}

# A volume that somebody else's image made first belongs to root: told at the start, not by the first upload that fails.
require_writable() {
    for folder in "$@"; do
        if [ -e "$folder" ] && [ ! -w "$folder" ]; then
            echo "无法启动 $role：不能写入文件夹 $folder。请把挂载的卷交给用户 $(id -u)（chown）后重新启动。" >&2
            exit 1
        fi
    done
}

KEYS="SECRET_KEY FIELD_KEYS BLIND_INDEX_KEY AUDIT_SEAL_KEY"
[ "${FACE:-}" != staff ] || KEYS="$KEYS RECEIPT_KEY INBOX_PRIVATE_KEY"
FOLDERS="${MEDIA_ROOT:-} ${ERASURE_LIST:+$(dirname "$ERASURE_LIST")}"
[ "${FACE:-}" != public ] || { KEYS="SECRET_KEY RECEIPT_KEY INBOX_PUBLIC_KEY" FOLDERS=; }

case $role in
web)
    require $KEYS DATABASE_URL REDIS_URL ALLOWED_HOSTS
    refuse_owner
    require_writable $FOLDERS
    # A filter of some hundred characters has nine signs for each; the proxy takes a line as long.
    exec gunicorn config.wsgi --bind 0.0.0.0:8000 --workers "${WEB_WORKERS:-4}" --threads "${WEB_THREADS:-4}" \
        --timeout 120 --graceful-timeout 20 --keep-alive 75 --worker-tmp-dir /dev/shm --no-control-socket \
        --limit-request-line 8190
    ;;
worker)
    require $KEYS DATABASE_URL REDIS_URL
    refuse_owner
    require_writable $FOLDERS
    queue=${2:?请写明队列，例如 worker prompt}
    exec celery -A config worker -n "$queue@%h" -Q "$queue" -c "${WORKER_PROCESSES:-2}" -l info
    ;;
beat)
    require $KEYS DATABASE_URL REDIS_URL
    refuse_owner
    require_writable /app/beat
    exec celery -A config beat -l info --pidfile= -s /app/beat/schedule
    ;;
migrate)
    require $KEYS DATABASE_URL DATABASE_OWNER_URL REDIS_URL
    python manage.py migrate --no-input
    python manage.py rotate_keys --check # a key that was taken out too early stops the start, not the first reader
    exec python manage.py import_divisions
    ;;
*)
    exec "$@"
    ;;
esac
