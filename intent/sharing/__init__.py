"""A run for others: model card, zip, push to the Hub."""
