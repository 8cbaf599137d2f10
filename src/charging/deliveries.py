"""Delivery reports from messages, and their results to messages."""

from refunds.amounts import NOTHING_DELIVERED, DeliveredShare
from refunds.delivery import DeliveryReport, DeliveryStatus
from refunds.delivery_reports import ReportResult
from server import wire
from server.rejections import invalid
from veloconnect.charging.v1 import charging_pb2
from wallet.domain.resource_names import REFUND_CASE, TRANSACTION

_EVERYTHING = DeliveredShare(1, 1)


def report_of(request: charging_pb2.ReportDeliveryRequest) -> DeliveryReport:
    """Return the report in a request. Raises InvalidRequest if the counts are missing or do not fit the status."""
    company, number = TRANSACTION.parse(request.transaction)
    status = DeliveryStatus(int(request.status))
    return DeliveryReport(company, number, status, request.carrier_code, _share_of(request, status))


def _share_of(request: charging_pb2.ReportDeliveryRequest, status: DeliveryStatus) -> DeliveredShare:
    if request.HasField("delivered_count") and not request.HasField("total_count"):
        raise invalid("total_count", "is required with delivered_count")
    counted = request.HasField("delivered_count")
    delivered, total = request.delivered_count, request.total_count
    match status:
        case DeliveryStatus.PARTIALLY_DELIVERED:
            if not counted:
                raise invalid("delivered_count", "is required where some was delivered")
            if not 0 < delivered < total:
                raise invalid("delivered_count", "must be more than 0 and less than total_count: some was delivered")
            return DeliveredShare(delivered, total)
        case DeliveryStatus.DELIVERED:
            if counted and delivered != total:
                raise invalid("delivered_count", "must be total_count where all was delivered")
            return _EVERYTHING
        case DeliveryStatus.FAILED:
            if delivered:
                raise invalid("delivered_count", "must be 0 where nothing was delivered")
            return DeliveredShare(0, total) if request.HasField("total_count") else NOTHING_DELIVERED


def response_of(report: DeliveryReport, result: ReportResult) -> charging_pb2.ReportDeliveryResponse:
    """Return the response to a report."""
    response = charging_pb2.ReportDeliveryResponse(
        outcome=charging_pb2.ReportDeliveryResponse.OUTCOME_NOTHING_TO_REFUND
    )
    if result.refund is not None:
        response.outcome = charging_pb2.ReportDeliveryResponse.OUTCOME_REFUNDED
        wire.fill_transaction(response.refund_transaction, result.refund)
    elif result.case:
        response.outcome = charging_pb2.ReportDeliveryResponse.OUTCOME_CASE_OPENED
        response.refund_case = REFUND_CASE.name(report.company, result.case)
    return response
