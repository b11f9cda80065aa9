"""Key Vault: secrets and their versions, which are returned after its challenge."""

import time
from typing import TYPE_CHECKING, Any

import jwt
from doubles.azure.names import LOGIN, TENANT, VAULT
from doubles.azure.routing import Handler, Request, Response, make_error

if TYPE_CHECKING:
    from doubles.azure.azure import Azure

HOST = f"{VAULT}.vault.azure.net"
AUDIENCE = "https://vault.azure.net"
CHALLENGE = {"WWW-Authenticate": f'Bearer authorization="https://{LOGIN}/{TENANT}", resource="{AUDIENCE}"'}


class KeyVault:
    """The workspace's vault; `secrets` has versions by name, oldest first, `forbidden` has names that are refused."""

    def __init__(self) -> None:
        self.secrets: dict[str, list[dict[str, Any]]] = {}
        self.forbidden: set[str] = set()

    def install(self, azure: "Azure") -> None:
        azure.route("GET", rf"{HOST}/secrets/(?P<name>[^/]+)/(?P<version>\w*)")(_challenge(self._get))

    def put(self, name: str, value: str) -> None:
        """Add a version of a secret, as `az keyvault secret set` does."""
        versions = self.secrets.setdefault(name, [])
        now = int(time.time())
        identity = f"https://{HOST}/secrets/{name}/{len(versions) + 1:032x}"
        versions.append(
            {"value": value, "id": identity, "attributes": {"enabled": True, "created": now, "updated": now}}
        )

    def _get(self, request: Request) -> Response:
        name = request["name"]
        if name in self.forbidden:
            return make_error(403, "Forbidden", "Caller is not authorized to perform action on resource.")
        if name not in self.secrets:
            message = f"A secret with (name/id) {name} was not found in this key vault."
            return make_error(404, "SecretNotFound", message)
        found = [each for each in self.secrets[name] if each["id"].endswith(request["version"])]
        return Response(body=found[-1]) if found else make_error(404, "SecretNotFound", "no such version")


def _challenge(handler: Handler) -> Handler:
    def answer(request: Request) -> Response:
        token = request.headers.get("Authorization", "").removeprefix("Bearer ")
        if not token:
            error = make_error(401, "Unauthorized", "AKV10000: Request is missing a Bearer or PoP token.")
            return Response(401, error.body, CHALLENGE)
        if jwt.decode(token, options={"verify_signature": False})["aud"] != AUDIENCE:
            error = make_error(401, "Unauthorized", "AKV10022: Invalid audience.")
            return Response(401, error.body, CHALLENGE)
        return handler(request)

    return answer
