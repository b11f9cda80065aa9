"""Ids and host names of the double's one subscription and workspace."""

TENANT = "11111111-1111-1111-1111-111111111111"
SUBSCRIPTION = "00000000-0000-0000-0000-000000000001"
GROUP = "mlops-rg"
WORKSPACE = "mlops-ws"
LOCATION = "westeurope"
UNIQUE = "k3v9x2m4q7w1z"  # Azure's suffix for unique names; the names below are those in our template
ACCOUNT = f"mlops{UNIQUE}"
VAULT = f"mlops-{UNIQUE}"
REGISTRY = f"mlops{UNIQUE}"
INSIGHTS = f"{WORKSPACE}-insights"
DEPLOYER = "44444444-4444-4444-4444-444444444444"  # the identity that provisions, as an object of Entra ID
GROUP_ID = f"/subscriptions/{SUBSCRIPTION}/resourceGroups/{GROUP}"
WORKSPACE_ID = f"{GROUP_ID}/providers/Microsoft.MachineLearningServices/workspaces/{WORKSPACE}"
ARM = "management.azure.com"
LOGIN = "login.microsoftonline.com"
API = f"{LOCATION}.api.azureml.ms"
COMPUTE_ENVIRON = {  # the address of a compute node's managed identity, and the client id that it requires
    "MSI_ENDPOINT": "https://identity.node/MSI/auth",
    "MSI_SECRET": "a-secret-of-the-node",
    "DEFAULT_IDENTITY_CLIENT_ID": "55555555-5555-5555-5555-555555555555",
}
ENVIRON = {  # credentials that only this double accepts, so they are not secret
    "AZURE_TENANT_ID": TENANT,
    "AZURE_CLIENT_ID": "22222222-2222-2222-2222-222222222222",
    "AZURE_CLIENT_SECRET": "a-password-of-the-double",
    "MLOPS_AZURE_SUBSCRIPTION_ID": SUBSCRIPTION,
    "MLOPS_AZURE_RESOURCE_GROUP": GROUP,
    "MLOPS_AZURE_WORKSPACE": WORKSPACE,
    "MLOPS_AZURE_RETRY_SECONDS": "0",
}
