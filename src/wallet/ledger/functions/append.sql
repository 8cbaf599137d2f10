-- Judge the attempts that Redis proposes, write those that hold, and answer each attempt, in the given order.
--
-- attempts      sorted by company ("C"), and within a company: APPLIED by seq, then the others.
-- companies     the companies of the attempts, each once, sorted by "C".
-- keys_repeat   whether a key occurs twice among the attempts of a company.
-- skip_locked   whether wallets whose row another session locks are skipped (answer BUSY), not waited for.
--
-- asked    answers, in order of precedence
-- APPLIED  BUSY                  the wallet's row is locked (skip_locked only)
--          COMPANY_NOT_FOUND     there is no such wallet
--          KEY_REUSED            the key belongs to another request
--          ALREADY               this very attempt is recorded
--          DUPLICATE             another attempt of the request is recorded
--          STALE                 Redis had loaded the wallet before the last load or settings change
--          AHEAD                 Redis's load is not known here: this database was restored to the past
--          REFUSED               a rule forbids it: Redis and the ledger do not see the same wallet
--          TRANSACTION_NOT_FOUND, REFUND_EXCEEDS_CHARGE   final: only the ledger knows these rules
--          WRITTEN               it is an entry now
-- else     BUSY, COMPANY_NOT_FOUND, KEY_REUSED as above
--          ALREADY               the key is recorded for the same request
-- KNOWN    UNRECORDED            Redis has settled the key, and the ledger has no entry for it
-- FUNDS, SPEND, LIMIT, HOLD, EARLY, UNPRICED, BLOCKED, SUSPENDED, CLOSED (the rule by which Redis declined)
--          AHEAD                 as above
--          BEHIND                the wallet that declined was of another epoch, or had an earlier state of the hold
--          CONTESTED             the ledger would allow it: another change is under way
--          EXPIRED               HOLD: the authorization was expired
--          AUTHORIZATION_NOT_FOUND, AUTHORIZATION_CLOSED   HOLD: final; EARLY: the same, if it is not open
--          DECLINED              final
--
-- The attempts are judged in a loop, so that it can be compared with this table. Reads and writes are in bulk: one
-- statement each for wallets, recorded keys, new entries and changed wallets. Before a rule that must see the entries of
-- this same call, they are written (`pending`).
CREATE OR REPLACE FUNCTION ledger_append(
    attempts ledger_attempt[], companies text[], keys_repeat boolean, skip_locked boolean)
RETURNS SETOF ledger_answer
LANGUAGE plpgsql VOLATILE AS $$
DECLARE
    a         ledger_attempt;
    w         wallets;
    locked    wallets[];
    known     entries[];
    recorded  entries;
    entry     entries;
    hold      authorizations;
    original  entries;
    reply     ledger_answer;
    pending   entries[] := '{}';
    written   wallets[] := '{}';
    current   text := NULL;
    next_lock integer := 1;
    i         integer := 0;
    present   boolean := false;
    busy      boolean := false;
    changed   boolean := false;
    verdict   text;
    refunded  bigint;
    touches   boolean;
    spending  spending;
    over      boolean := false;
