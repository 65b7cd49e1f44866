"""What a party and the service must agree on to talk over HTTP: names only, no code.

Every request is signed (RFC 9421) with the party's authentication key, which signs no format. The
signature covers the method, the authority, the path and the query, and every header below that the
request has; a body is covered through its Content-Digest (RFC 9530).
"""

TAG = "blindlink-v1"
ALWAYS = ("@method", "@authority", "@path", "@query")
IF_PRESENT = (
    "content-digest",
    "content-type",
    "idempotency-key",
    "range",
    "upload-complete",
    "upload-offset",
)
NONCE_BYTES = 16
LIFETIME = 60  # seconds from created to expires of a signature that a client makes

AGREEMENT_TYPE = "application/vnd.blindlink.agreement+json"
PART_TYPE = "application/partial-upload"
PROBLEM_TYPE = "application/problem+json"
PART_BYTES = 4 * 1024 * 1024  # of one PATCH that a client sends
