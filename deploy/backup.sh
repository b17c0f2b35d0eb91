#!/bin/sh
# The database and the uploaded files, each night into a folder of its own, and back (docs/manual/administrators.md).
#   backup.sh nightly        at BACKUP_AT of every day; at once where there is none yet
#   backup.sh once           now
#   backup.sh restore NAME   beside the present database, which then makes way and stays under another name
# libpq's own variables say which database (PGHOST, PGUSER, PGDATABASE …). The web side sees the names of the folders and what
# `last` and `failed` say, never what lies in them. Keys and ERASURE_LIST are kept apart, on purpose.
set -eu
umask 077
export TZ=Asia/Shanghai # as the web side reads the times

command=${1:-nightly}
for name in BACKUP_DIR MEDIA_ROOT PGDATABASE; do
    eval "value=\${$name:-}"
    [ -n "$value" ] || { echo "没有备份：缺少环境变量 $name。" >&2; exit 1; }
done
: "${BACKUP_DAYS:=14}" "${BACKUP_AT:=02:20}"
mkdir -p "$BACKUP_DIR"
chmod 755 "$BACKUP_DIR" 2> /dev/null || : # a network disk has rules of its own

# For the web side: written whole or not at all.
tell() {
    printf '%s\n' "$2" > "$BACKUP_DIR/.$1.new" || return 1
    chmod 644 "$BACKUP_DIR/.$1.new" 2> /dev/null || :
    mv "$BACKUP_DIR/.$1.new" "$BACKUP_DIR/$1"
}

# On a full disk without a reason: that it failed is told by the file alone.
tell_failed() {
    echo "$1" >&2
    tell failed "$(date +%Y%m%d-%H%M%S) $(printf '%s\n' "$1" | head -n 1 | cut -c1-200)" || : > "$BACKUP_DIR/failed"
}

# Before anything is thrown away by a number that is none, or waited for at a time that is none.
check_settings() {
    if ! printf '%s\n' "$BACKUP_DAYS" | grep -qxE '[1-9][0-9]{0,3}'; then
        tell_failed "BACKUP_DAYS 应为 1 以上的整数（天），现在是“$BACKUP_DAYS”。"
        exit 1
    fi
    if ! printf '%s\n' "$BACKUP_AT" | grep -qxE '([01]?[0-9]|2[0-3]):[0-5][0-9]'; then
        tell_failed "BACKUP_AT 应写成 02:20 这样的时间，现在是“$BACKUP_AT”。"
        exit 1
    fi
}

taken() {
    ls -1 "$BACKUP_DIR" | grep -E '^[0-9]{8}-[0-9]{6}$' | sort
}

# Erased persons are in a backup until it goes: it goes in time. The newest stays, however old.
throw_away() {
    limit=$(date -d "-$BACKUP_DAYS days" +%Y%m%d-%H%M%S)
    taken | head -n -1 | while read -r old; do
        [ "$old" \> "$limit" ] || rm -rf "${BACKUP_DIR:?}/$old"
    done
}

take() {
    started=$(date +%s)
    name=$(date +%Y%m%d-%H%M%S)
    part="$BACKUP_DIR/.part"
    trap 'rm -rf "$part"' EXIT
    rm -rf "$part"
    mkdir "$part"
    # The product has no large objects; any role may make some, which pg_dump could not read and so would take nothing.
    pg_dump --format=custom --no-large-objects --file="$part/database.dump"
    # After the rows that name them: what is uploaded meanwhile is too much, never too little.
    mkdir -p "$MEDIA_ROOT"
    # Without the list that must not go back with what it is to erase. 1: a file changed or went while it was read.
    tar -C "$MEDIA_ROOT" --exclude=./erasures --warning=no-file-changed --warning=no-file-removed \
        -cf "$part/media.tar" . || [ $? = 1 ]
    pg_restore --list "$part/database.dump" > /dev/null
    (cd "$part" && sha256sum database.dump media.tar > SHA256SUMS)
    sync
    mv -T "$part" "$BACKUP_DIR/$name" # never into one of the same second
    tell last "$name $(du -sk "$BACKUP_DIR/$name" | cut -f1) $(($(date +%s) - started))"
    throw_away
}

sql() {
    psql -X -v ON_ERROR_STOP=1 -At "$@"
}

nobody_is_connected() {
    others=$(sql -d postgres -v name="$PGDATABASE" <<'SQL'
SELECT count(*) FROM pg_stat_activity WHERE datname = :'name' AND backend_type = 'client backend'
SQL
    )
    [ "$others" = 0 ] || { echo "还有 $others 个连接。请先停止网页、后台和定时进程，再运行同一条命令。" >&2; exit 1; }
}

