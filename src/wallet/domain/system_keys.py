"""The keys and names of the service's own work: each begins with "~", and no client's does.

They are stored, so a spelling never changes. SQL that searches by them spells them again; a test compares the two.
"""

PREFIX = "~"

# The beginnings of idempotency keys; the id of the cause follows.
EXPIRY = "~expire:"
TOP_UP = "~top-up:"
PAYMENT = "~payment:"
SECOND_PAYMENT = "~second-payment:"
TOP_UP_REFUND = "~top-up-refund:"
CHARGEBACK = "~chargeback:"
SUBSCRIPTION = "~sub:"
JOB_REFUND = "~refund:"
DELIVERY_REFUND = "~delivery:"
CASE_REFUND = "~case:"
SUBSCRIPTION_REFUND = "~sub-refund:"

REFUND_ORIGINS = {
    JOB_REFUND: "bulk",
    DELIVERY_REFUND: "policy",
    CASE_REFUND: "case",
    SUBSCRIPTION_REFUND: "subscription",
}
"""The beginning of a refund's key → its origin, as the metric of refunds names it."""
CLIENT_ORIGIN = "single"

# Values of `requested_by` for requests of the service itself.
AUTO_TOP_UPS = "~auto-top-up"
REFUND_POLICY = "~refund-policy"
SUBSCRIPTIONS = "~subscriptions"


def expiry(authorization: str) -> str:
    """Return the key of the entry that ends an expired authorization."""
    return f"{EXPIRY}{authorization}"


def top_up(top_up_id: str) -> str:
    """Return the key of the credit for a bank transfer."""
    return f"{TOP_UP}{top_up_id}"


def payment(payment_id: str) -> str:
    """Return the key of the credit for a payment by card."""
    return f"{PAYMENT}{payment_id}"


def second_payment(payment_id: str) -> str:
    """Return the key of the credit for a further payment of a top-up that is credited already."""
    return f"{SECOND_PAYMENT}{payment_id}"


def top_up_refund_debit(refund_id: str) -> str:
    """Return the key of the debit for a refund of a top-up."""
    return f"{TOP_UP_REFUND}{refund_id}:debit"


def top_up_refund_return(refund_id: str) -> str:
    """Return the key of the credit that reverses that debit."""
    return f"{TOP_UP_REFUND}{refund_id}:return"


def chargeback_debit(chargeback_id: str) -> str:
    """Return the key of the debit for a chargeback."""
    return f"{CHARGEBACK}{chargeback_id}:debit"


def chargeback_won(chargeback_id: str) -> str:
    """Return the key of the credit for a chargeback that was won."""
    return f"{CHARGEBACK}{chargeback_id}:won"


def subscription_period(subscription_id: str, number: int) -> str:
    """Return the key of the charge for a period of a subscription."""
    return f"{SUBSCRIPTION}{subscription_id}:{number}"


def subscription_refund(subscription_id: str, number: int) -> str:
    """Return the key of the refund of such a charge."""
    return f"{SUBSCRIPTION_REFUND}{subscription_id}:{number}"


def job_refund(job_id: str, number: int) -> str:
    """Return the key of the refund of a charge by a job."""
    return f"{job_refunds(job_id)}{number}"


def job_refunds(job_id: str) -> str:
    """Return the common beginning of the keys of a job's refunds; the number of the charge follows."""
    assert job_id, "a job has an id"
    return f"{JOB_REFUND}{job_id}:"


def delivery_refund(number: int) -> str:
    """Return the key of the refund of a charge by its delivery report."""
    return f"{DELIVERY_REFUND}{number}"


def case_refund(case_id: str) -> str:
    """Return the key of the refund that a case was decided with."""
    return f"{CASE_REFUND}{case_id}"


def delivery_case(number: int) -> str:
    """Return the id of the case that the delivery report of a charge opens."""
    return f"~delivery-{number}"


def contradiction_case(number: int) -> str:
    """Return the id of the case that a report opens if it contradicts the first report of the charge."""
    return f"~contradiction-{number}"


def origin_of(idempotency_key: str) -> str:
    """Return the origin of a refund: a value of REFUND_ORIGINS, or CLIENT_ORIGIN."""
    head, colon, _ = idempotency_key.partition(":")
    return REFUND_ORIGINS.get(head + colon, CLIENT_ORIGIN)
