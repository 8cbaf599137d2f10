-- depends: 0010_documents 0012_top_ups

-- Receipts of what corrects a top-up: 2 a credit note, 3 what a credit note took back and is paid all the same.
ALTER TABLE receipts DROP CONSTRAINT receipts_kind_check, ADD CHECK (kind IN (1, 2, 3)),
    -- The entry of the top-up whose receipt it corrects.
    ADD COLUMN original_number bigint CHECK ((original_number IS NULL) = (kind = 1));

CREATE INDEX receipts_corrections ON receipts (company_id, original_number) WHERE original_number IS NOT NULL;
