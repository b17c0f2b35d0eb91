#!/usr/bin/env python3
"""登记注册采集接口的示例：发送登记事项，取回定期反馈。只用 Python 标准库（3.9 及以上）。

export INTAKE_URL=https://党建平台的地址  INTAKE_KEY=密钥编号  INTAKE_SECRET=密钥
python3 intake_client.py send 事项.json      # {"items": […]}，写法见 docs/intake.md
python3 intake_client.py feedback --since 2026-11-01T00:00:00+08:00
"""

import argparse
import hashlib
import hmac
import json
import os
import sys
import time
import urllib.error
import urllib.parse
import urllib.request

SEND, FEEDBACK = "/api/v1/intake/registrations", "/api/v1/intake/feedback"
AGAIN = (409, 429, 500, 502, 503, 504)  # 按 Retry-After 等候，原样重发
TRIES = 5


def signature(secret, method, path, timestamp, idempotency_key, body, algorithm="sha256"):
    """五行文字，用换行连接，再求 HMAC。"""
    digest = hashlib.new(algorithm, body).hexdigest()
    text = "\n".join([method, path, timestamp, idempotency_key, digest])
    return hmac.new(secret.encode(), text.encode(), algorithm).hexdigest()


def call(method, path, body=b"", idempotency_key=""):
    """一次请求的状态码和应答；要等候的自动重试，每次重新签名，幂等键和请求体不变。"""
    url, key, secret = (setting(name) for name in ("INTAKE_URL", "INTAKE_KEY", "INTAKE_SECRET"))
    algorithm = os.environ.get("INTAKE_ALGORITHM", "sha256")
    for tries_left in reversed(range(TRIES)):
        timestamp = str(int(time.time()))
        headers = {
            "Content-Type": "application/json",
            "X-Intake-Key": key,
            "X-Intake-Timestamp": timestamp,
            "X-Intake-Signature": signature(secret, method, path, timestamp, idempotency_key, body, algorithm),
        }
        if idempotency_key:
            headers["Idempotency-Key"] = idempotency_key
        request = urllib.request.Request(url.rstrip("/") + path, body or None, headers, method=method)
        try:
            with urllib.request.urlopen(request, timeout=60) as response:
                return response.status, json.load(response)
        except urllib.error.HTTPError as error:
            if error.code not in AGAIN or not tries_left:
                return error.code, answer_of(error)
            wait = int(error.headers.get("Retry-After", "5"))
        except OSError:  # 断网、超时：不知道对方是否已经办了，所以必须用同一个幂等键重发
            if not tries_left:
                raise
            wait = 5
        time.sleep(wait)


def setting(name):
    if not os.environ.get(name):
        sys.exit(f"请先设置环境变量 {name}。")
    return os.environ[name]


def answer_of(error):
    """应答的 JSON；网关自己的错误页不是 JSON。"""
    try:
        return json.load(error)
    except ValueError:
        return {"code": str(error.code), "detail": error.reason}


def send(file_name):
    try:
        with open(file_name, "rb") as file:
            body = file.read()
    except OSError as error:
        sys.exit(f"打不开文件 {file_name}：{error.strerror}。请核对文件名。")
    # 由内容得出的幂等键：同一个文件再发一次，得到的还是第一次的应答。
    status, answer = call("POST", SEND, body, hashlib.sha256(body).hexdigest())
    print(json.dumps(answer, ensure_ascii=False, indent=1))
    if status != 200:
        return 1
    # 每一件，和每一件里的每个人：没有收下的都要有人看。
    told = [each for one in answer["results"] for each in (one, *one["persons"])]
    return 1 if any(each["result"] == "refused" for each in told) else 0


def feedback(since):
    after = ""
    while after is not None:
        query = {name: value for name, value in (("since", since), ("after", after)) if value}
        status, answer = call("GET", FEEDBACK + (f"?{urllib.parse.urlencode(query)}" if query else ""))
        if status != 200:
            print(json.dumps(answer, ensure_ascii=False), file=sys.stderr)
            return 1
        for event in answer["events"]:
            print(event["event_id"], event["state"], event["completed_at"] or event["received_at"])
        for month in answer["months"] or []:
            print(f"# {month['month']}：接收 {month['received']} 件，办结 {month['completed']} 件")
        after = answer["next"]
    return 0


def main():
    parser = argparse.ArgumentParser(description="登记注册采集接口示例")
    acts = parser.add_subparsers(dest="act", required=True)
    acts.add_parser("send", help="发送登记事项").add_argument("file")
    acts.add_parser("feedback", help="取回定期反馈").add_argument("--since", default="")
    given = parser.parse_args()
    return send(given.file) if given.act == "send" else feedback(given.since)


if __name__ == "__main__":
    sys.exit(main())
