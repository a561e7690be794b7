"""The Classify tab: record or upload a sentence and get its most likely intents."""
