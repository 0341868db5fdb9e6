"""The wire shapes of the mobile API, one file per noun."""