restore() {
    from="$BACKUP_DIR/$1"
    [ -f "$from/SHA256SUMS" ] || { echo "没有恢复：找不到备份 $1。现有：$(taken | tr '\n' ' ')" >&2; exit 1; }
    [ "$(wc -l < "$from/SHA256SUMS")" = 2 ] && (cd "$from" && sha256sum --quiet --strict -c SHA256SUMS) || {
        echo "没有恢复：备份 $1 的文件与校验和不符，或没有拷全。请重新拷一次，或换一份备份。" >&2
        exit 1
    }
    said=$(mktemp) entries=$(mktemp) stamp=$(date +%Y%m%d%H%M%S)
    fresh="${PGDATABASE}_restored" before="${PGDATABASE}_before_$stamp"
    trap 'rm -f "$said" "$entries"; dropdb --if-exists "$fresh" 2> /dev/null || :
        echo "没有恢复，现有的数据和文件都没有动。原因见上一行。" >&2' EXIT
    nobody_is_connected
    PGOPTIONS="-c client_min_messages=warning" dropdb --if-exists "$fresh"
    createdb "$fresh"
    # Any role may say who shall read what it makes one day. Of another role owner may not say so, and all would end there.
    pg_restore --list "$from/database.dump" > "$entries"
    sed -i -E "/^[0-9]+; [0-9]+ [0-9]+ DEFAULT ACL /{/ $PGUSER\$/!d}" "$entries"
    # Of an error only what pg_restore says itself: what the server adds to it are rows.
    pg_restore --exit-on-error --no-comments --use-list="$entries" --dbname="$fresh" "$from/database.dump" 2> "$said" || {
        grep '^pg_restore:' "$said" >&2
        exit 1
    }
    # Who may connect is said of a database as such, which no dump of it has.
    grants=$(sql -v fresh="$fresh" <<'SQL'
SELECT format('REVOKE ALL ON DATABASE %I FROM PUBLIC;', :'fresh');
SELECT format('GRANT %s ON DATABASE %I TO %s', privilege_type, :'fresh',
              CASE grantee WHEN 0 THEN 'PUBLIC' ELSE quote_ident(pg_get_userbyid(grantee)) END) || ';'
FROM pg_database, aclexplode(coalesce(datacl, acldefault('d', datdba))) WHERE datname = current_database();
SQL
    )
    printf '%s\n' "$grants" | sql -d "$fresh" > /dev/null
    nobody_is_connected
    sql -d postgres -v name="$PGDATABASE" -v fresh="$fresh" -v before="$before" > /dev/null <<'SQL'
BEGIN;
ALTER DATABASE :"name" RENAME TO :"before";
ALTER DATABASE :"fresh" RENAME TO :"name";
COMMIT;
SQL
    trap 'rm -f "$said" "$entries"
        echo "数据库已恢复（原来的改名为 $before），上传的文件没有全部放回，原因见上。处理后再运行同一条命令。" >&2' EXIT
    mkdir -p "$MEDIA_ROOT"
    # Heads of the audit that are later than the backup tell of events that it does not have.
    [ ! -d "$MEDIA_ROOT/audit-heads" ] || mv "$MEDIA_ROOT/audit-heads" "$MEDIA_ROOT/audit-heads-before-$stamp"
    tar -C "$MEDIA_ROOT" -xf "$from/media.tar"
    trap - EXIT
    rm -f "$said" "$entries"
    echo "已恢复到 $1 的数据。原来的数据库改名为 $before，原来的链头文件（如有）在 audit-heads-before-$stamp，核对无误后再删去。"
    echo "接着：运行 migrate；manage.py replay_erasures（先加 --check）；manage.py verify_audit；再启动其余进程。"
}

case $command in
nightly)
    trap 'exit 143' INT TERM # the first process of a container is deaf to what it does not listen for
    check_settings
    if [ -z "$(taken)" ]; then
        "$0" once &
        wait $! || :
    fi
    while :; do
        next=$(date -d "$BACKUP_AT" +%s)
        [ "$next" -gt "$(date +%s)" ] || next=$(date -d "tomorrow $BACKUP_AT" +%s)
        sleep $((next - $(date +%s))) &
        wait $! # a signal ends this, not a sleep of hours
        "$0" once &
        wait $! || :
    done
    ;;
once)
    check_settings
    exec 9> "$BACKUP_DIR/.lock"
    flock -n 9 || { echo "另一次备份正在进行，这一次没有做。" >&2; exit 1; }
    said=$(mktemp)
    # Not `take || …`: the shell would go on after whatever fails in it.
    (take) 2> "$said" &
    if wait $!; then
        rm -f "$said" "$BACKUP_DIR/failed"
    else
        tell_failed "$(cat "$said")"
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
