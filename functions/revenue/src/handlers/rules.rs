//! Making rules, going on with them, ending them.

use std::convert::identity;

use axum::extract::State;
use axum::http::{HeaderName, StatusCode, header};
use jiff::Timestamp;
use shared::audit::AuditEvent;
use shared::auth::Operator;
use shared::http::{Call, Json, Page, Paging, PagingParams, Path, Problem, ProblemDocument};
use shared::ids::RuleId;
use shared::revenue::{Phase, Preset, Rule, Schedule, ScheduleError, Scope};
use shared::store::audit::{self, Audited};
use shared::store::{Versioned, partners, revenue};

use crate::api::{CreateRule, EndRule, ReviseRule, RuleVersion, RuleView};
use crate::context::Context;

/// Makes a rule. It applies to orders that are placed from its beginning on; what was ordered before keeps its terms.
#[utoipa::path(post, path = "/v1/commission-rules", tag = "rules", request_body = CreateRule,
    responses((status = 201, body = RuleView), (status = 409, body = ProblemDocument), (status = 422, body = ProblemDocument)))]
pub(crate) async fn create(
    State(context): State<Context>,
    operator: Operator,
    call: Call,
    Json(request): Json<CreateRule>,
) -> Result<(StatusCode, [(HeaderName, String); 1], Json<RuleView>), Problem> {
    let id: RuleId = call.seed.id("rule");
    let mut versions = revenue::versions(&context.store, id).await?;
    if versions.is_empty() {
        check_scope(&context, &request.scope).await?;
        versions = drafted(&request, &operator, &call, id)?;
        let before = revenue::schedule(&context.store, &request.scope).await?;
        let schedule = current(before.as_ref())
            .add(&versions, call.now)
            .map_err(|error| refused(&error))?;
        let change = revenue::Change {
            rule: id,
            schedule,
            created: versions.clone(),
            shortened: Vec::new(),
            audit: entry(&operator, &call, id, "commission_rule.create", &request.scope),
        };
        revenue::save(&context.store, &request.scope, before.as_ref(), &change).await?;
    }
    let location = [(header::LOCATION, format!("/v1/commission-rules/{id}"))];
    Ok((StatusCode::CREATED, location, Json(RuleView::of(id, versions))))
}

/// A rule for a partner that is not there would never apply, and nobody would notice. Listings may be made later, groups be filled later.
async fn check_scope(context: &Context, scope: &Scope) -> Result<(), Problem> {
    let Scope::Partner(partner) = scope else { return Ok(()) };
    match partners::load(&context.store, *partner).await? {
        Some(_) => Ok(()),
        None => {
            let detail = "There is no such partner. GET /v1/partners lists them.";
            Err(Problem::refused("unknown_partner", "/scope/id", detail))
        }
    }
}

/// Every version of every rule, rule by rule in the order in which they were made.
#[utoipa::path(get, path = "/v1/commission-rules", tag = "rules", params(PagingParams),
    responses((status = 200, body = Page<RuleVersion>)))]
pub(crate) async fn list(
    State(context): State<Context>,
    _operator: Operator,
    paging: Paging,
) -> Result<Json<Page<RuleVersion>>, Problem> {
    let page = revenue::all(&context.store, paging.limit(), paging.after()).await?;
    Ok(Json(paging.page(page, RuleVersion::from)))
}

/// One rule with all of its versions.
#[utoipa::path(get, path = "/v1/commission-rules/{rule_id}", tag = "rules", params(("rule_id" = RuleId, Path)),
    responses((status = 200, body = RuleView), (status = 404, body = ProblemDocument)))]
pub(crate) async fn show(
    State(context): State<Context>,
    _operator: Operator,
    Path(rule): Path<RuleId>,
) -> Result<Json<RuleView>, Problem> {
    view(&context, rule).await
}

/// Goes on with a rule under other figures: a new version, which ends the one before where it begins.
#[utoipa::path(post, path = "/v1/commission-rules/{rule_id}/versions", tag = "rules",
    params(("rule_id" = RuleId, Path)), request_body = ReviseRule,
    responses((status = 201, body = RuleView), (status = 404, body = ProblemDocument),
        (status = 409, body = ProblemDocument), (status = 422, body = ProblemDocument)))]
pub(crate) async fn revise(
    State(context): State<Context>,
    operator: Operator,
    call: Call,
    Path(rule): Path<RuleId>,
    Json(request): Json<ReviseRule>,
) -> Result<(StatusCode, Json<RuleView>), Problem> {
    let latest = latest(&context, rule).await?;
    if !is_done(&context, rule, &call).await? {
        let next = Rule {
            version: latest.version + 1,
            from: request.from.unwrap_or(call.now),
            until: request.until,
            figures: request.figures.checked().map_err(Problem::internal)?,
            preset: None,
            created_by: operator.user.id,
            created_at: call.now,
            ..latest
        };
        let before = revenue::schedule(&context.store, &next.scope).await?;
        let revised = current(before.as_ref()).revise(&next, call.now);
        let (schedule, shortened) = revised.map_err(|error| refused(&error))?;
        let change = revenue::Change {
            rule,
            schedule,
            shortened,
            audit: entry(&operator, &call, rule, "commission_rule.revise", &next.scope),
            created: vec![next.clone()],
        };
        revenue::save(&context.store, &next.scope, before.as_ref(), &change).await?;
    }
    Ok((StatusCode::CREATED, view(&context, rule).await?))
}

