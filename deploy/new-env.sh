#!/bin/sh
# The .env of a new installation, beside docker-compose.yml: .env.example with the site's name, and with keys and passwords that are
# made here. One that stands is never written over: its keys open what is stored.
#   deploy/new-env.sh party.example.gov.cn
set -eu
umask 077

host=${1:-}
if ! printf '%s\n' "$host" | grep -qxE '[A-Za-z0-9]([A-Za-z0-9.-]*[A-Za-z0-9])?'; then
    echo "请写明本站的域名（不带 http:// 和端口），例如：deploy/new-env.sh party.example.gov.cn" >&2
    exit 1
fi
cd "$(dirname "$0")/.."
[ ! -e .env ] || { echo ".env 已经有了，没有改动：里面的密钥丢了，数据就打不开。" >&2; exit 1; }
command -v openssl > /dev/null || { echo "这台机器没有 openssl，请先安装。" >&2; exit 1; }

made=$(mktemp -d .env.XXXXXX) # beside it, so that it comes whole or not at all; what git and the image leave out
trap 'rm -rf "$made"' EXIT
cp .env.example "$made/env"

put() {
    sed "s|^$1=.*|$1=$2|" "$made/env" > "$made/new"
    mv "$made/new" "$made/env"
}

put ALLOWED_HOSTS "$host"
put PUBLIC_URL "https://$host"
put FIELD_KEYS "'[\"k1:$(openssl rand -base64 32)\"]'"
for name in SECRET_KEY PUBLIC_SECRET_KEY; do put "$name" "$(openssl rand -hex 32)"; done
for name in BLIND_INDEX_KEY AUDIT_SEAL_KEY RECEIPT_KEY; do put "$name" "$(openssl rand -base64 32)"; done
for name in POSTGRES_PASSWORD OWNER_DB_PASSWORD WEB_DB_PASSWORD PUBLIC_DB_PASSWORD VALKEY_PASSWORD PUBLIC_VALKEY_PASSWORD; do
    put "$name" "$(openssl rand -hex 24)"
done
openssl genpkey -algorithm X25519 -outform DER -out "$made/pair"
put INBOX_PRIVATE_KEY "$(tail -c 32 "$made/pair" | base64)"
put INBOX_PUBLIC_KEY "$(openssl pkey -in "$made/pair" -inform DER -pubout -outform DER | tail -c 32 | base64)"

mv "$made/env" .env
echo "已生成 .env（只有属主能读）。请把它抄一份离线保管，与数据库备份分开放；其余各项的说明就在文件里，看过再启动。"
