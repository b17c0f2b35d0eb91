"""A provider of OpenID Connect in a process of its own, for tests: it signs in whoever `sub` names without asking, and lies
on demand. `POST /behave` sets what its next answers are like; keys: sub, nonce, aud, iss, exp, alg, claims, turn, raw, quick.

    python oidc_provider.py PORT
"""

import base64
import hashlib
import json
import secrets
import sys
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlencode, urlsplit

from joserfc import jwt
from joserfc.jwk import ECKey, KeySet, RSAKey

PORT = int(sys.argv[1])
ISSUER = f"http://127.0.0.1:{PORT}"
behaviour: dict = {}
codes: dict[str, dict] = {}  # each is taken once
keys: dict = {}


def turn_keys() -> None:
    old = keys.get("RS256")
    keys["RS256"] = RSAKey.generate_key(2048, {"kid": secrets.token_hex(4), "use": "sig"})
    keys["ES256"] = ECKey.generate_key("P-256", {"kid": secrets.token_hex(4), "use": "sig"})
    keys["unpublished"] = old or RSAKey.generate_key(2048, {"kid": keys["RS256"].kid})


def id_token(asked: dict) -> str:
    now = int(time.time())
    claims = {
        "iss": behaviour.get("iss", ISSUER),
        "aud": behaviour.get("aud", asked["client_id"]),
        "sub": behaviour.get("sub", "person-1"),
        "nonce": behaviour.get("nonce", asked.get("nonce")),
        "iat": now,
        "exp": now + behaviour.get("exp", 300),
    } | behaviour.get("claims", {})
    alg = behaviour.get("alg", "RS256")
    if alg == "none":
        parts = [{"alg": "none"}, claims]
        return (
            ".".join(base64.urlsafe_b64encode(json.dumps(part).encode()).rstrip(b"=").decode() for part in parts) + "."
        )
    key = keys["unpublished" if alg == "unpublished" else alg]
    return jwt.encode({"alg": "RS256" if alg == "unpublished" else alg, "kid": keys["RS256"].kid if alg == "unpublished" else key.kid}, claims, key)  # fmt: skip  # noqa: E501


class Provider(BaseHTTPRequestHandler):
    def do_GET(self):
        if raw := behaviour.get("raw"):  # instead of an answer, and slowly where it says so
            self.close_connection = True
            for piece in [raw] if behaviour.get("quick") else raw:
                self.wfile.write(piece.encode())
                time.sleep(0.02)
            return None
        url = urlsplit(self.path)
        if url.path == "/.well-known/openid-configuration":
            names = {"authorization": "authorize", "token": "token", "end_session": "sign-out"}
            found = {f"{name}_endpoint": f"{ISSUER}/{path}" for name, path in names.items()}
            return self.answer({"issuer": behaviour.get("told_issuer", ISSUER), "jwks_uri": f"{ISSUER}/keys", **found})
        if url.path == "/keys":
            return self.answer(KeySet([keys["RS256"], keys["ES256"]]).as_dict(private=False))
        if url.path == "/authorize":
            asked = {name: values[0] for name, values in parse_qs(url.query).items()}
            code = secrets.token_hex(8)
            codes[code] = asked
            self.send_response(302)
            self.send_header(
                "Location", f"{asked['redirect_uri']}?{urlencode({'code': code, 'state': asked['state']})}"
            )
            return self.end_headers()
        return self.answer({}, 404)

    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"])).decode()
        if self.path == "/behave":
            behaviour.clear()
            behaviour.update(json.loads(body))
            if behaviour.get("turn"):
                turn_keys()
            return self.answer({})
        form = {name: values[0] for name, values in parse_qs(body).items()}
        asked = codes.pop(form.get("code", ""), None)
        pair = base64.b64decode(self.headers.get("Authorization", "").removeprefix("Basic ")).decode()
        challenge = base64.urlsafe_b64encode(hashlib.sha256(form.get("code_verifier", "").encode()).digest()).rstrip(
            b"="
        )
        is_right = (
            asked is not None
            and pair == f"{asked['client_id']}:credential"
            and asked["redirect_uri"] == form.get("redirect_uri")
            and asked["code_challenge"] == challenge.decode()
            and asked["code_challenge_method"] == "S256"
        )
        if not is_right:
            return self.answer({"error": "invalid_grant"}, 400)
        return self.answer({"token_type": "Bearer", "access_token": "x", "id_token": id_token(asked)})

    def answer(self, found: dict, status: int = 200):
        text = json.dumps(found).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    def log_message(self, *args):
        pass


if __name__ == "__main__":
    turn_keys()
    server = ThreadingHTTPServer(("127.0.0.1", PORT), Provider)
    print("ready", flush=True)
    server.serve_forever()
