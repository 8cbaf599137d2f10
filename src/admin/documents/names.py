"""Resource names of documents."""

from admin.documents.months import Month
from server.rejections import invalid
from wallet.domain.resource_names import STATEMENT


def parse_month(name: str) -> tuple[str, Month]:
    """Parse `companies/{company}/statements/{month}`. Raises InvalidRequest for a date that is out of range."""
    company, month = STATEMENT.parse(name)
    try:
        return company, Month.parse(month)
    except ValueError as error:
        raise invalid("name", "must be of a month from 1970-01 to 9998-12") from error
