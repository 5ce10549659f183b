//! What operators send and get, and what partners are shown.

mod explanation;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use shared::http::{FieldError, Validate};
use shared::ids::{RuleId, UserId};
use shared::money::{BasisPoints, Currency, Money};
use shared::revenue::{
    Base, Count, Counted, Figures, FiguresDraft, FiguresError, Phase, Preset, PresetError, Rule, Scope, Tier, Tiers,
};
use utoipa::ToSchema;

pub(crate) use explanation::ExplanationView;

const MAX_NAME_CHARS: usize = 80;

/// Makes a rule, of figures of one's own or of a preset.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct CreateRule {
    /// What the rule is called in lists; on one line.
    #[schema(min_length = 1, max_length = 80)]
    pub name: String,
    /// What it is for. Of several rules that apply the one with the narrowest scope does: listing, partner, group, content type,
    /// marketplace.
    pub scope: Scope,
    /// When it begins to apply; now, without it.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub from: Option<Timestamp>,
    /// The first moment at which it no longer applies.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub until: Option<Timestamp>,
    /// Either these, or a preset.
    pub figures: Option<FiguresBody>,
    /// The name of a preset.
    #[schema(example = "steam")]
    pub preset: Option<String>,
    /// In which currency the preset's amounts are to be; its own, without it.
    pub currency: Option<Currency>,
}

impl Validate for CreateRule {
    fn validate(&self) -> Vec<FieldError> {
        let mut errors = Vec::new();
        let chars = self.name.trim().chars().count();
        if !(1..=MAX_NAME_CHARS).contains(&chars) || self.name.chars().any(char::is_control) {
            let detail = format!("must be one line of 1 to {MAX_NAME_CHARS} characters");
            errors.push(FieldError::new("/name", detail));
        }
        match (&self.figures, &self.preset) {
            (Some(figures), None) => errors.extend(figures.faults()),
            (None, Some(_)) => {}
            (None, None) => errors.push(FieldError::new("/figures", "give figures, or the name of a preset")),
            (Some(_), Some(_)) => errors.push(FieldError::new("/preset", "give either figures or a preset")),
        }
        if self.currency.is_some() && self.preset.is_none() {
            let detail = "is for presets; the amounts of figures name their own";
            errors.push(FieldError::new("/currency", detail));
        }
        errors
    }
}

/// What a rule says from a certain moment on. The figures of its versions so far stay as they are.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ReviseRule {
    /// When the version begins to apply, which ends the one before; now, without it.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub from: Option<Timestamp>,
    #[schema(value_type = Option<String>, format = DateTime)]
    pub until: Option<Timestamp>,
    pub figures: FiguresBody,
}

impl Validate for ReviseRule {
    fn validate(&self) -> Vec<FieldError> {
        self.figures.faults().into_iter().collect()
    }
}

/// Ends a rule.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct EndRule {
    /// The first moment at which it no longer applies; now, without it.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub at: Option<Timestamp>,
}

impl Validate for EndRule {}

/// What a price is divided by.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct FiguresBody {
    /// The platform's part of the price in hundredths of a percent; where there are tiers, up to the first of them.
    pub commission_bps: BasisPoints,
    /// What the platform takes of each line on top. It ties the rule to sales in its currency.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fixed: Option<Money>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tiers: Option<TiersBody>,
    #[serde(default)]
    pub base: Base,
    /// What of the price goes to a partner who sent the customer. Of a gross base it comes out of the platform's part.
    #[serde(default)]
    pub affiliate_bps: BasisPoints,
    /// What of the price goes to a partner who sold to the customer.
    #[serde(default)]
    pub reseller_bps: BasisPoints,
}

/// Rates that change with what was sold before under the same rule. Each applies to what lies in its tier.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct TiersBody {
    pub per: Counted,
    pub count: Count,
    pub above: Vec<TierBody>,
}

#[derive(Debug, Clone, Copy, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct TierBody {
    /// Where the tier begins.
    pub above: Money,
    pub commission_bps: BasisPoints,
}

