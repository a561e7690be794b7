"""Format numbers as text for the page: shares, intervals and durations."""

NBSP = "\u00a0"  # a non-breaking space, between a number and its unit


def percent(share: float) -> str:
    """Format a share from 0 to 1 with one decimal, such as "91.2 %"."""
    return f"{share * 100:.1f}{NBSP}%"


def score_percent(score: float) -> str:
    """Format a score from 0 to 1 as "93 %", never rounded to certainty: "over 99 %", "under 1 %"."""
    rounded = round(score * 100)
    if rounded == 100 and score < 1:
        return f"over{NBSP}99{NBSP}%"
    if rounded == 0 and score > 0:
        return f"under{NBSP}1{NBSP}%"
    return f"{rounded}{NBSP}%"


def time_in_words(seconds: float) -> str:
    """Format a duration as text: "a few seconds", "40 seconds", "3 minutes", "1 h 5 min"."""
    if seconds < 5:
        return "a few seconds"
    if seconds < 55:
        return f"{5 * round(seconds / 5)} seconds"
    minutes = max(1, round(seconds / 60))
    if minutes < 60:
        return "1 minute" if minutes == 1 else f"{minutes} minutes"
    return f"{minutes // 60}{NBSP}h {minutes % 60}{NBSP}min"


def capitalized(words: str) -> str:
    """Return the words with their first letter in upper case and the rest as it is."""
    return words[:1].upper() + words[1:]
