//! What is not ours in the same account at Stripe: sales, refunds, disputes and subscriptions of another deployment, and accounts that are no
//! partner's. Souk hears of all of it, and nothing may follow.

use serde_json::{Value, json};
use shared::ids::{OrderId, PartnerId, RefundId, SubscriptionId, UserId};

use crate::run::Run;
use crate::task::Letter;

/// The other deployment.
const STRANGER: &str = "stage";

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Stranger {
    /// Sells something.
    Sale,
    /// Sells something and gives the money back.
    Refund,
    /// Sells something, and the bank takes the money.
    Dispute,
    /// Is subscribed to, from now on.
    Subscription,
    /// Has an account connected.
    Account,
    /// An account that Stripe itself does not know any more.
    LostAccount,
}

impl Stranger {
    pub(crate) const ALL: [Self; 6] = [
        Self::Sale,
        Self::Refund,
        Self::Dispute,
        Self::Subscription,
        Self::Account,
        Self::LostAccount,
    ];
}

/// The names of theirs, of the same form as ours.
struct Names {
    user: UserId,
    order: OrderId,
    refund: RefundId,
    subscription: SubscriptionId,
    partner: PartnerId,
}

impl Run<'_> {
    pub(crate) fn stranger(&mut self, what: Stranger) {
        let seed = self.chance.seed(self.world.now);
        let names = Names {
            user: seed.id("customer"),
            order: seed.id("order"),
            refund: seed.id("refund"),
            subscription: seed.id("subscription"),
            partner: seed.id("partner"),
        };
        match what {
            Stranger::Sale => drop(self.strangers_charge(&names)),
            Stranger::Refund => {
                let charge = self.strangers_charge(&names);
                let form = format!("charge={charge}&{}", marked("metadata", &names));
                self.strangely("/v1/refunds", &form);
            }
            Stranger::Dispute => {
                let charge = self.strangers_charge(&names);
                let dispute = self.world.control(&format!("charges/{charge}/dispute"), &json!({}));
                let dispute = dispute["id"].as_str().unwrap_or_default();
                let lost = json!({"outcome": "lost"});
                self.world.control(&format!("disputes/{dispute}/close"), &lost);
            }
            Stranger::Subscription => self.strangers_subscription(&names),
            Stranger::Account => {
                let form = format!(
                    "country=DE&controller[fees][payer]=application&controller[losses][payments]=application\
                     &controller[requirement_collection]=stripe&controller[stripe_dashboard][type]=express\
                     &capabilities[transfers][requested]=true&{}",
                    marked("metadata", &names)
                );
                let account = self.strangely("/v1/accounts", &form);
                let account = account["id"].as_str().unwrap_or_default();
                self.world
                    .control(&format!("accounts/{account}"), &json!({"outcome": "complete"}));
            }
            Stranger::LostAccount => self.tell_of_lost_account(&names),
        }
    }

    fn strangers_charge(&self, names: &Names) -> String {
        let form = format!(
            "mode=payment&client_reference_id={}&success_url=https://stage.example/paid\
             &line_items[0][price_data][currency]=eur&line_items[0][price_data][unit_amount]=777\
             &line_items[0][price_data][product_data][name]=Pads&line_items[0][quantity]=1&{}&{}",
            names.order,
            marked("metadata", names),
            marked("payment_intent_data[metadata]", names)
        );
        let session = self.strangers_checkout(&form);
        let intent = session["payment_intent"].as_str().unwrap_or_default();
        let charge = self.world.stripe.object(intent)["latest_charge"].clone();
        charge.as_str().expect("a stranger's charge").to_owned()
    }

    fn strangers_subscription(&mut self, names: &Names) {
        let form = format!(
            "mode=subscription&client_reference_id={}&success_url=https://stage.example/paid\
             &line_items[0][price_data][currency]=eur&line_items[0][price_data][unit_amount]=777\
             &line_items[0][price_data][recurring][interval]=month\
             &line_items[0][price_data][product_data][name]=Pads&line_items[0][quantity]=1&{}&{}",
            names.subscription,
            marked("metadata", names),
            marked("subscription_data[metadata]", names)
        );
        let session = self.strangers_checkout(&form);
        let customer = session["customer"].as_str().expect("a stranger's customer").to_owned();
        self.strangers_customers.insert(customer);
    }

    fn strangers_checkout(&self, form: &str) -> Value {
        let session = self.strangely("/v1/checkout/sessions", form);
        let session = session["id"].as_str().unwrap_or_default();
        let paid = json!({"outcome": "success"});
        self.world.control(&format!("checkout/{session}/pay"), &paid);
        self.world.stripe.object(session)
    }

    fn strangely(&self, path: &str, form: &str) -> Value {
        let done = self.world.by_hand(path, form);
        done.unwrap_or_else(|refusal| panic!("{path}: {refusal}"))
    }

    /// As Stripe tells of an account of ours, in every field.
    fn tell_of_lost_account(&mut self, names: &Names) {
        let account = format!("acct_{}", names.partner);
        let event = json!({
            "id": format!("evt_{}", names.order),
            "object": "event",
            "type": "account.updated",
            "account": account,
            "api_version": stripe_standin::API_VERSION,
            "created": self.world.now.as_second(),
            "livemode": false,
            "pending_webhooks": 1,
            "request": null,
            "data": {"object": {"id": account, "object": "account"}},
        });
        self.letters.push(Letter::new(&event, self.world.now));
    }
}

fn marked(field: &str, names: &Names) -> String {
    format!(
        "{field}[deployment]={STRANGER}&{field}[customer_id]={}&{field}[order_id]={}&{field}[refund_id]={}\
         &{field}[subscription_id]={}&{field}[partner_id]={}",
        names.user, names.order, names.refund, names.subscription, names.partner
    )
}

/// Whether a charge is another deployment's.
pub(crate) fn is_strangers(run: &Run<'_>, charge: &Value) -> bool {
    let is_marked = charge["metadata"]["deployment"] == STRANGER;
    let customer = charge["customer"].as_str().unwrap_or_default();
    is_marked || run.strangers_customers.contains(customer)
}
