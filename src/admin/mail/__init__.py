"""Mail: what it says (templates/), and how it is sent. The outbox is the ledger's: wallet/ledger/mails.py."""
