#!/bin/sh
# The database and the uploaded files, each night into a folder of its own, and back (docs/manual/administrators.md).
#   backup.sh nightly        at BACKUP_AT of every day; at once where there is none yet
#   backup.sh once           now
#   backup.sh restore NAME   beside the present database, which then makes way and stays under another name
# libpq's own variables say which database (PGHOST, PGUSER, PGDATABASE …). The web side sees the names of the folders and what
# `last` and `failed` say, never what lies in them. Keys and ERASURE_LIST are kept apart, on purpose.
set -eu
umask 077

command=${1:-nightly}
for name in BACKUP_DIR MEDIA_ROOT PGDATABASE; do
    eval "value=\${$name:-}"
    [ -n "$value" ] || { echo "没有备份：缺少环境变量 $name。" >&2; exit 1; }
done
mkdir -p "$BACKUP_DIR"
chmod 755 "$BACKUP_DIR"

# For the web side: written whole or not at all.
tell() {
    printf '%s\n' "$2" > "$BACKUP_DIR/.$1.new"
    chmod 644 "$BACKUP_DIR/.$1.new"
    mv "$BACKUP_DIR/.$1.new" "$BACKUP_DIR/$1"
}

taken() {
    ls -1 "$BACKUP_DIR" | grep -E '^[0-9]{8}-[0-9]{6}$' | sort
}

# Erased persons are in a backup until it goes: it goes in time. The newest stays, however old.
throw_away() {
    limit=$(date -d "-${BACKUP_DAYS:-14} days" +%Y%m%d-%H%M%S)
    taken | head -n -1 | while read -r old; do
        [ "$old" \> "$limit" ] || rm -rf "${BACKUP_DIR:?}/$old"
    done
}

take() {
    exec 9> "$BACKUP_DIR/.lock"
    flock -n 9 || { echo "另一次备份正在进行。" >&2; exit 1; }
    started=$(date +%s)
    name=$(date +%Y%m%d-%H%M%S)
    part="$BACKUP_DIR/.part"
    trap 'rm -rf "$part"' EXIT
    rm -rf "$part"
    mkdir "$part"
    pg_dump --format=custom --file="$part/database.dump"
    # After the rows that name them: what is uploaded meanwhile is too much, never too little.
    mkdir -p "$MEDIA_ROOT"
    tar -C "$MEDIA_ROOT" --exclude=./erasures -cf "$part/media.tar" . # that list must not go back with what it is to erase
    pg_restore --list "$part/database.dump" > /dev/null
    (cd "$part" && sha256sum database.dump media.tar > SHA256SUMS)
    sync
    mv "$part" "$BACKUP_DIR/$name"
    tell last "$name $(du -sk "$BACKUP_DIR/$name" | cut -f1) $(($(date +%s) - started))"
    throw_away
}

sql() {
    psql -X -v ON_ERROR_STOP=1 -At "$@"
}

restore() {
    [ -f "$BACKUP_DIR/$1/SHA256SUMS" ] || { echo "没有恢复：找不到备份 $1。现有：$(taken | tr '\n' ' ')" >&2; exit 1; }
    (cd "$BACKUP_DIR/$1" && sha256sum --quiet -c SHA256SUMS) || { echo "没有恢复：备份 $1 的文件与校验和不符。" >&2; exit 1; }
    others=$(sql -d postgres -v name="$PGDATABASE" <<'SQL'
SELECT count(*) FROM pg_stat_activity WHERE datname = :'name' AND backend_type = 'client backend'
SQL
    )
    [ "$others" = 0 ] || { echo "没有恢复：还有 $others 个连接。请先停止网页、后台和定时进程。" >&2; exit 1; }
    fresh="${PGDATABASE}_restored" before="${PGDATABASE}_before_$(date +%Y%m%d%H%M%S)"
    dropdb --if-exists "$fresh"
    createdb "$fresh"
    pg_restore --exit-on-error --no-comments --dbname="$fresh" "$BACKUP_DIR/$1/database.dump"
    # Who may connect is said of a database as such, which no dump of it has.
    grants=$(sql -v fresh="$fresh" <<'SQL'
SELECT format('REVOKE ALL ON DATABASE %I FROM PUBLIC;', :'fresh');
SELECT format('GRANT %s ON DATABASE %I TO %s', privilege_type, :'fresh',
              CASE grantee WHEN 0 THEN 'PUBLIC' ELSE quote_ident(pg_get_userbyid(grantee)) END) || ';'
FROM pg_database, aclexplode(datacl) WHERE datname = current_database();
SQL
    )
    printf '%s\n' "$grants" | sql -d "$fresh" > /dev/null
    sql -d postgres -v name="$PGDATABASE" -v fresh="$fresh" -v before="$before" > /dev/null <<'SQL'
BEGIN;
ALTER DATABASE :"name" RENAME TO :"before";
ALTER DATABASE :"fresh" RENAME TO :"name";
COMMIT;
SQL
    mkdir -p "$MEDIA_ROOT"
    tar -C "$MEDIA_ROOT" -xf "$BACKUP_DIR/$1/media.tar"
    echo "已恢复到 $1 的数据；原来的数据库改名为 $before，核对无误后再删去。"
    echo "接着：运行 migrate；manage.py replay_erasures（先加 --check）；manage.py verify_audit；再启动其余进程。"
}

case $command in
nightly)
    [ -n "$(taken)" ] || "$0" once || :
    while :; do
        next=$(date -d "${BACKUP_AT:-02:20}" +%s)
        [ "$next" -gt "$(date +%s)" ] || next=$(date -d "tomorrow ${BACKUP_AT:-02:20}" +%s)
        sleep $((next - $(date +%s))) &
        wait $! # a signal ends this, not a sleep of hours
        "$0" once || :
    done
    ;;
once)
    said=$(mktemp)
    # Not `take || …`: the shell would go on after whatever fails in it.
    (take) 2> "$said" &
    if wait $!; then
        rm -f "$said" "$BACKUP_DIR/failed"
    else
        tell failed "$(date +%Y%m%d-%H%M%S) $(head -n 1 "$said" | cut -c1-200)"
        cat "$said" >&2
        rm -f "$said"
        exit 1
    fi
    ;;
restore)
    restore "${2:?请写明备份的名字，例如 backup.sh restore 20261128-022000}"
    ;;
*)
    echo "不认识的用法：$command。用 nightly、once 或 restore 名字。" >&2
    exit 1
    ;;
esac
