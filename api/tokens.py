"""Bearer tokens: JSON Web Tokens (RFC 7519) that say which account asks, and nothing else.

`sub` is the account, `aud` is `xueshi`, `exp` is at most 60 minutes ahead. HS256 with the shared secret, RS256 or ES256
with a key of the JWKS; a token's own `alg` only chooses between the two, each with its own keys.
"""

import logging
import time
import warnings
from functools import cached_property

import jwt

from assistant.errors import NotSignedIn, SettingsError, Unavailable
from assistant.settings import Settings
from assistant.text import is_utf8

AUDIENCE = "xueshi"
LONGEST = 60  # minutes
_LEEWAY = 10  # seconds that two clocks may differ by
_ADVISED_SECRET = 32  # bytes: RFC 7518, 3.2
_LOG = logging.getLogger(__name__)
# Said once, above, in words for whoever runs the service.
warnings.filterwarnings("ignore", category=jwt.InsecureKeyLengthWarning)


class Tokens:
    """Verifies tokens, and makes them where there is a shared secret."""

    def __init__(self, settings: Settings) -> None:
        """SettingsError: there is nothing to verify tokens with."""
        if not (settings.auth_secret or settings.auth_jwks_url):
            raise SettingsError(
                "缺少设置 XUESHI_AUTH_SECRET 或 XUESHI_AUTH_JWKS_URL：没有它就无法核验身份，不能启动服务。"
            )
        self._secret, self._jwks_url = settings.auth_secret, settings.auth_jwks_url
        if self._secret and len(self._secret.encode()) < _ADVISED_SECRET:
            _LOG.warning("XUESHI_AUTH_SECRET 短于 %d 个字节，容易被猜中：请换一个更长的。", _ADVISED_SECRET)

    @cached_property
    def _jwks(self) -> jwt.PyJWKClient:
        return jwt.PyJWKClient(self._jwks_url, timeout=5)

    def account(self, token: str) -> str:
        """The account that a token speaks for. NotSignedIn: it can't be trusted; Unavailable: no JWKS to be had."""
        try:
            algorithm = jwt.get_unverified_header(token).get("alg")
            if algorithm == "HS256" and self._secret:
                key: str | jwt.PyJWK = self._secret
            elif algorithm in ("RS256", "ES256") and self._jwks_url:
                key = self._key(token)
            else:
                raise NotSignedIn("登录凭证的签名算法不被接受，请重新登录。")
            claims = jwt.decode(
                token,
                key,
                algorithms=[algorithm],
                audience=AUDIENCE,
                leeway=_LEEWAY,
                options={"require": ["exp", "sub", "aud"]},
            )
        except jwt.ExpiredSignatureError:
            raise NotSignedIn("登录已过期，请重新登录。") from None
        except jwt.PyJWTError:
            raise NotSignedIn("登录凭证无效，请重新登录。") from None
        if not isinstance(claims["exp"], int | float) or not is_utf8(str(claims["sub"])):
            raise NotSignedIn("登录凭证无效，请重新登录。")
        if claims["exp"] > time.time() + LONGEST * 60:
            raise NotSignedIn(f"登录凭证的有效期超过 {LONGEST} 分钟，不被接受。")
        return str(claims["sub"])

    def _key(self, token: str) -> jwt.PyJWK:
        try:
            return self._jwks.get_signing_key_from_jwt(token)
        except (jwt.PyJWKClientConnectionError, ValueError):
            raise Unavailable("暂时无法核验登录凭证，请稍后再试。") from None

    def make(self, account: str, minutes: int) -> str:
        """A token for an account. SettingsError: there is no shared secret to sign with."""
        if not self._secret:
            raise SettingsError("缺少设置 XUESHI_AUTH_SECRET：签发凭证需要共享密钥。")
        claims = {"sub": account, "aud": AUDIENCE, "exp": int(time.time()) + minutes * 60}
        return jwt.encode(claims, self._secret, algorithm="HS256")