impl FiguresBody {
    pub(crate) fn checked(&self) -> Result<Figures, FiguresError> {
        let tier = |tier: &TierBody| Tier {
            above: tier.above,
            commission_bps: tier.commission_bps,
        };
        let draft = FiguresDraft {
            commission_bps: self.commission_bps,
            fixed: self.fixed,
            tiers: self.tiers.as_ref().map(|tiers| Tiers {
                per: tiers.per,
                count: tiers.count,
                above: tiers.above.iter().map(tier).collect(),
            }),
            base: self.base,
            affiliate_bps: self.affiliate_bps,
            reseller_bps: self.reseller_bps,
        };
        draft.try_into()
    }

    fn faults(&self) -> Option<FieldError> {
        let (pointer, detail) = match self.checked() {
            Err(error) => (error.pointer(), error.to_string()),
            Ok(figures) => {
                let (pointer, error) = figures.uncountable()?;
                (pointer, error.to_string())
            }
        };
        Some(FieldError::new(format!("/figures{pointer}"), detail))
    }
}

impl From<Figures> for FiguresBody {
    fn from(figures: Figures) -> Self {
        let draft = FiguresDraft::from(figures);
        let tier = |tier: Tier| TierBody {
            above: tier.above,
            commission_bps: tier.commission_bps,
        };
        Self {
            commission_bps: draft.commission_bps,
            fixed: draft.fixed,
            tiers: draft.tiers.map(|tiers| TiersBody {
                per: tiers.per,
                count: tiers.count,
                above: tiers.above.into_iter().map(tier).collect(),
            }),
            base: draft.base,
            affiliate_bps: draft.affiliate_bps,
            reseller_bps: draft.reseller_bps,
        }
    }
}

/// A rule with everything that it ever said.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct RuleView {
    pub id: RuleId,
    /// Oldest first.
    pub versions: Vec<RuleVersion>,
}

#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct RuleVersion {
    pub rule_id: RuleId,
    pub version: u32,
    pub name: String,
    pub scope: Scope,
    #[schema(value_type = String, format = DateTime)]
    pub from: Timestamp,
    /// The first moment at which it no longer applies.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    pub until: Option<Timestamp>,
    pub figures: FiguresBody,
    /// The preset that the figures come from.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub preset: Option<String>,
    pub created_by: UserId,
    #[schema(value_type = String, format = DateTime)]
    pub created_at: Timestamp,
}

impl From<Rule> for RuleVersion {
    fn from(rule: Rule) -> Self {
        Self {
            rule_id: rule.id,
            version: rule.version,
            name: rule.name,
            scope: rule.scope,
            from: rule.from,
            until: rule.until,
            figures: rule.figures.into(),
            preset: rule.preset,
            created_by: rule.created_by,
            created_at: rule.created_at,
        }
    }
}

impl RuleView {
    pub(crate) fn of(id: RuleId, versions: Vec<Rule>) -> Self {
        Self {
            id,
            versions: versions.into_iter().map(RuleVersion::from).collect(),
        }
    }
}

#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Presets {
    pub items: Vec<PresetView>,
}

/// What another marketplace takes.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct PresetView {
    pub name: String,
    pub title: String,
    /// The pages it was read from.
    pub sources: Vec<String>,
    /// Below this it pays nothing out. The minimum is a setting of payouts, not of the rule.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub payout_minimum: Option<Money>,
    /// What a rule says that is made of it now.
    pub phases: Vec<PhaseView>,
}

#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct PhaseView {
    #[schema(value_type = String, format = DateTime)]
    pub from: Timestamp,
    pub figures: FiguresBody,
}

impl PresetView {
    pub(crate) fn of(preset: Preset, now: Timestamp) -> Result<Self, PresetError> {
        let phase = |phase: Phase| PhaseView {
            from: phase.from,
            figures: phase.figures.into(),
        };
        Ok(Self {
            phases: preset.phases(preset.currency, now)?.into_iter().map(phase).collect(),
            payout_minimum: preset.payout_minimum()?,
            name: preset.name,
            title: preset.title,
            sources: preset.sources,
        })
    }
}