/// Ends a rule: orders that are placed from then on fall under the next wider one.
#[utoipa::path(post, path = "/v1/commission-rules/{rule_id}/end", tag = "rules",
    params(("rule_id" = RuleId, Path)), request_body = EndRule,
    responses((status = 200, body = RuleView), (status = 404, body = ProblemDocument),
        (status = 409, body = ProblemDocument), (status = 422, body = ProblemDocument)))]
pub(crate) async fn end(
    State(context): State<Context>,
    operator: Operator,
    call: Call,
    Path(rule): Path<RuleId>,
    Json(request): Json<EndRule>,
) -> Result<Json<RuleView>, Problem> {
    let scope = latest(&context, rule).await?.scope;
    if !is_done(&context, rule, &call).await? {
        let before = revenue::schedule(&context.store, &scope).await?;
        let ended = current(before.as_ref()).end(rule, request.at.unwrap_or(call.now), call.now);
        let (schedule, shortened) = ended.map_err(|error| match error {
            ScheduleError::InThePast => in_the_past("/at"),
            other => refused(&other),
        })?;
        let change = revenue::Change {
            rule,
            schedule,
            created: Vec::new(),
            shortened,
            audit: entry(&operator, &call, rule, "commission_rule.end", &scope),
        };
        revenue::save(&context.store, &scope, before.as_ref(), &change).await?;
    }
    view(&context, rule).await
}

async fn latest(context: &Context, rule: RuleId) -> Result<Rule, Problem> {
    let versions = revenue::versions(&context.store, rule).await?;
    versions.into_iter().next_back().ok_or_else(Problem::not_found)
}

async fn view(context: &Context, rule: RuleId) -> Result<Json<RuleView>, Problem> {
    let versions = revenue::versions(&context.store, rule).await?;
    if versions.is_empty() {
        return Err(Problem::not_found());
    }
    Ok(Json(RuleView::of(rule, versions)))
}

/// What was done to a rule and by whom, newest first.
#[utoipa::path(get, path = "/v1/commission-rules/{rule_id}/audit-events", tag = "rules",
    params(("rule_id" = RuleId, Path), PagingParams),
    responses((status = 200, body = Page<AuditEvent>), (status = 404, body = ProblemDocument)))]
pub(crate) async fn audit_events(
    State(context): State<Context>,
    _operator: Operator,
    Path(rule): Path<RuleId>,
    paging: Paging,
) -> Result<Json<Page<AuditEvent>>, Problem> {
    latest(&context, rule).await?;
    let page = audit::events(&context.store, Audited::Rule(rule), paging.after(), paging.limit()).await?;
    Ok(Json(paging.page(page, identity)))
}

/// Whether this very request has changed the rule before.
async fn is_done(context: &Context, rule: RuleId, call: &Call) -> Result<bool, Problem> {
    let done = audit::event(&context.store, Audited::Rule(rule), call.seed.id("audit")).await?;
    Ok(done.is_some())
}

fn current(schedule: Option<&Versioned<Schedule>>) -> Schedule {
    schedule.map(|schedule| schedule.value.clone()).unwrap_or_default()
}

/// The versions that the request asks for: one, or as many as the preset has phases still to come.
fn drafted(request: &CreateRule, operator: &Operator, call: &Call, id: RuleId) -> Result<Vec<Rule>, Problem> {
    let from = request.from.unwrap_or(call.now);
    let phases = match (&request.figures, &request.preset) {
        (Some(figures), _) => vec![Phase {
            from,
            figures: figures.checked().map_err(Problem::internal)?,
        }],
        (None, name) => preset(name.as_deref().unwrap_or_default(), request, from)?,
    };
    let ends: Vec<_> = phases.iter().skip(1).map(|phase| Some(phase.from)).collect();
    let version = |((phase, until), version): ((Phase, Option<Timestamp>), u32)| Rule {
        id,
        version,
        name: request.name.trim().to_owned(),
        scope: request.scope.clone(),
        from: phase.from,
        until,
        figures: phase.figures,
        preset: request.preset.clone(),
        created_by: operator.user.id,
        created_at: call.now,
    };
    let ends = ends.into_iter().chain([request.until]);
    Ok(phases.into_iter().zip(ends).zip(1..).map(version).collect())
}

fn preset(name: &str, request: &CreateRule, from: Timestamp) -> Result<Vec<Phase>, Problem> {
    let found = Preset::named(name).map_err(Problem::internal)?;
    let preset = found.ok_or_else(|| {
        let detail = "There is no such preset. GET /v1/commission-presets lists them.";
        Problem::refused("unknown_preset", "/preset", detail)
    })?;
    let currency = request.currency.unwrap_or(preset.currency);
    preset.phases(currency, from).map_err(Problem::internal)
}

fn entry(operator: &Operator, call: &Call, rule: RuleId, action: &str, scope: &Scope) -> AuditEvent {
    AuditEvent {
        id: call.seed.id("audit"),
        at: call.now,
        actor: operator.user.id,
        action: action.to_owned(),
        subject: rule.to_string(),
        reason_code: None,
        evidence: Some(scope.to_string()),
    }
}

fn refused(error: &ScheduleError) -> Problem {
    match error {
        ScheduleError::EndsBeforeItBegins => Problem::refused("ends_before_it_begins", "/until", format!("{error}.")),
        ScheduleError::Overlaps(_) => Problem::conflict("rule_overlaps", format!("{error}. End that one first.")),
        ScheduleError::Full => Problem::conflict("too_many_rules", format!("{error}.")),
        ScheduleError::InThePast => in_the_past("/from"),
        ScheduleError::Ended => Problem::conflict("rule_ended", format!("{error}.")),
    }
}

fn in_the_past(pointer: &str) -> Problem {
    Problem::refused("in_the_past", pointer, format!("{}.", ScheduleError::InThePast))
}