BEGIN
    -- The locks are acquired by a statement of their own: its rows and the later statements see everything that was
    -- committed while it waited. The order is always that of companies, so that two calls cannot wait for each other.
    -- (Whole rows of the tables' own types: rows of a subquery would be converted to text and back.)
    IF skip_locked THEN
        SELECT array_agg(l.row) INTO locked FROM (
            SELECT each AS row FROM wallets each WHERE company_id = ANY (companies)
            ORDER BY company_id COLLATE "C" FOR UPDATE SKIP LOCKED) l;
    ELSE
        SELECT array_agg(l.row) INTO locked FROM (
            SELECT each AS row FROM wallets each WHERE company_id = ANY (companies)
            ORDER BY company_id COLLATE "C" FOR UPDATE) l;
    END IF;

    SELECT array_agg(e.row ORDER BY u.ordinality) INTO known
    FROM unnest(attempts) WITH ORDINALITY u
    LEFT JOIN LATERAL (
        SELECT each AS row FROM entries each
        WHERE company_id = u.company_id AND idempotency_key = u.idempotency_key LIMIT 1) e ON true;

    FOREACH a IN ARRAY attempts LOOP
        i := i + 1;
        IF current IS DISTINCT FROM a.company_id THEN
            IF changed THEN
                written := written || w;
            END IF;
            changed := false;
            current := a.company_id;
            w := locked[next_lock];
            present := coalesce(w.company_id = current, false);
            IF present THEN
                next_lock := next_lock + 1;
            ELSIF skip_locked THEN
                SELECT * INTO w FROM wallets WHERE company_id = current;
                present := FOUND;
            END IF;
            busy := present AND skip_locked AND locked[next_lock - 1].company_id IS DISTINCT FROM current;
        END IF;

        reply := NULL;
        hold := NULL;
        recorded := NULL;
        verdict := NULL;
        touches := a.authorization_id IS NOT NULL;
        spending := NULL;
        IF NOT present THEN
            verdict := 'COMPANY_NOT_FOUND';
        ELSIF busy THEN
            verdict := 'BUSY';
        ELSE
            IF keys_repeat THEN
                INSERT INTO entries SELECT * FROM unnest(pending);
                pending := '{}';
                SELECT * INTO recorded FROM entries
                WHERE company_id = a.company_id AND idempotency_key = a.idempotency_key;
            ELSE
                recorded := known[i];
            END IF;
            IF recorded.number IS NOT NULL THEN
                verdict := CASE
                    WHEN recorded.fingerprint <> a.fingerprint THEN 'KEY_REUSED'
                    WHEN a.asked <> 'APPLIED' THEN 'ALREADY'
                    WHEN recorded.epoch = a.epoch AND recorded.seq = a.seq AND recorded.amount = a.amount
                        AND recorded.held_delta = a.held_delta THEN 'ALREADY'
                    ELSE 'DUPLICATE' END;
                touches := recorded.authorization_id IS NOT NULL;
            ELSIF a.asked = 'KNOWN' THEN
                verdict := 'UNRECORDED';
            ELSIF a.epoch > w.epoch THEN
                verdict := 'AHEAD';
            END IF;
        END IF;
        IF touches AND present THEN
            SELECT * INTO hold FROM authorizations
            WHERE company_id = a.company_id
              AND authorization_id = coalesce(recorded.authorization_id, a.authorization_id);
        END IF;

        IF verdict IS NULL AND a.asked = 'APPLIED' THEN
            -- An expression with a query in it costs as much as all the rest of an entry, whatever stands before the
            -- query, so it is only reached for wallets with limits.
            IF w.limited THEN
                spending := spending_of(a, hold, w.last_at);
                over := a.checked AND EXISTS (SELECT FROM limits_passed(a.company_id, spending));
            ELSE
                over := false;
            END IF;
            IF a.epoch < w.epoch THEN
                verdict := 'STALE';
            ELSIF a.checked AND a.amount - a.held_delta < 0
                AND w.balance - w.held + a.amount - a.held_delta < w.floor THEN
                verdict := 'REFUSED';
            ELSIF abs(w.balance + a.amount) > 9000000000000000
                OR w.held + a.held_delta NOT BETWEEN 0 AND 9000000000000000 THEN
                verdict := 'REFUSED';
            ELSIF a.kind IN (Kind.INCREMENT, Kind.CAPTURE, Kind.VOID, Kind.EXPIRY) AND NOT a.late AND (
                hold.state IS DISTINCT FROM AuthorizationState.OPEN
                OR hold.held + a.held_delta < 0
                OR (a.closes AND hold.held + a.held_delta <> 0)
                OR (a.kind = Kind.EXPIRY AND hold.expires_at > a.applied_at)) THEN
                verdict := 'REFUSED';
            ELSIF a.late AND hold.state IS DISTINCT FROM AuthorizationState.EXPIRED THEN
                verdict := 'REFUSED';
            ELSIF a.kind = Kind.AUTHORIZATION AND hold.company_id IS NOT NULL THEN
                verdict := 'REFUSED';
            ELSIF over THEN
                verdict := 'REFUSED';
            ELSIF a.kind = Kind.REFUND THEN
                INSERT INTO entries SELECT * FROM unnest(pending);
                pending := '{}';
                SELECT * INTO original FROM entries
                WHERE company_id = a.company_id AND number = a.refunded_number;
                SELECT coalesce(sum(amount), 0) INTO refunded FROM entries
                WHERE company_id = a.company_id AND refunded_number = a.refunded_number;
                IF original.kind IS NULL OR original.kind NOT IN (Kind.CHARGE, Kind.CAPTURE) THEN
                    verdict := 'TRANSACTION_NOT_FOUND';
                ELSIF refunded + a.amount > -original.amount THEN
                    verdict := 'REFUND_EXCEEDS_CHARGE';
                    reply.refundable := -original.amount - refunded;
                END IF;
            END IF;

            IF verdict IS NULL THEN
                verdict := 'WRITTEN';
                changed := true;
                w.balance := w.balance + a.amount;
                w.held := w.held + a.held_delta;
                w.last_seq := greatest(w.last_seq, a.seq);
                w.last_number := w.last_number + 1;
                w.last_at := greatest(w.last_at, a.applied_at);
                -- The columns of entries, in their order. If a value has another name, its column stands beside it, and
                -- a test reads both: 27 assignments by name would cost 4 % of an append of 100 entries.
                entry := ROW(
                    a.company_id,
                    w.last_number,  -- number
                    a.kind,
                    a.amount,
                    a.held_delta,
                    w.balance,  -- balance_after
                    w.held,  -- held_after
                    w.floor,
                    a.checked,
                    a.late,
                    a.idempotency_key,
                    a.fingerprint,
                    a.epoch,
                    a.seq,
                    a.authorization_id,
                    a.refunded_number,
                    a.channel,
                    a.variant,
                    a.country,
                    a.quantity,
                    a.campaign_id,
                    a.contact_id,
                    a.reference,
                    a.reason,
                    a.requested_by,
                    a.price,
                    w.last_at);  -- created_at
                pending := pending || entry;
                reply.number := w.last_number;
                reply.balance_after := w.balance;
                reply.held_after := w.held;
                reply.created_at := w.last_at;
                IF w.limited THEN
                    PERFORM count_spending(a.company_id, spending);
                END IF;
                IF a.kind = Kind.AUTHORIZATION THEN
                    INSERT INTO authorizations (
                        company_id, authorization_id, state, amount, captured, held,
                        ttl_seconds, expires_at, created_at, opened_number,
                        channel, variant, country, quantity, campaign_id, contact_id, price)
                    VALUES (
                        a.company_id, a.authorization_id, AuthorizationState.OPEN, a.held_delta, 0, a.held_delta,
                        a.ttl_seconds, a.applied_at + a.ttl_seconds * 1000000::bigint, a.applied_at, w.last_number,
                        a.channel, a.variant, a.country, a.quantity, a.campaign_id, a.contact_id, a.price)
                    RETURNING * INTO hold;
                ELSIF touches THEN
                    UPDATE authorizations SET
                        state = CASE WHEN a.closes
                            THEN CASE a.kind WHEN Kind.CAPTURE THEN AuthorizationState.CAPTURED
                                             WHEN Kind.VOID THEN AuthorizationState.VOIDED
                                             ELSE AuthorizationState.EXPIRED END
                            ELSE state END,
                        -- Capturing beyond the hold authorizes the excess at the same time: the amount that Redis took
                        -- beyond the hold that it released, regardless of entries that were written before.
                        amount = amount + CASE a.kind
                            WHEN Kind.INCREMENT THEN a.held_delta
                            WHEN Kind.CAPTURE THEN greatest(0, a.held_delta - a.amount) ELSE 0 END,
                        captured = captured - a.amount,
                        held = held + a.held_delta,
                        expires_at = CASE a.kind
                            WHEN Kind.INCREMENT THEN greatest(expires_at, a.applied_at + ttl_seconds * 1000000::bigint)
                            ELSE expires_at END
                    WHERE company_id = a.company_id AND authorization_id = a.authorization_id
                    RETURNING * INTO hold;
                END IF;
            END IF;

        ELSIF verdict IS NULL THEN  -- Redis declined: check the rule here.
            -- If the rule fails here too, the decline is right, however far behind the wallet in Redis was. Only the cost
            -- of a change of a hold depends on the hold, of which Redis may have had an earlier state, or one that the
            -- ledger refuses. So it is computed again: for a capture from its amount, for an increment from its total,
            -- which is passed as the amount.
            IF a.kind = Kind.CAPTURE AND NOT a.late AND hold.state = AuthorizationState.OPEN THEN
                a.held_delta := -CASE WHEN a.closes THEN hold.held ELSE least(-a.amount, hold.held) END;
            ELSIF a.kind = Kind.INCREMENT AND hold.state = AuthorizationState.OPEN THEN
                a.held_delta := greatest(0, a.amount - hold.captured) - hold.held;
                a.amount := 0;
            END IF;
            reply.required := a.held_delta - a.amount;
            IF a.epoch <> w.epoch THEN
                verdict := 'BEHIND';
            ELSIF a.kind IN (Kind.INCREMENT, Kind.CAPTURE) AND NOT a.late
                AND hold.state IS DISTINCT FROM AuthorizationState.OPEN
                AND a.asked IN ('FUNDS', 'SPEND', 'LIMIT') AND a.seq < w.last_seq THEN
                verdict := 'BEHIND';
            ELSIF a.asked = 'FUNDS' AND (a.amount - a.held_delta >= 0
                OR w.balance - w.held + a.amount - a.held_delta >= w.floor) THEN
                verdict := 'CONTESTED';
            ELSIF a.asked = 'SPEND' THEN
                SELECT * INTO reply.passed, reply.passed_start, reply.passed_spent, reply.passed_delta
                FROM limits_passed(a.company_id, spending_of(a, hold, w.last_at))
                WHERE w.limited LIMIT 1;
                verdict := CASE
                    WHEN reply.passed_start IS NOT NULL THEN 'DECLINED'
                    WHEN a.kind IN (Kind.INCREMENT, Kind.CAPTURE) AND NOT a.late
                        AND hold.state IS DISTINCT FROM AuthorizationState.OPEN THEN 'BEHIND'
                    ELSE 'CONTESTED' END;
            ELSIF a.asked = 'LIMIT' AND abs(w.balance + a.amount) <= 9000000000000000
                AND w.held + a.held_delta <= 9000000000000000 THEN
                verdict := 'CONTESTED';
            ELSIF a.asked = 'HOLD' OR (a.asked = 'EARLY' AND hold.state IS DISTINCT FROM AuthorizationState.OPEN) THEN
                verdict := CASE
                    WHEN hold.state IS NULL THEN 'AUTHORIZATION_NOT_FOUND'
                    WHEN hold.state = AuthorizationState.OPEN THEN 'CONTESTED'
                    WHEN hold.state = AuthorizationState.EXPIRED THEN 'EXPIRED'
                    ELSE 'AUTHORIZATION_CLOSED' END;
            ELSE
                verdict := 'DECLINED';
            END IF;
        END IF;

        reply.answer := verdict;
        reply.currency := w.currency;
        reply.balance := w.balance;
        reply.held := w.held;
        reply.floor := w.floor;
        reply.state := w.state;
        reply.epoch := w.epoch;
        reply.last_seq := w.last_seq;
        reply.last_at := w.last_at;
        reply.recorded := recorded;
        reply.hold := hold;
        RETURN NEXT reply;
    END LOOP;

    IF changed THEN
        written := written || w;
    END IF;
    INSERT INTO entries SELECT * FROM unnest(pending);
    UPDATE wallets SET balance = u.balance, held = u.held, last_seq = u.last_seq, last_number = u.last_number,
        last_at = u.last_at
    FROM unnest(written) u WHERE wallets.company_id = u.company_id;
END
$$;
