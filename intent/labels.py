"""Readable names of labels, such as "Pay a bill" for "pay_bill"."""

NONE_OF_THESE = "None of these"  # the label that means "none of the intents", whatever its name

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


def human_name(label: str, reject_label: str | None = None) -> str:
    """Return the readable name of a label; for unknown labels, separators become spaces.

    `reject_label` is the label that means "none of the intents"; None: there is none.
    """
    if label == reject_label:
        return NONE_OF_THESE
    if label in MINDS14_LABELS:
        return MINDS14_LABELS[label]
    words = label.replace("_", " ").replace("-", " ").strip()
    return words[:1].upper() + words[1:] or label


def none_of(intents: int) -> str:
    """Return that none of so many intents was predicted, such as "None of the 14 intents"."""
    return f"None of the {intents} intents" if intents != 1 else "Not the one intent"
