"""The accounts' API: signing in with tokens, one's own account, API keys."""

from __future__ import annotations

import uuid
from typing import Any

from django.http import HttpResponseBase
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import generics
from rest_framework.permissions import AllowAny
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from wisqu.accounts import erasure, exports, serializers, signin, throttle, tokens
from wisqu.accounts.auth import require_scope
from wisqu.accounts.credentials import ACCOUNT, Credential, make_key, replayable_secret, revoke_key, written
from wisqu.accounts.models import APIKey, User
from wisqu.api import idempotency
from wisqu.api.ids import uuid7
from wisqu.api.models import IdempotencyKey
from wisqu.api.problems import NotFound
from wisqu.files.serving import send_file


class Public(APIView):
    """Open to everybody; credentials that come along are not even read."""

    authentication_classes = ()
    permission_classes = (AllowAny,)

    def read(self, serializer: type[Any], request: Request) -> dict[str, Any]:
        """Return the checked input."""
        return _read(serializer, request)


def _read(serializer: type[Any], request: Request) -> dict[str, Any]:
    bound = serializer(data=request.data)
    bound.is_valid(raise_exception=True)
    return dict(bound.validated_data)


def _tokens(pair: tokens.TokenPair) -> Response:
    return Response(
        {
            "access": pair.access,
            "refresh": pair.refresh,
            "token_type": "Bearer",
            "expires_in": int(tokens.ACCESS_LIFETIME.total_seconds()),
        }
    )


class Register(Public):
    """POST /auth/register."""

    @extend_schema(
        request=serializers.Registration,
        responses={201: serializers.Registered},
        operation_id="auth_register",
        tags=["auth"],
    )
    def post(self, request: Request) -> Response:
        """Make an account. An address that has one already gets the same answer: the mail tells its owner."""
        facts = self.read(serializers.Registration, request)
        signin.register(request._request, **facts)
        detail = "We sent a mail to this address. Follow its link, then sign in."
        return Response({"detail": detail}, status=201)


class Token(Public):
    """POST /auth/token."""

    @extend_schema(
        request=serializers.PasswordSignIn,
        responses=serializers.Tokens,
        operation_id="auth_token",
        tags=["auth"],
    )
    def post(self, request: Request) -> Response:
        """Sign in with address and password."""
        facts = self.read(serializers.PasswordSignIn, request)
        return _tokens(tokens.open_family(signin.check_password(request._request, **facts)))


class TokenRefresh(Public):
    """POST /auth/token/refresh."""

    @extend_schema(
        request=serializers.Refresh,
        responses=serializers.Tokens,
        operation_id="auth_token_refresh",
        tags=["auth"],
    )
    def post(self, request: Request) -> Response:
        """Change a refresh token for new tokens. It works once; a second use ends its whole sign-in."""
        throttle.hit(throttle.REFRESHES_PER_ADDRESS, signin.client_address(request._request))
        return _tokens(tokens.refresh_pair(self.read(serializers.Refresh, request)["refresh"]))


class TokenRevoke(Public):
    """POST /auth/token/revoke."""

    @extend_schema(
        request=serializers.Refresh, responses={204: None}, operation_id="auth_token_revoke", tags=["auth"]
    )
    def post(self, request: Request) -> Response:
        """Sign out: end every token of this refresh token's sign-in. An unknown token is no error."""
        throttle.hit(throttle.REFRESHES_PER_ADDRESS, signin.client_address(request._request))
        tokens.revoke_family(self.read(serializers.Refresh, request)["refresh"])
        return Response(status=204)


class MeView(APIView):
    """/auth/me."""

    @extend_schema(responses=serializers.Me, operation_id="auth_me", tags=["auth"])
    def get(self, request: Request) -> Response:
        """Return one's own account."""
        return Response(serializers.Me(request.user).data)

    @extend_schema(
        request=serializers.Me, responses=serializers.Me, operation_id="auth_me_change", tags=["auth"]
    )
    def patch(self, request: Request) -> Response:
        """Change name, language, theme or time zone. API keys need the scope `account`."""
        _require_account(request)
        bound = serializers.Me(request.user, data=request.data, partial=True)
        bound.is_valid(raise_exception=True)
        bound.save()
        return Response(bound.data)

    @extend_schema(
        request=serializers.Erasure, responses={204: None}, operation_id="auth_me_erase", tags=["auth"]
    )
    def delete(self, request: Request) -> Response:
        """Erase the account with everything in it, for good. API keys need the scope `account`."""
        _require_account(request)
        password = _read(serializers.Erasure, request)["password"]
        user = _user(request)
        signin.confirm_password(request._request, user=user, password=password)
        erasure.erase(user)
        return Response(status=204)


