//! Rules at work: tiers that count, referrers who are paid, fees that are shared.

use serde_json::json;
use shared::ids::{PartnerId, RuleId};
use shared::ledger::{Account, Fact};
use shared::messages::PaymentSubject;
use shared::money::{BasisPoints, Currency, Money};
use shared::partner::{Change, Partner};
use shared::purchase::Order;
use shared::revenue::{
    Base, Count, Counted, Figures, FiguresDraft, Referrers, RuleRef, Terms, Tier, Tiers, WithheldReason,
};
use shared::runtime::Failure;
use shared::store::accounts::Role;
use shared::store::{commerce, partners};

use crate::till::{Till, charge, session, till};

fn bps(rate: u32) -> BasisPoints {
    BasisPoints::try_from(rate).expect("a rate")
}

impl Till {
    fn rule(&self, draft: FiguresDraft) -> Terms {
        Terms {
            rule: RuleRef::Version(self.world.seed().id::<RuleId>("rule"), 1),
            figures: draft.try_into().expect("figures that make sense"),
        }
    }

    async fn sold_under(&self, price: i64, terms: &Terms, referrers: Referrers) -> Order {
        let order = self.order_under(&[(self.anna, price)], terms, referrers).await;
        self.hear_paid(&order).await.expect("settled");
        self.world.take_messages();
        self.stored(&order).await
    }

    async fn hear_paid(&self, order: &Order) -> Result<(), Failure> {
        self.hear_session(order, session("complete", "paid", order.total.minor()))
            .await
    }

    async fn hear_fee(&self, order: &Order, fee: i64) -> Result<(), Failure> {
        self.hear_of(order, PaymentSubject::Charge, "ch_1", charge(Some(fee)))
            .await
    }
}

fn flat(rate: u32) -> FiguresDraft {
    Figures::flat(bps(rate)).into()
}

fn tiered() -> FiguresDraft {
    let tier = Tier {
        above: Money::new(2000, Currency::EUR),
        commission_bps: bps(1000),
    };
    FiguresDraft {
        tiers: Some(Tiers {
            per: Counted::Partner,
            count: Count::Yearly,
            above: vec![tier],
        }),
        ..flat(2000)
    }
}

#[tokio::test]
async fn tiers_count_each_sale_once_and_from_where_the_last_one_ended() {
    let till = till().await;
    let terms = till.rule(tiered());
    let first = till.sold_under(1500, &terms, Referrers::default()).await;
    till.hear_paid(&first).await.expect("the same news again");
    let second = till.sold_under(1500, &terms, Referrers::default()).await;
    let division = |order: &Order| order.lines[0].division.clone().expect("paid");
    assert_eq!(division(&first).turnover_before_minor, Some(0));
    assert_eq!(division(&second).turnover_before_minor, Some(1500));
    // 1500 at 20 %; 500 at 20 % and 1000 at 10 %.
    assert_eq!(
        (division(&first).legs.platform, division(&second).legs.platform),
        (300, 200)
    );
    assert_eq!(till.account(Account::PlatformRevenue), -500);
    till.check_books().await;
}

#[tokio::test]
async fn a_flat_rule_costs_what_the_default_costs_and_a_tiered_one_its_counter() {
    let till = till().await;
    let (flat, tiered) = (till.rule(flat(1500)), till.rule(tiered()));
    till.sold_under(1299, &flat, Referrers::default()).await;
    till.sold_under(1299, &tiered, Referrers::default()).await;
    for (terms, expected) in [(&flat, (4, 10)), (&tiered, (5, 12))] {
        let order = till
            .order_under(&[(till.anna, 1299)], terms, Referrers::default())
            .await;
        let before = till.world.store.meter().read();
        till.hear_paid(&order).await.expect("settled");
        let used = till.world.store.meter().read().since(before);
        assert_eq!((used.requests, used.write_units()), expected);
    }
}

#[tokio::test]
async fn a_referrer_is_paid_once_in_a_journal_of_their_own() {
    let till = till().await;
    let terms = till.rule(FiguresDraft {
        affiliate_bps: bps(500),
        ..flat(2000)
    });
    let referrers = Referrers {
        affiliate: Some(till.bert),
        reseller: None,
    };
    let order = till.sold_under(1000, &terms, referrers).await;
    till.hear_paid(&order).await.expect("the same news again");
    assert_eq!((till.owed(till.anna).await, till.owed(till.bert).await), (800, 50));
    assert_eq!(till.account(Account::PlatformRevenue), -150);
    let journal = till.world.journal();
    let referrals: Vec<_> = journal
        .iter()
        .filter(|entry| *entry.fact() == Fact::Referral(order.id))
        .collect();
    assert_eq!(referrals.len(), 1);
    assert_eq!(referrals[0].partner(), Some(till.bert));
    till.check_books().await;
}

