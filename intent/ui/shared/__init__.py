"""Parts that the tabs share."""
