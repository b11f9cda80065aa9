"""Entra ID: tokens for the service principal, and for the managed identity of a node of a compute cluster."""

import time
from typing import TYPE_CHECKING
from urllib.parse import parse_qs

import jwt
from doubles.azure.names import COMPUTE_ENVIRON, LOGIN, TENANT
from doubles.azure.routing import Request, Response, make_error

if TYPE_CHECKING:
    from doubles.azure.azure import Azure

SECONDS = 3600


class Entra:
    """The service that issues and records tokens, which are valid for `seconds`."""

    def __init__(self) -> None:
        self.seconds = SECONDS
        self.issued: list[str] = []

    def install(self, azure: "Azure") -> None:
        base = f"https://{LOGIN}/{TENANT}"
        azure.route("GET", rf"{LOGIN}/.*/openid-configuration")(
            lambda request: Response(
                body={
                    "token_endpoint": f"{base}/oauth2/v2.0/token",
                    "authorization_endpoint": f"{base}/oauth2/v2.0/authorize",
                    "issuer": f"{base}/v2.0",
                }
            )
        )
        azure.route("GET", rf"{LOGIN}/common/discovery/instance")(
            lambda request: Response(
                body={
                    "tenant_discovery_endpoint": f"{base}/v2.0/.well-known/openid-configuration",
                    "metadata": [
                        {"preferred_network": LOGIN, "preferred_cache": "login.windows.net", "aliases": [LOGIN]}
                    ],
                }
            )
        )
        azure.route("POST", rf"{LOGIN}/.*/token")(self._issue)
        azure.route("GET", r"identity\.node/MSI/auth")(self._issue_to_node)

    def _issue(self, request: Request) -> Response:
        form = parse_qs(request.body.decode())
        if form.get("client_secret") == ["wrong"]:
            return make_error(401, "invalid_client", "AADSTS7000215: Invalid client secret provided.")
        token = self.issue(form["scope"][0].split()[0].removesuffix("/.default"))
        return Response(body={"token_type": "Bearer", "expires_in": self.seconds, "access_token": token})

    def _issue_to_node(self, request: Request) -> Response:
        """Answer like a node, which issues a token only for the node's secret and the identity's client id."""
        given = request.headers.get("secret"), request.query.get("clientid")
        if given != (COMPUTE_ENVIRON["MSI_SECRET"], COMPUTE_ENVIRON["DEFAULT_IDENTITY_CLIENT_ID"]):
            return make_error(400, "BadRequest", "No identity was found for the client id.")
        resource = request.query["resource"]
        expires = str(int(time.time()) + self.seconds)
        given = {"token_type": "Bearer", "expires_on": expires, "resource": resource}
        return Response(body={**given, "access_token": self.issue(resource)})

    def issue(self, audience: str) -> str:
        """Return a new token."""
        claims = {"exp": int(time.time()) + self.seconds, "tid": TENANT, "oid": "o", "aud": audience}
        token = jwt.encode({**claims, "jti": str(len(self.issued))}, "k" * 32)
        self.issued.append(token)
        return token
