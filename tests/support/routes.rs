//! Every route of the API, who may use it, and a body it takes. The rules' own table, kept apart from the code it judges: a test fails when
//! `template.yaml` has a route without a row here.

/// Who may use a route. What everybody else gets is decided by `journeys/bola.rs`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Access {
    /// Everybody, signed in or not.
    Public,
    /// Everybody; who says who they are must be it.
    Anybody,
    /// Whoever has the licence's key; nobody is asked who they are.
    Key,
    /// The processor, by its signature.
    Webhook,
    /// Everybody who signed in, about what is their own; an API token needs the scope, `None` takes no API token.
    SignedIn(Option<&'static str>),
    /// Whoever the thing in the path belongs to; for everybody else it does not exist.
    Holder(Option<&'static str>),
    /// As above, and operators.
    HolderOrOperator(&'static str),
    /// The partner's team, and operators, who look.
    TeamReads(&'static str),
    /// The partner's team; operators may not. An API token needs the scope, `None` takes no API token.
    TeamWrites(Option<&'static str>),
    /// An owner of the partner. An API token needs the scope, `None` takes no API token.
    Owner(Option<&'static str>),
    /// An owner of the partner, or an operator who acts for it.
    OwnerOrOperator(&'static str),
    /// Operators.
    Operator,
    /// Operators, at a partner's route: the team learns that it may not, to others there is no such partner.
    PartnersOperator,
}

#[derive(Debug, Clone, Copy)]
pub struct Route {
    pub method: &'static str,
    pub path: &'static str,
    pub access: Access,
    /// A body in the right shape, where the route reads one.
    pub body: Option<&'static str>,
    /// Fields that the body cannot do without.
    pub needs: &'static [&'static str],
}

impl Route {
    const fn of(method: &'static str, path: &'static str, access: Access) -> Self {
        Self {
            method,
            path,
            access,
            body: None,
            needs: &[],
        }
    }

    const fn takes(self, body: &'static str, needs: &'static [&'static str]) -> Self {
        Self {
            body: Some(body),
            needs,
            ..self
        }
    }

    /// Whether it answers with pages.
    pub fn is_list(&self) -> bool {
        const LISTS: &[&str] = &[
            "/v1/tax-reports/{year}",
            "/v1/commission-rules",
            "/v1/api-tokens",
            "/v1/partners",
            "/v1/listings",
            "/v1/orders",
            "/v1/licences",
            "/v1/licenses",
            "/v1/review-cases",
            "/v1/rescans",
            "/findings",
            "/v1/refunds",
            "/v1/disputes",
            "/refunds",
            "/disputes",
            "/v1/reconciliations",
            "/v1/differences",
            "/audit-events",
            "/members",
            "/listings",
            "/versions",
            "/submissions",
            "/appeals",
            "/journal-entries",
            "/payouts",
            "/policies",
            "/licence-batches",
            "/plans",
            "/v1/subscriptions",
            "/v1/educational-proofs",
            "/v1/educational-proofs/pending",
            "/licences",
        ];
        self.method == "GET"
            && LISTS
                .iter()
                .any(|end| self.path == *end || (!end.starts_with("/v1") && self.path.ends_with(end)))
    }

    /// The path with its parameters filled in.
    pub fn path_with(&self, ids: impl Fn(&str) -> String) -> String {
        let segment = |part: &str| match part.strip_prefix('{').and_then(|rest| rest.strip_suffix('}')) {
            Some(name) => ids(name),
            None => part.to_owned(),
        };
        self.path.split('/').map(segment).collect::<Vec<_>>().join("/")
    }

    pub fn parameters(&self) -> Vec<&'static str> {
        self.path
            .split('/')
            .filter_map(|part| part.strip_prefix('{')?.strip_suffix('}'))
            .collect()
    }
}

const APPLY: &str = r#"{"name": "Warm Pads", "country": "DE", "support_email": "help@warm.example", "website": "https://warm.example", "about": "Pads and nothing but pads, for those who like them."}"#;
const LISTING: &str = r##"{"title": "Warm Pads", "summary": "Pads.", "description": "# Pads", "category": "grooves", "content_type": "groove-template", "price": {"amount": 1299, "currency": "EUR"}, "tags": ["pads"]}"##;
const TOKEN: &str = r#"{"label": "pipeline", "scopes": ["listings:read"], "valid_days": 3}"#;
const PARTNER_DECISION: &str =
    r#"{"decision": "suspend", "reason_code": "policy_violation", "evidence": "A test says so."}"#;
const PAYOUT_ACCOUNT: &str = r#"{"paypal": {"receiver": "paula@warm.example"}}"#;
const PAYOUT_TERMS: &str =
    r#"{"minimums": [{"amount": 2500, "currency": "EUR"}], "reserves": [{"amount": 1, "currency": "EUR"}]}"#;
const REVIEW_DECISION: &str = r#"{"decision": "reject", "reason_code": "spam", "note": "A test says so."}"#;
const HELD_DECISION: &str = r#"{"decision": "reject", "reason_code": "malicious", "note": "A test says so."}"#;
const TRUST: &str = r#"{"trusted": true, "evidence": "Two years without a fault."}"#;
const REPLY: &str = r#"{"text": "Whose samples are these?"}"#;
const LICENCE_DECISION: &str =
    r#"{"decision": "suspend", "reason_code": "key_leaked", "note": "It stands in a forum."}"#;
const USES: &str = r#"{"uses": 1, "note": "A test says so."}"#;
const HANDOVER: &str = r#"{"to": "usr_01h455vb4pex5vsknk084sn02q"}"#;
const NAMED_POLICY: &str = r#"{"policy_id": "pol_01h455vb4pex5vsknk084sn02q"}"#;
const POLICY: &str = r#"{"name": "A test's", "strict": true, "floating": true, "limits": {"machines": 2}, "overage": "none", "expiry": {"duration_seconds": 86400}, "heartbeat": {"duration_seconds": 600}, "check_in": {"interval": "month", "every": 1}, "trial": {"duration_seconds": 86400}, "uniqueness": "product", "matching": "most", "machine_leasing": "licence", "process_leasing": "machine", "required": ["fingerprint"], "entitlements": ["tests"]}"#;
const BATCH: &str = r#"{"listing_id": "lst_01h455vb4pex5vsknk084sn02q", "policy_id": "pol_01h455vb4pex5vsknk084sn02q", "owner_id": "usr_01h455vb4pex5vsknk084sn02q", "count": 2, "seats": 3, "organisation": "A test's", "expires_at": "2099-01-01T00:00:00Z"}"#;
const TRIAL: &str = r#"{"fingerprint": "left", "components": {"cpu": "5d41402a"}}"#;
const CLOSURE: &str = r#"{"reason_code": "unfounded", "note": "A test says so."}"#;
const REPORT: &str = r#"{"kind": "other", "text": "A test says so."}"#;
const APPEAL: &str = r#"{"text": "A test says that it is wrong."}"#;
const APPEAL_DECISION: &str = r#"{"decision": "dismiss", "reason_code": "malicious", "note": "A test says so."}"#;
const MEMBER: &str = r#"{"user_id": "usr_01h455vb4pex5vsknk084sn02q", "role": "member"}"#;
const YANK: &str = r#"{"reason_code": "withdrawn", "note": "A test says so."}"#;
const LINK: &str = r#"{"return_url": "https://warm.example/done", "refresh_url": "https://warm.example/again"}"#;
const ORDER: &str = r#"{"lines": [{"listing_id": "lst_01h455vb4pex5vsknk084sn02q"}], "affiliate_id": "ptn_01h455vb4pex5vsknk084sn02q", "reseller_id": "ptn_01h455vb4pex5vsknk084sn02r", "success_url": "https://warm.example/paid", "cancel_url": "https://warm.example/no"}"#;
const REFUND: &str = r#"{"lines": [{"line": 0, "amount": {"amount": 1, "currency": "EUR"}}], "reason": "other", "note": "A test says so."}"#;
const DISPUTE: &str = r#"{"reason": "unknown movement", "note": "Seen in the dashboard."}"#;
const DISPUTE_CLOSURE: &str = r#"{"outcome": "won"}"#;
const REFUND_DECISION: &str = r#"{"decision": "decline", "note": "A test says so."}"#;
const RULE: &str = r#"{"name": "A test's", "scope": {"type": "group", "id": "of-nobody"}, "from": "2099-01-01T00:00:00Z", "until": "2099-01-02T00:00:00Z", "figures": {"commission_bps": 1000, "fixed": {"amount": 30, "currency": "EUR"}, "base": "net", "affiliate_bps": 500}}"#;
const REVISION: &str = r#"{"from": "2099-01-01T00:00:00Z", "figures": {"commission_bps": 900}}"#;
const PLAN: &str = r#"{"name": "A test's", "every": "month", "price": {"amount": 900, "currency": "EUR"}, "policy_id": "pol_01h455vb4pex5vsknk084sn02q", "trial": {"days": 14, "card_required": true}, "grace_days": 7, "educational_percent": 50}"#;
const SUBSCRIBE: &str = r#"{"listing_id": "lst_01h455vb4pex5vsknk084sn02q", "plan_id": "pln_01h455vb4pex5vsknk084sn02q", "quantity": 2, "affiliate_id": "ptn_01h455vb4pex5vsknk084sn02q", "reseller_id": "ptn_01h455vb4pex5vsknk084sn02r", "success_url": "https://warm.example/paid", "cancel_url": "https://warm.example/no"}"#;
const CHANGE: &str = r#"{"plan_id": "pln_01h455vb4pex5vsknk084sn02q", "quantity": 3}"#;
const CANCELLATION: &str = r#"{"when": "period_end"}"#;
const MEND: &str = r#"{"return_url": "https://warm.example/back"}"#;
const PROOF: &str = r#"{"institution": "School of Sound", "evidence": "paula@school.example"}"#;
const PROOF_DECISION: &str = r#"{"decision": "refuse", "note": "A test says so."}"#;
const DOWNLOAD: &str = r#"{"version_id": "ver_01h455vb4pex5vsknk084sn02q"}"#;

macro_rules! partner {
    ($rest:literal) => {
        concat!("/v1/partners/{partner_id}", $rest)
    };
}
macro_rules! version {
    ($rest:literal) => {
        concat!(
            "/v1/partners/{partner_id}/listings/{listing_id}/versions/{version_id}",
            $rest
        )
    };
}

use Access::{
    Anybody, Holder, HolderOrOperator, Key, Operator, Owner, OwnerOrOperator, PartnersOperator, Public, SignedIn,
    TeamReads, TeamWrites, Webhook,
};

const ORDERS_READ: Access = SignedIn(Some("orders:read"));
const ORDERS_WRITE: Access = SignedIn(Some("orders:write"));
const LICENCES_READ: Access = SignedIn(Some("licences:read"));
const LISTINGS_READ: Access = TeamReads("listings:read");
const LISTINGS_WRITE: Access = TeamWrites(Some("listings:write"));
const REFUNDS_READ: Access = TeamReads("refunds:read");
const REFUNDS_WRITE: Access = TeamWrites(Some("refunds:write"));
const EARNINGS_READ: Access = TeamReads("earnings:read");
const OWN_LICENCE: Access = Holder(Some("licences:read"));

pub const ROUTES: &[Route] = &[
    Route::of("GET", "/v1/agreement", Public),
    Route::of("GET", "/v1/me", SignedIn(Some("partners:read"))),
    Route::of("POST", "/v1/api-tokens", SignedIn(None)).takes(TOKEN, &["label", "scopes"]),
    Route::of("GET", "/v1/api-tokens", SignedIn(None)),
    Route::of("DELETE", "/v1/api-tokens/{token_id}", Holder(None)),
    Route::of("POST", "/v1/partners", SignedIn(Some("partners:write")))
        .takes(APPLY, &["name", "country", "support_email", "about"]),
    Route::of("GET", "/v1/partners", SignedIn(Some("partners:read"))),
    Route::of("GET", partner!(""), TeamReads("partners:read")),
    Route::of("POST", partner!("/agreements"), Owner(None)).takes(r#"{"version": "2026-11-01"}"#, &["version"]),
    Route::of("POST", partner!("/onboarding-links"), Owner(None)).takes(LINK, &[]),
    Route::of("POST", partner!("/decisions"), PartnersOperator).takes(PARTNER_DECISION, &["decision"]),
    Route::of("POST", partner!("/holds/{hold_id}/release"), PartnersOperator)
        .takes(r#"{"evidence": "Looked into."}"#, &["evidence"]),
    Route::of("PUT", partner!("/group"), PartnersOperator).takes(r#"{"group": "gold"}"#, &["group"]),
    Route::of("PUT", partner!("/trust"), PartnersOperator).takes(TRUST, &["trusted", "evidence"]),
    Route::of("PUT", partner!("/payout-account"), Owner(None)).takes(PAYOUT_ACCOUNT, &["paypal"]),
    Route::of("PUT", partner!("/payout-terms"), PartnersOperator).takes(PAYOUT_TERMS, &[]),
    Route::of("GET", partner!("/audit-events"), PartnersOperator),
    Route::of("GET", partner!("/members"), TeamReads("partners:read")),
    Route::of("POST", partner!("/members"), Owner(None)).takes(MEMBER, &["user_id", "role"]),
    Route::of("DELETE", partner!("/members/{user_id}"), TeamWrites(None)),
    Route::of("POST", partner!("/listings"), LISTINGS_WRITE).takes(
        LISTING,
        &["title", "summary", "description", "category", "content_type", "price"],
    ),
    Route::of("GET", partner!("/listings"), LISTINGS_READ),
    Route::of("GET", partner!("/listings/{listing_id}"), LISTINGS_READ),
    Route::of("PATCH", partner!("/listings/{listing_id}"), LISTINGS_WRITE).takes(LISTING, &[]),
    Route::of("GET", partner!("/listings/{listing_id}/audit-events"), PartnersOperator),
    Route::of("POST", partner!("/listings/{listing_id}/versions"), LISTINGS_WRITE)
        .takes(r#"{"number": "1.0.1", "notes": "New."}"#, &["number"]),
    Route::of("GET", partner!("/listings/{listing_id}/versions"), LISTINGS_READ),
    Route::of("GET", version!(""), LISTINGS_READ),
    Route::of("POST", version!("/uploads"), LISTINGS_WRITE).takes(r#"{"size_bytes": 100}"#, &["size_bytes"]),
    Route::of("POST", version!("/submissions"), LISTINGS_WRITE),
    Route::of("GET", version!("/replies"), LISTINGS_READ),
    Route::of("POST", version!("/replies"), LISTINGS_WRITE).takes(REPLY, &["text"]),
    Route::of("POST", version!("/publish"), LISTINGS_WRITE),
    Route::of("POST", version!("/yank"), LISTINGS_WRITE).takes(YANK, &["reason_code"]),
    Route::of("GET", partner!("/submissions"), LISTINGS_READ),
    Route::of("GET", partner!("/submissions/{submission_id}"), LISTINGS_READ),
    Route::of("GET", partner!("/submissions/{submission_id}/changes"), LISTINGS_READ),
    Route::of(
        "POST",
        partner!("/submissions/{submission_id}/decisions"),
        PartnersOperator,
    )
    .takes(REVIEW_DECISION, &["decision"]),
    Route::of("POST", version!("/decisions"), PartnersOperator)
        .takes(HELD_DECISION, &["decision", "reason_code", "note"]),
    Route::of("POST", version!("/appeals"), LISTINGS_WRITE).takes(APPEAL, &["text"]),
    Route::of("GET", partner!("/appeals"), LISTINGS_READ),
    Route::of("GET", partner!("/appeals/{appeal_id}"), LISTINGS_READ),
    Route::of("POST", partner!("/appeals/{appeal_id}/decisions"), PartnersOperator)
        .takes(APPEAL_DECISION, &["decision", "reason_code", "note"]),
    Route::of("GET", "/v1/review-cases", Operator),
    Route::of("GET", partner!("/review-cases/{case_id}"), PartnersOperator),
    Route::of("POST", partner!("/review-cases/{case_id}/claim"), PartnersOperator),
    Route::of("POST", partner!("/review-cases/{case_id}/release"), PartnersOperator),
    Route::of("POST", partner!("/review-cases/{case_id}/closure"), PartnersOperator)
        .takes(CLOSURE, &["reason_code", "note"]),
    Route::of("POST", partner!("/review-cases/{case_id}/replies"), PartnersOperator).takes(REPLY, &["text"]),
    Route::of("GET", "/v1/review-turnaround", Operator),
    Route::of("GET", "/v1/review-reasons", Public),
    Route::of("POST", "/v1/listings/{listing_id}/reports", Anybody).takes(REPORT, &["kind", "text"]),
    Route::of("POST", "/v1/rescans", Operator),
    Route::of("GET", "/v1/rescans", Operator),
    Route::of("GET", "/v1/rescans/{rescan_id}", Operator),
    Route::of("GET", "/v1/rescans/{rescan_id}/findings", Operator),
    Route::of("POST", "/v1/rescans/{rescan_id}/enforcement", Operator),
    Route::of("GET", "/v1/validation-codes", Public),
    Route::of("POST", "/v1/licences/{licence_id}/validations", Key),
    Route::of("POST", "/v1/licences/{licence_id}/machines", Key),
    Route::of("GET", "/v1/licences/{licence_id}/machines", Key),
    Route::of(
        "POST",
        "/v1/licences/{licence_id}/machines/{machine_id}/heartbeats",
        Key,
    ),
    Route::of("DELETE", "/v1/licences/{licence_id}/machines/{machine_id}", Key),
    Route::of("POST", "/v1/licences/{licence_id}/files", Key),
    Route::of("POST", "/v1/licences/{licence_id}/machines/{machine_id}/processes", Key),
    Route::of("GET", "/v1/licences/{licence_id}/processes", Key),
    Route::of(
        "POST",
        "/v1/licences/{licence_id}/processes/{process_id}/heartbeats",
        Key,
    ),
    Route::of("DELETE", "/v1/licences/{licence_id}/processes/{process_id}", Key),
    Route::of("GET", "/v1/licences/{licence_id}/users", Key),
    Route::of("PUT", "/v1/licences/{licence_id}/users/{user_id}", Key),
    Route::of("DELETE", "/v1/licences/{licence_id}/users/{user_id}", Key),
    Route::of("POST", "/v1/licences/{licence_id}/uses", Key),
    Route::of("POST", "/v1/licences/{licence_id}/check-ins", Key),
    Route::of("POST", "/v1/licences/{licence_id}/use-corrections", Operator).takes(USES, &["note"]),
    Route::of("GET", "/v1/licences/{licence_id}/audit-events", Operator),
    Route::of("PUT", "/v1/licences/{licence_id}/offer", Holder(None)).takes(HANDOVER, &["to"]),
    Route::of("DELETE", "/v1/licences/{licence_id}/offer", Holder(None)),
    Route::of("POST", "/v1/licences/{licence_id}/transfers", Holder(None)),
    Route::of("POST", "/v1/licences/{licence_id}/key-rotations", Holder(None)),
    Route::of(
        "POST",
        partner!("/licences/{licence_id}/key-rotations"),
        OwnerOrOperator("listings:write"),
    ),
    Route::of(
        "PUT",
        partner!("/licences/{licence_id}/policy"),
        OwnerOrOperator("listings:write"),
    )
    .takes(NAMED_POLICY, &["policy_id"]),
    Route::of("GET", "/v1/policy-presets", Public),
    Route::of("POST", partner!("/policies"), OwnerOrOperator("listings:write")).takes(POLICY, &["name"]),
    Route::of("GET", partner!("/policies"), LISTINGS_READ),
    Route::of("GET", partner!("/policies/{policy_id}"), LISTINGS_READ),
    Route::of(
        "PUT",
        partner!("/listings/{listing_id}/trial-offer"),
        OwnerOrOperator("listings:write"),
    )
    .takes(NAMED_POLICY, &[]),
    Route::of(
        "PUT",
        partner!("/listings/{listing_id}/sale-policy"),
        OwnerOrOperator("listings:write"),
    )
    .takes(NAMED_POLICY, &["policy_id"]),
    Route::of("POST", partner!("/licence-batches"), OwnerOrOperator("listings:write"))
        .takes(BATCH, &["listing_id", "policy_id", "owner_id"]),
    Route::of("GET", partner!("/licence-batches"), LISTINGS_READ),
    Route::of("GET", partner!("/licence-batches/{batch_id}/licences"), LISTINGS_READ),
    Route::of("POST", "/v1/listings/{listing_id}/trials", SignedIn(None)).takes(TRIAL, &[]),
    Route::of("POST", "/v1/licences/{licence_id}/decisions", Operator)
        .takes(LICENCE_DECISION, &["decision", "reason_code", "note"]),
    Route::of(
        "POST",
        partner!("/listings/{listing_id}/plans"),
        OwnerOrOperator("listings:write"),
    )
    .takes(PLAN, &["name", "every", "price"]),
    Route::of("GET", partner!("/listings/{listing_id}/plans"), LISTINGS_READ),
    Route::of(
        "DELETE",
        partner!("/listings/{listing_id}/plans/{plan_id}"),
        OwnerOrOperator("listings:write"),
    ),
    Route::of("GET", "/v1/listings/{listing_id}/plans", Public),
    Route::of("POST", "/v1/subscriptions", ORDERS_WRITE).takes(SUBSCRIBE, &["listing_id", "plan_id"]),
    Route::of("GET", "/v1/subscriptions", ORDERS_READ),
    Route::of(
        "GET",
        "/v1/subscriptions/{subscription_id}",
        Holder(Some("orders:read")),
    ),
    Route::of(
        "POST",
        "/v1/subscriptions/{subscription_id}/changes",
        Holder(Some("orders:write")),
    )
    .takes(CHANGE, &[]),
    Route::of(
        "POST",
        "/v1/subscriptions/{subscription_id}/change-previews",
        Holder(Some("orders:read")),
    )
    .takes(CHANGE, &[]),
    Route::of(
        "PUT",
        "/v1/subscriptions/{subscription_id}/pause",
        Holder(Some("orders:write")),
    ),
    Route::of(
        "DELETE",
        "/v1/subscriptions/{subscription_id}/pause",
        Holder(Some("orders:write")),
    ),
    Route::of(
        "PUT",
        "/v1/subscriptions/{subscription_id}/cancellation",
        Holder(Some("orders:write")),
    )
    .takes(CANCELLATION, &["when"]),
    Route::of(
        "DELETE",
        "/v1/subscriptions/{subscription_id}/cancellation",
        Holder(Some("orders:write")),
    ),
    Route::of(
        "POST",
        "/v1/subscriptions/{subscription_id}/payment-method-sessions",
        Holder(Some("orders:write")),
    )
    .takes(MEND, &[]),
    Route::of("POST", "/v1/educational-proofs", ORDERS_WRITE).takes(PROOF, &["institution", "evidence"]),
    Route::of("GET", "/v1/educational-proofs", ORDERS_READ),
    Route::of("GET", "/v1/educational-proofs/pending", Operator),
    Route::of("POST", "/v1/educational-proofs/{proof_id}/decisions", Operator).takes(PROOF_DECISION, &["decision"]),
    Route::of("GET", "/v1/educational-proofs/{proof_id}/audit-events", Operator),
    Route::of("GET", "/v1/block-list", Public),
    Route::of("GET", "/v1/signing-keys", Public),
    Route::of("GET", "/v1/listings", Public),
    Route::of("GET", "/v1/listings/{listing_id}", Public),
    Route::of("GET", "/v1/cart", ORDERS_READ),
    Route::of("PUT", "/v1/cart/lines/{listing_id}", ORDERS_WRITE),
    Route::of("DELETE", "/v1/cart/lines/{listing_id}", ORDERS_WRITE),
    Route::of("POST", "/v1/orders", ORDERS_WRITE).takes(ORDER, &[]),
    Route::of("GET", "/v1/orders", ORDERS_READ),
    Route::of("GET", "/v1/orders/{order_id}", Holder(Some("orders:read"))),
    Route::of(
        "POST",
        "/v1/orders/{order_id}/cancellation",
        Holder(Some("orders:write")),
    ),
    Route::of(
        "POST",
        "/v1/orders/{order_id}/refund-requests",
        Holder(Some("orders:write")),
    )
    .takes(REFUND, &["reason"]),
    Route::of("GET", "/v1/orders/{order_id}/refunds", HolderOrOperator("orders:read")),
    Route::of("POST", "/v1/orders/{order_id}/refunds", Operator).takes(REFUND, &["reason"]),
    Route::of("POST", "/v1/orders/{order_id}/refunds/{refund_id}/decisions", Operator)
        .takes(REFUND_DECISION, &["decision"]),
    Route::of("GET", "/v1/orders/{order_id}/disputes", Operator),
    Route::of("POST", "/v1/orders/{order_id}/disputes", Operator).takes(DISPUTE, &["reason", "note"]),
    Route::of("POST", "/v1/orders/{order_id}/disputes/{dispute_id}/closure", Operator)
        .takes(DISPUTE_CLOSURE, &["outcome"]),
    Route::of("GET", "/v1/orders/{order_id}/audit-events", Operator),
    Route::of("GET", "/v1/refunds", Operator),
    Route::of("GET", "/v1/disputes", Operator),
    Route::of("GET", partner!("/orders/{order_id}"), REFUNDS_READ),
    Route::of("GET", partner!("/orders/{order_id}/refunds"), REFUNDS_READ),
    Route::of("POST", partner!("/orders/{order_id}/refunds"), REFUNDS_WRITE).takes(REFUND, &["reason"]),
    Route::of(
        "POST",
        partner!("/orders/{order_id}/refunds/{refund_id}/decisions"),
        REFUNDS_WRITE,
    )
    .takes(REFUND_DECISION, &["decision"]),
    Route::of("GET", "/v1/licences", LICENCES_READ),
    Route::of("GET", "/v1/licences/{licence_id}", OWN_LICENCE),
    Route::of("POST", "/v1/licences/{licence_id}/downloads", OWN_LICENCE).takes(DOWNLOAD, &[]),
    Route::of("GET", "/v1/licenses", LICENCES_READ),
    Route::of("GET", "/v1/licenses/{licence_id}", OWN_LICENCE),
    Route::of("POST", "/v1/licenses/{licence_id}/downloads", OWN_LICENCE).takes(DOWNLOAD, &[]),
    Route::of("POST", "/v1/webhooks/stripe", Webhook),
    Route::of("POST", "/v1/webhooks/stripe/connect", Webhook),
    Route::of("POST", "/v1/webhooks/paypal", Webhook),
    Route::of("POST", "/v1/commission-rules", Operator).takes(RULE, &["name", "scope"]),
    Route::of("GET", "/v1/commission-rules", Operator),
    Route::of("GET", "/v1/commission-rules/{rule_id}", Operator),
    Route::of("POST", "/v1/commission-rules/{rule_id}/versions", Operator).takes(REVISION, &["figures"]),
    Route::of("POST", "/v1/commission-rules/{rule_id}/end", Operator).takes(r#"{"at": "2099-01-01T00:00:00Z"}"#, &[]),
    Route::of("GET", "/v1/commission-rules/{rule_id}/audit-events", Operator),
    Route::of("GET", "/v1/commission-presets", Operator),
    Route::of("GET", "/v1/orders/{order_id}/lines/{index}/explanation", EARNINGS_READ),
    Route::of("GET", partner!("/balances"), EARNINGS_READ),
    Route::of("GET", partner!("/journal-entries"), EARNINGS_READ),
    Route::of("POST", partner!("/payouts"), OwnerOrOperator("earnings:write"))
        .takes(r#"{"currency": "EUR"}"#, &["currency"]),
    Route::of("GET", partner!("/payouts"), EARNINGS_READ),
    Route::of("GET", partner!("/payouts/{payout_id}"), EARNINGS_READ),
    Route::of("GET", "/v1/reconciliations", Operator),
    Route::of("GET", "/v1/reconciliations/{reconciliation_id}", Operator),
    Route::of("GET", "/v1/differences", Operator),
    Route::of("GET", partner!("/statements"), EARNINGS_READ),
    Route::of("GET", partner!("/statements/{period}"), EARNINGS_READ),
    Route::of("GET", "/v1/tax-reports/{year}", Operator),
    Route::of("GET", "/v1/orders/{order_id}/invoice", HolderOrOperator("orders:read")),
    Route::of(
        "GET",
        "/v1/orders/{order_id}/credit-notes/{refund_id}",
        HolderOrOperator("orders:read"),
    ),
];
