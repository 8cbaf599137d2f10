-- depends: 0016_second_payments

-- The disputed payment: of the two payments of one top-up, it says whose receipt the chargeback corrects.
-- NULL: recorded before there was this column.
ALTER TABLE chargebacks ADD COLUMN payment text;
