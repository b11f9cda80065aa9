"""The endpoint to which the SDK reports its own calls on a compute. Nothing of ours is sent there."""

from typing import TYPE_CHECKING

from doubles.azure.routing import Response

if TYPE_CHECKING:
    from doubles.azure.azure import Azure


class SdkTelemetry:
    """A service that accepts everything and stores nothing."""

    def install(self, azure: "Azure") -> None:
        azure.route("POST", r"dc\.services\.visualstudio\.com/v2/track")(
            lambda request: Response(body={"itemsReceived": 0, "itemsAccepted": 0, "errors": []})
        )
