"""Label ids as people say them: "pay_bill" is "Pay a bill"."""

MINDS14_LABELS = (  # the data set's own order
    "abroad",
    "address",
    "app_error",
    "atm_limit",
    "balance",
    "business_loan",
    "card_issues",
    "cash_deposit",
    "direct_debit",
    "freeze",
    "high_value_payment",
    "joint_account",
    "latest_transactions",
    "pay_bill",
)

_NAMES = {
    "abroad": "Use my card abroad",
    "address": "Change my address",
    "app_error": "The app does not work",
    "atm_limit": "Cash machine limit",
    "balance": "Check my balance",
    "business_loan": "Get a business loan",
    "card_issues": "Trouble with a card",
    "cash_deposit": "Pay in cash",
    "direct_debit": "Direct debits",
    "freeze": "Freeze an account or card",
    "high_value_payment": "Make a large payment",
    "joint_account": "Open a joint account",
    "latest_transactions": "See recent transactions",
    "pay_bill": "Pay a bill",
}


def human_name(label: str) -> str:
    """Return the label as a person says it; an unknown one has its separators made spaces."""
    if label in _NAMES:
        return _NAMES[label]
    words = label.replace("_", " ").replace("-", " ").strip()
    return words[:1].upper() + words[1:] or label
