"""What each of the event store's own error codes means to a client program."""

MEANINGS = {
    "malformed_json": "The body is no JSON object that can be read.",
    "validation_failed": "Fields, headers or parameters are wrong; `errors` names them all.",
    "unknown_parameter": "A query parameter does not exist here; `errors` names it.",
    "unauthenticated": "No API key and no session, or one that is not valid now.",
    "forbidden": "Your role may not do this, or a session came without its CSRF token.",
    "not_found": "There is nothing of this name or id, or it belongs to another tenant.",
    "method_not_allowed": "The URL does not take this method; `Allow` lists those it takes.",
    "already_exists": "The id is taken. Choose another one, or leave it out and get one.",
    "version_conflict": "Others changed the same thing at the same time. Send it again.",
    "boxed": "It is in cold storage; an operator can unbox it.",
    "stale_version": "`If-Match` names a version that is not the present one. Read it again.",
    "body_too_large": "The body has more than a mebibyte.",
    "event_too_large": "What would be stored is too large. Send smaller values.",
    "unsupported_media_type": "Commands are sent as `application/json` in UTF-8.",
    "command_id_reused": "The `Idempotency-Key` was used for other content. Take a new one.",
    "rate_limited": "Too many calls within a minute.",
    "busy": "The database could not do this now. Nothing was stored; send it again.",
    "outcome_unknown": "The connection broke at COMMIT. Send it again under the same id.",
    "projection_failed": "A read model could not follow. Nothing was stored; it is in the log.",
}
