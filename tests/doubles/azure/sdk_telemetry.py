"""Where the SDK tells Microsoft of its own calls, as it does on a compute; nothing of ours goes there."""

from typing import TYPE_CHECKING

from doubles.azure.routing import Response

if TYPE_CHECKING:
    from doubles.azure.azure import Azure


class SdkTelemetry:
    """Takes all and keeps nothing."""

    def install(self, azure: "Azure") -> None:
        azure.route("POST", r"dc\.services\.visualstudio\.com/v2/track")(
            lambda request: Response(body={"itemsReceived": 0, "itemsAccepted": 0, "errors": []})
        )