class ExportView(APIView):
    """/auth/me/export."""

    @extend_schema(
        parameters=[
            OpenApiParameter(
                "files", bool, description="A ZIP: `export.json` and the files that it tells of."
            )
        ],
        responses={
            (200, "application/json"): {"type": "object", "additionalProperties": True},
            (200, "application/zip"): {"type": "string", "format": "binary"},
        },
        operation_id="auth_me_export",
        tags=["auth"],
    )
    def get(self, request: Request) -> HttpResponseBase:
        """Return everything that is kept about oneself; /conversations/import reads it. Needs the scope `account`."""
        _require_account(request)
        if request.query_params.get("files") == "true":
            return send_file(
                exports.archive(_user(request)), name="wisqu-export.zip", media_type="application/zip"
            )
        headers = {"Content-Disposition": 'attachment; filename="wisqu-export.json"'}
        return Response(exports.export(_user(request)), headers=headers)


class KeysView(generics.ListAPIView[APIKey]):
    """/auth/keys."""

    serializer_class = serializers.Key

    def get_queryset(self) -> Any:
        """Return one's own keys that were not revoked."""
        return APIKey.objects.filter(user=self.request.user.pk, revoked_at=None)

    @extend_schema(operation_id="auth_keys", tags=["auth"])
    def get(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """List one's own API keys. API keys need the scope `account`."""
        _require_account(request)
        return self.list(request, *args, **kwargs)

    @extend_schema(
        request=serializers.NewKey,
        responses={201: serializers.MadeKey},
        operation_id="auth_keys_create",
        tags=["auth"],
        parameters=[OpenApiParameter(idempotency.HEADER, str, OpenApiParameter.HEADER)],
    )
    def post(self, request: Request) -> Response:
        """Make an API key. It is told this once. API keys need the scope `account`."""
        _require_account(request)
        key = idempotency.read_key(request.headers.get(idempotency.HEADER))
        facts = _read(serializers.NewKey, request)
        if key is None:
            return _made(*make_key(user=_user(request), **facts))
        return self._once(request, facts, key)

    def _once(self, request: Request, facts: dict[str, Any], key: str) -> Response:
        """Answer a repeated request alike, without keeping the secret: the request gives it again."""
        user, key_id = _user(request), uuid7()
        mark = idempotency.fingerprint("POST", request.path, request.data)
        known = idempotency.claim(owner_id=user.pk, key=key, mark=mark, reference=key_id)
        if known is None:
            return self._first(user, facts, key, key_id)
        row = APIKey.objects.filter(id=str(known.reference), user=user).first()
        if row is None:
            raise idempotency.in_flight()
        secret = replayable_secret(key_id=row.id, idempotency_key=key)
        return _made(row, written(prefix=row.prefix, secret=secret))

    def _first(self, user: User, facts: dict[str, Any], key: str, key_id: uuid.UUID) -> Response:
        secret = replayable_secret(key_id=key_id, idempotency_key=key)
        try:
            return _made(*make_key(user=user, key_id=key_id, secret=secret, **facts))
        except BaseException:
            IdempotencyKey.objects.filter(owner_id=user.pk, key=key).delete()
            raise


class KeyView(APIView):
    """/auth/keys/{id}."""

    @extend_schema(responses={204: None}, operation_id="auth_keys_revoke", tags=["auth"])
    def delete(self, request: Request, id: uuid.UUID) -> Response:  # noqa: A002 - the contract's name
        """Revoke an API key, at once and for good. API keys need the scope `account`."""
        _require_account(request)
        if not revoke_key(user=_user(request), key_id=id):
            raise NotFound
        return Response(status=204)


def _require_account(request: Request) -> None:
    """Refuse API keys that were not made to manage the account."""
    assert isinstance(request.auth, Credential)
    require_scope(request.auth, ACCOUNT)


def _made(row: APIKey, key: str) -> Response:
    return Response({**serializers.Key(row).data, "key": key}, status=201)


def _user(request: Request) -> User:
    assert isinstance(request.user, User)  # IsAuthenticated let it pass
    return request.user