#[tokio::test]
async fn the_fee_is_shared_whichever_is_known_first() {
    for fee_first in [true, false] {
        let till = till().await;
        let terms = till.rule(FiguresDraft {
            base: Base::Net,
            ..flat(2500)
        });
        let order = till
            .order_under(&[(till.anna, 1000)], &terms, Referrers::default())
            .await;
        for _ in 0..2 {
            if fee_first {
                till.hear_fee(&order, 40).await.expect("known");
                till.hear_paid(&order).await.expect("settled");
            } else {
                till.hear_paid(&order).await.expect("settled");
                till.hear_fee(&order, 40).await.expect("known");
            }
        }
        // Three quarters of the price went to the partner, and so does the fee.
        assert_eq!(till.owed(till.anna).await, 750 - 30);
        assert_eq!(till.account(Account::ProcessorFees), 10);
        assert_eq!(till.world.journal().len(), 3, "sale, fee and fee share");
        till.check_books().await;
    }
}

/// A tie between the people of a sale, made before the customer pays.
#[derive(Debug, Clone, Copy)]
enum Tie {
    Member,
    CommonOwner,
    ReceiversAddress,
    Card,
    SellersOwner,
}

impl Till {
    async fn tie(&self, tie: Tie) {
        match tie {
            Tie::Member => {
                self.world.join(self.bert, "carla", Role::Member).await;
            }
            Tie::CommonOwner => {
                let partner = self.world.seller("berts second").await;
                self.world.join(partner, "carla", Role::Member).await;
                let owner = self.world.user("bert").await;
                self.change(partner, |partner| partner.co_owners.push(owner)).await;
            }
            Tie::ReceiversAddress => self.world.paid_by_paypal(self.bert, "Carla@example.com").await,
            Tie::Card => {
                let bert = self.world.user("bert").await;
                let own = Order {
                    customer: bert,
                    id: self.world.seed().id("own"),
                    paid_with: Some("stripe:fp_1".to_owned()),
                    ..self.order(&[(self.anna, 100)]).await
                };
                commerce::create_order(&self.world.store, &own, &[]).await.expect("new");
            }
            Tie::SellersOwner => {
                let owner = self.world.user("bert").await;
                self.change(self.anna, |anna| anna.co_owners.push(owner)).await;
            }
        }
        self.world.take_messages();
    }

    async fn change(&self, partner: PartnerId, change: impl FnOnce(&mut Partner)) {
        let found = partners::load(&self.world.store, partner).await.expect("memory");
        let found = found.expect("a partner");
        let mut partner = found.value;
        change(&mut partner);
        let change = Change {
            partner,
            audit: None,
            messages: Vec::new(),
        };
        partners::save(&self.world.store, &change, found.revision, [])
            .await
            .expect("nobody else writes");
    }
}

#[tokio::test]
async fn nobody_earns_by_bringing_themselves_however_they_hide_it() {
    for (tie, reason) in [
        (Tie::Member, WithheldReason::BuyerInTeam),
        (Tie::CommonOwner, WithheldReason::BuyersOrganisation),
        (Tie::ReceiversAddress, WithheldReason::SamePayoutAccount),
        (Tie::Card, WithheldReason::SameCard),
        (Tie::SellersOwner, WithheldReason::SellersOwn),
    ] {
        let till = till().await;
        let terms = till.rule(FiguresDraft {
            affiliate_bps: bps(500),
            ..flat(2000)
        });
        let referrers = Referrers {
            affiliate: Some(till.bert),
            reseller: None,
        };
        // Placed before anybody could see it, paid afterwards.
        let order = till.order_under(&[(till.anna, 1000)], &terms, referrers).await;
        till.tie(tie).await;
        let mut paid = session("complete", "paid", 1000);
        paid["payment_intent"]["latest_charge"]["payment_method_details"] =
            json!({"type": "card", "card": {"fingerprint": "fp_1"}});
        till.hear_session(&order, paid).await.expect("settled");
        till.world.take_messages();
        let order = till.stored(&order).await;
        assert_eq!(order.lines[0].withheld.affiliate, Some(reason), "{tie:?}");
        assert_eq!(order.paid_with.as_deref(), Some("stripe:fp_1"));
        assert_eq!(
            (till.owed(till.anna).await, till.owed(till.bert).await),
            (800, 0),
            "{tie:?}"
        );
        assert_eq!(till.account(Account::PlatformRevenue), -200);
        till.check_books().await;
    }
}
