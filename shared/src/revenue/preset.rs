//! What other marketplaces take, as rules to begin with. The figures are data (`presets/`), each with the pages it was read from.

use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use serde::Deserialize;

use super::figures::{Base, Count, Counted, Figures, FiguresDraft, FiguresError, Tier, Tiers};
use crate::money::{BasisPoints, Currency, Money, MoneyError};

const FILES: [&str; 6] = [
    include_str!("presets/atlassian.json"),
    include_str!("presets/epic.json"),
    include_str!("presets/github.json"),
    include_str!("presets/jetbrains.json"),
    include_str!("presets/shopify.json"),
    include_str!("presets/steam.json"),
];

#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Preset {
    pub name: String,
    pub title: String,
    pub sources: Vec<String>,
    /// The currency of its amounts there. They are whole units, so they can be taken over in another one.
    pub currency: Currency,
    /// Below this it pays nothing out. Told, not part of the rule: the minimum is a setting of payouts.
    #[serde(default)]
    payout_minimum_units: Option<u32>,
    phases: Vec<PresetPhase>,
}

#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
struct PresetPhase {
    #[serde(default)]
    from: Option<Date>,
    commission_bps: BasisPoints,
    #[serde(default)]
    tiers: Option<PresetTiers>,
    #[serde(default)]
    reseller_bps: BasisPoints,
}

#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
struct PresetTiers {
    per: Counted,
    count: Count,
    above: Vec<PresetTier>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
struct PresetTier {
    units: u32,
    commission_bps: BasisPoints,
}

/// Figures, and from when they apply; up to the next phase, if there is one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Phase {
    pub from: Timestamp,
    pub figures: Figures,
}

