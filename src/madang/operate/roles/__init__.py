"""The bodies of the roles: what runs in each process of the platform."""
