"""A double of Azure on loopback, for the real SDKs: it shows what is sent, not what Azure does with it.

The SDKs are not patched. They reach it through ``HTTPS_PROXY``: a proxy that answers for Azure's own host names with
certificates of a throw-away authority. Each service is one file. What no service answers is a 404 to the SDK, and the
test that asked for it fails (`Azure.unrouted`). Tests assert on the bodies that were sent (`Azure.requests`).
"""
