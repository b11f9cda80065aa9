"""A double of Azure on loopback, for the real SDKs: it shows what is sent, not what Azure does with it.

The SDKs are not patched. They reach it through ``HTTPS_PROXY``: a proxy that answers for Azure's own host names with
certificates of a throw-away authority. Each service is one file. If no service answers a request, the SDK gets a 404,
and the test fails (`Azure.unrouted`). Tests check the bodies that were sent (`Azure.requests`).
"""
