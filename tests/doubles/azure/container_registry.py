"""Container Registry: the exchange of tokens, tags and manifests."""

import hashlib
import itertools
import time
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs

import jwt
from doubles.azure.names import REGISTRY
from doubles.azure.routing import Handler, Request, Response

if TYPE_CHECKING:
    from doubles.azure.azure import Azure

HOST = f"{REGISTRY}.azurecr.io"
AUDIENCE = "https://containerregistry.azure.net"
SECRET = "r" * 32
CHANGEABLE = {"deleteEnabled": True, "writeEnabled": True, "readEnabled": True, "listEnabled": True}


class ContainerRegistry:
    """The workspace's registry: digests by repository and tag; a tag that is pushed again moves."""

    def __init__(self) -> None:
        self.tags: dict[tuple[str, str], str] = {}
        self.manifests: dict[tuple[str, str], bytes] = {}
        self._pushed = itertools.count(1)

    def install(self, azure: "Azure") -> None:
        azure.route("POST", rf"{HOST}/oauth2/exchange")(self._exchange)
        azure.route("POST", rf"{HOST}/oauth2/token")(self._issue)
        azure.route("GET", rf"{HOST}/acr/v1/(?P<name>.+)/_tags/(?P<tag>[^/]+)")(_authorize(self._get_tag))
        azure.route("GET", rf"{HOST}/acr/v1/(?P<name>.+)/_manifests/(?P<digest>[^/]+)")(_authorize(self._get_manifest))

    def push(self, repository: str, tag: str, manifest: bytes) -> str:
        """Push an image, which differs from every other build."""
        whole = manifest + str(next(self._pushed)).encode()
        digest = "sha256:" + hashlib.sha256(whole).hexdigest()
        self.manifests[repository, digest] = whole
        self.tags[repository, tag] = digest
        return digest

    def has(self, reference: str) -> bool:
        """Whether ``<host>/<repository>@<digest>`` can be pulled."""
        host, _, rest = reference.partition("/")
        repository, _, digest = rest.partition("@")
        return host == HOST and (repository, digest) in self.manifests

    def _exchange(self, request: Request) -> Response:
        form = parse_qs(request.body.decode())
        given = jwt.decode(form["access_token"][0], options={"verify_signature": False})
        if form["grant_type"] != ["access_token"] or form["service"] != [HOST] or given["aud"] != AUDIENCE:
            return _refuse(401, "UNAUTHORIZED", "authentication required")
        return Response(body={"refresh_token": _sign("refresh")})

    def _issue(self, request: Request) -> Response:
        form = parse_qs(request.body.decode())
        if jwt.decode(form["refresh_token"][0], SECRET, algorithms=["HS256"])["sub"] != "refresh":
            return _refuse(401, "UNAUTHORIZED", "authentication required")
        return Response(body={"access_token": _sign(form["scope"][0])})

    def _get_tag(self, request: Request) -> Response:
        digest = self.tags.get((request["name"], request["tag"]))
        if digest is None:
            return _refuse(404, "TAG_UNKNOWN", "the specified tag does not exist")
        tag = {"name": request["tag"], "digest": digest, "signed": False}
        return _describe(request["name"], tag=tag)

    def _get_manifest(self, request: Request) -> Response:
        found = self.manifests.get((request["name"], request["digest"]))
        if found is None:
            return _refuse(404, "MANIFEST_UNKNOWN", "manifest is not known")
        asked = (request["name"], request["digest"])
        tags = [tag for (name, tag), digest in self.tags.items() if (name, digest) == asked]
        manifest = {"digest": request["digest"], "imageSize": len(found), "architecture": "amd64", "os": "linux"}
        return _describe(request["name"], manifest={**manifest, "tags": tags})


def _describe(repository: str, **item: dict[str, Any]) -> Response:
    ((kind, about),) = item.items()
    now = time.strftime("%Y-%m-%dT%H:%M:%S.0000000Z", time.gmtime())
    whole = {**about, "createdTime": now, "lastUpdateTime": now, "changeableAttributes": CHANGEABLE}
    return Response(body={"registry": HOST, "imageName": repository, kind: whole})


def _authorize(handler: Handler) -> Handler:
    """Let a handler demand a token of this registry for the repository, as its challenge says."""

    def answer(request: Request) -> Response:
        scope = f"repository:{request['name']}:metadata_read"
        token = request.headers.get("Authorization", "").removeprefix("Bearer ")
        if not token:
            challenge = f'Bearer realm="https://{HOST}/oauth2/token",service="{HOST}",scope="{scope}"'
            refusal = _refuse(401, "UNAUTHORIZED", "authentication required")
            return Response(401, refusal.body, {"WWW-Authenticate": challenge})
        if jwt.decode(token, SECRET, algorithms=["HS256"])["sub"] != scope:
            return _refuse(403, "DENIED", "requested access to the resource is denied")
        return handler(request)

    return answer


def _sign(subject: str) -> str:
    return jwt.encode({"sub": subject, "exp": int(time.time()) + 3600}, SECRET, algorithm="HS256")


def _refuse(status: int, code: str, message: str) -> Response:
    return Response(status, {"errors": [{"code": code, "message": message, "detail": {}}]})