#[derive(Debug, thiserror::Error)]
pub enum PresetError {
    #[error("a preset cannot be read")]
    Unreadable(#[from] serde_json::Error),
    #[error("a preset's date is out of range")]
    Date(#[from] jiff::Error),
    #[error(transparent)]
    Figures(#[from] FiguresError),
    #[error(transparent)]
    Money(#[from] MoneyError),
}

impl Preset {
    /// All of them, by name.
    pub fn all() -> Result<Vec<Self>, PresetError> {
        Ok(FILES
            .into_iter()
            .map(serde_json::from_str)
            .collect::<Result<_, serde_json::Error>>()?)
    }

    pub fn named(name: &str) -> Result<Option<Self>, PresetError> {
        Ok(Self::all()?.into_iter().find(|preset| preset.name == name))
    }

    pub fn payout_minimum(&self) -> Result<Option<Money>, MoneyError> {
        self.payout_minimum_units
            .map(|units| whole(units, self.currency))
            .transpose()
    }

    /// What a rule says that begins at `from`: phases that are over by then are left out, the amounts are in `currency`.
    pub fn phases(&self, currency: Currency, from: Timestamp) -> Result<Vec<Phase>, PresetError> {
        let mut phases: Vec<Phase> = Vec::new();
        for phase in &self.phases {
            let begins = match phase.from {
                Some(date) => date.to_zoned(TimeZone::UTC)?.timestamp().max(from),
                None => from,
            };
            // One that begins no later takes the place of the one before it.
            phases.pop_if(|before| begins <= before.from);
            phases.push(Phase {
                from: begins,
                figures: phase.figures(currency)?,
            });
        }
        Ok(phases)
    }
}

/// Whole units of a currency: euros, not cents.
fn whole(units: u32, currency: Currency) -> Result<Money, MoneyError> {
    Money::new(units.into(), currency).checked_mul(10_u32.pow(currency.exponent()))
}

impl PresetPhase {
    fn figures(&self, currency: Currency) -> Result<Figures, PresetError> {
        let tiers = self.tiers.as_ref().map(|tiers| {
            let tier = |tier: &PresetTier| {
                Ok(Tier {
                    above: whole(tier.units, currency)?,
                    commission_bps: tier.commission_bps,
                })
            };
            Ok::<_, MoneyError>(Tiers {
                per: tiers.per,
                count: tiers.count,
                above: tiers.above.iter().map(tier).collect::<Result<_, MoneyError>>()?,
            })
        });
        let draft = FiguresDraft {
            commission_bps: self.commission_bps,
            fixed: None,
            tiers: tiers.transpose()?,
            base: Base::Gross,
            affiliate_bps: BasisPoints::default(),
            reseller_bps: self.reseller_bps,
        };
        Ok(draft.try_into()?)
    }
}

#[cfg(test)]
mod tests {
    use super::super::{RuleRef, Terms, divide};
    use super::*;

    fn at(text: &str) -> Timestamp {
        text.parse().expect("a time")
    }

    /// A sale of this many dollars under the preset, after this turnover: what platform and reseller get, in cents.
    #[track_caller]
    fn check(name: &str, begins: &str, turnover: i64, dollars: i64, expected: (i64, i64)) {
        let preset = Preset::named(name).expect("readable").expect("a preset");
        let phases = preset.phases(Currency::USD, at(begins)).expect("figures");
        let terms = Terms {
            rule: RuleRef::Default,
            figures: phases.last().expect("a phase").figures.clone(),
        };
        let legs = divide(Money::new(dollars * 100, Currency::USD), &terms, turnover * 100)
            .expect("small")
            .legs;
        assert_eq!((legs.platform, legs.reseller), expected);
        assert_eq!(legs.total(), Ok(dollars * 100));
    }

    #[test]
    fn shopify_takes_nothing_of_the_first_million_and_15_percent_above() {
        check("shopify", "2026-11-22T09:00:00Z", 0, 1_000_000, (0, 0));
        // $300 of the sale are below the million; 15 % of the other $200 are $30.
        check("shopify", "2026-11-22T09:00:00Z", 999_700, 500, (3_000, 0));
    }

    #[test]
    fn steam_takes_30_25_and_20_percent_at_the_margin() {
        // $10M at 30 %, $40M at 25 %, $10M at 20 %.
        check("steam", "2026-11-22T09:00:00Z", 0, 60_000_000, (1_500_000_000, 0));
        check("steam", "2026-11-22T09:00:00Z", 50_000_000, 60, (1_200, 0));
    }

    #[test]
    fn epic_takes_nothing_of_the_first_million_of_each_year() {
        // Half of $100 is above the million: 12 % of $50.
        check("epic", "2026-11-22T09:00:00Z", 999_950, 100, (600, 0));
        let figures = &Preset::named("epic").expect("readable").expect("a preset").phases[0];
        let count = figures.tiers.as_ref().expect("tiers").count;
        assert_eq!(count.period(at("2026-12-31T23:59:59Z")).as_deref(), Some("2026"));
        assert_eq!(count.period(at("2027-01-01T00:00:00Z")).as_deref(), Some("2027"));
    }

    #[test]
    fn atlassian_takes_17_percent_above_the_first_million_since_october() {
        check("atlassian", "2026-11-22T09:00:00Z", 1_000_000, 100, (1_700, 0));
        check("atlassian", "2026-11-22T09:00:00Z", 999_900, 200, (1_700, 0));
        let preset = Preset::named("atlassian").expect("readable").expect("a preset");
        let begins = |from: &str| -> Vec<String> {
            let phases = preset.phases(Currency::USD, at(from)).expect("figures");
            phases.iter().map(|phase| phase.from.to_string()).collect()
        };
        let (april, october) = ("2026-04-01T00:00:00Z", "2026-10-01T00:00:00Z");
        assert_eq!(begins("2026-01-01T00:00:00Z"), [april, october]);
        assert_eq!(begins("2026-05-05T00:00:00Z"), ["2026-05-05T00:00:00Z", october]);
        assert_eq!(begins(october), [october]);
        assert_eq!(begins("2026-11-22T09:00:00Z"), ["2026-11-22T09:00:00Z"]);
    }

    #[test]
    fn jetbrains_pays_the_reseller_out_of_its_15_percent() {
        // Of $100 the reseller gets 5 % and JetBrains the other 10 %.
        check("jetbrains", "2026-11-22T09:00:00Z", 0, 100, (1_000, 500));
    }

    #[test]
    fn github_takes_5_percent() {
        check("github", "2026-11-22T09:00:00Z", 0, 100, (500, 0));
    }

    #[test]
    fn amounts_can_be_taken_over_in_another_currency() {
        let steam = Preset::named("steam").expect("readable").expect("a preset");
        let first = |currency| {
            let phases = steam.phases(currency, at("2026-11-22T09:00:00Z")).expect("figures");
            phases[0].figures.tiers.as_ref().expect("tiers").above[0]
                .above
                .to_string()
        };
        assert_eq!(first(Currency::EUR), "10000000.00 EUR");
        assert_eq!(first(Currency::JPY), "10000000 JPY");
    }

    #[test]
    fn every_preset_names_its_sources() {
        let presets = Preset::all().expect("readable");
        let names: Vec<_> = presets.iter().map(|preset| preset.name.as_str()).collect();
        assert_eq!(names, ["atlassian", "epic", "github", "jetbrains", "shopify", "steam"]);
        for preset in &presets {
            assert!(
                preset.sources.iter().all(|source| source.starts_with("https://")),
                "{preset:?}"
            );
        }
    }
}
