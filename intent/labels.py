"""Readable names of labels, such as "Pay a bill" for "pay_bill"."""

MINDS14_LABELS = {  # label → name, in the order of the data set
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
    """Return the readable name of a label; for unknown labels, separators become spaces."""
    if label in MINDS14_LABELS:
        return MINDS14_LABELS[label]
    words = label.replace("_", " ").replace("-", " ").strip()
    return words[:1].upper() + words[1:] or label
