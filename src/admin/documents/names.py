"""Names of documents."""

from admin.documents.months import Month
from server.rejections import invalid
from wallet.domain.resource_names import STATEMENT


def month_in(name: str) -> tuple[str, Month]:
    """Take `companies/{company}/statements/{month}` apart. Raises InvalidRequest for a year that is out of range."""
    company, month = STATEMENT.parse(name)
    try:
        return company, Month.of(month)
    except ValueError as error:
        raise invalid("name", "must be of a month from 1970-01 to 9998-12") from error
