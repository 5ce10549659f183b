//! Every queue message in Souk: what it says, which queue carries it, and what it must stay in order with.
//!
//! A message is born in the outbox of the item whose change it announces (see `store::outbox`) and arrives at least once. Only what
//! follows from no change is sent as it is: the pages of a run, and what each of them finds.
//! The tag is the contract: a variant is never changed in place, a new meaning is a new variant.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::ids::{
    EducationalProofId, LicenceId, ListingId, MessageId, OrderId, PartnerId, PayoutId, RefundId, RescanId,
    SubscriptionId, UploadId, UserId, VersionId,
};
use crate::page::PageKey;

/// The queues that messages travel in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, strum::Display, strum::EnumIter)]
#[serde(rename_all = "kebab-case")]
#[strum(serialize_all = "kebab-case")]
pub enum Queue {
    /// FIFO by order or subscription; what the processor tells about refunds and disputes, by charge.
    Settlement,
    /// FIFO by the processor's account.
    Onboarding,
    /// Standard: each page stands for itself.
    PayoutDecide,
    /// FIFO by partner.
    PayoutTransfer,
    /// Standard: each package stands for itself.
    Scan,
    /// Standard: mails may overtake each other.
    Notify,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case", deny_unknown_fields)]
pub enum Message {
    /// The processor told something about an order's payment. Only a hint: the consumer fetches the object itself.
    PaymentChanged {
        event_id: String,
        subject: PaymentSubject,
        object_id: String,
        customer: UserId,
        order: OrderId,
    },
    /// PayPal told something about the payment of an order of ours, which its object names. Only a hint, as above.
    PayPalOrderChanged { event_id: String, order: OrderId },
    /// PayPal told of a refund. It names the capture, not the order.
    PayPalRefundMade {
        event_id: String,
        refund: String,
        capture: String,
    },
    /// PayPal told of a dispute. It names the capture, not the order.
    PayPalDisputeChanged {
        event_id: String,
        dispute: String,
        capture: String,
    },
    /// PayPal told that it took the money of a capture back.
    PayPalCaptureReversed {
        event_id: String,
        reversal: String,
        capture: String,
    },
    /// An operator has opened a dispute by hand, or closed it.
    DisputeMadeByHand {
        customer: UserId,
        order: OrderId,
        dispute: String,
    },
    /// An order that costs nothing is settled without a processor.
    FreeOrderPlaced { customer: UserId, order: OrderId },
    /// The processor told something about money that goes back to a customer. It names the charge, not the order.
    ReversalChanged {
        event_id: String,
        subject: ReversalSubject,
        object_id: String,
        charge: String,
    },
    /// A refund has been decided and its amount set aside; ask the processor for it.
    RefundDecided {
        customer: UserId,
        order: OrderId,
        refund: RefundId,
    },
    /// The processor told something about a subscription of ours, or about an invoice of it. Only a hint, as above.
    SubscriptionChanged {
        event_id: String,
        customer: UserId,
        subscription: SubscriptionId,
        /// By the processor's clock.
        at: Timestamp,
    },
    /// The processor told of another card of a customer of its, who may be one of ours: the customer names nobody.
    PaymentMethodChanged { event_id: String, customer: String },
    /// The processor told of a charge that names no order of ours: it may have paid an invoice of a subscription.
    UnnamedCharge { event_id: String, charge: String },
    /// A message about money that was rejected: try it once more, in the queue and the group that it belongs to.
    Reconsider { rejected: Box<Envelope> },
    /// What a subscription paid has been given back in whole, or was lost in a dispute.
    RenewalReturned { customer: UserId, order: OrderId },
    /// The processor told that a partner's account changed. Only a hint, as above.
    AccountChanged { event_id: String, account: String },
    /// The processor told of a payout from a partner's account to the partner's bank. Only a hint, as above.
    BankPayoutChanged {
        event_id: String,
        account: String,
        payout: String,
    },
    /// Decide about the next balances of a shard, as of the moment at which the run began.
    PayoutPage {
        at: Timestamp,
        shard: u8,
        after: Option<PageKey>,
    },
    /// Announce the next open payouts of a shard again, as far as they are stuck.
    OpenPayoutPage {
        at: Timestamp,
        shard: u8,
        after: Option<PageKey>,
    },
    /// A payout has been decided and debited; send it.
    PayoutDecided { partner: PartnerId, payout: PayoutId },
    /// The processor told that it took money of a payout's transfer back. Only a hint, as above.
    TransferReversed {
        event_id: String,
        transfer: String,
        partner: PartnerId,
        payout: PayoutId,
    },
    /// PayPal told something about the item that a payout is there. Only a hint, as above.
    PayPalPayoutItemChanged {
        event_id: String,
        item: String,
        partner: PartnerId,
        payout: PayoutId,
    },
    /// A moderator has released a package that its scan held: scan it again.
    ScanAgain {
        partner: PartnerId,
        listing: ListingId,
        version: VersionId,
        upload: UploadId,
    },
    /// Scan everything that is listed once more if the rules have changed since that was done.
    CompareRules { at: Timestamp },
    /// Send off the next versions of a rescan.
    RescanPage { rescan: RescanId, after: Option<PageKey> },
    /// Scan a version that is listed once more, and write down what is found.
    Rescan {
        rescan: RescanId,
        listing: ListingId,
        version: VersionId,
    },
    /// Send off the next versions that a rescan has found something in.
    SuspendFoundPage {
        rescan: RescanId,
        by: UserId,
        after: Option<PageKey>,
    },
    /// Scan a version that is listed once more, and suspend it if it does not pass.
    SuspendFound {
        rescan: RescanId,
        by: UserId,
        listing: ListingId,
        version: VersionId,
    },
    /// Something has become of a version that has been published: tell those who hold the listing, page by page.
    TellBuyers {
        listing: ListingId,
        news: ListedNews,
        after: Option<PageKey>,
    },
    /// Tell one of them.
    BuyerNotice {
        customer: UserId,
        order: OrderId,
        news: ListedNews,
    },
    /// Tell somebody who holds it by no order: who has subscribed to it, tries it, or was handed it.
    HolderNotice {
        holder: UserId,
        licence: LicenceId,
        news: ListedNews,
    },
    /// A listing has left the shop: close the payment pages of what waits to be paid for it, page by page.
    ListingWithdrawn {
        listing: ListingId,
        waiting: Waiting,
        after: Option<PageKey>,
    },
    /// A partner may not sell any more: all listings of theirs have left the shop, page by page.
    PartnerWithdrawn { partner: PartnerId, after: Option<PageKey> },
    /// Tell the customer that an order was cancelled, because something in it has left the shop.
    OrderWithdrawn { customer: UserId, order: OrderId },
    /// Tell the customer what was bought.
    OrderPaid { customer: UserId, order: OrderId },
    /// Tell the customer what was given back.
    OrderRefunded {
        customer: UserId,
        order: OrderId,
        refund: RefundId,
    },
    /// Tell the customer how a request for a refund has ended without one.
    RefundRequestEnded {
        customer: UserId,
        order: OrderId,
        refund: RefundId,
    },
    /// Tell the customer what has become of a subscription.
    SubscriptionNotice {
        customer: UserId,
        subscription: SubscriptionId,
        news: SubscriptionNews,
    },
    /// Tell the customer whether they count as somebody who studies or teaches.
    EducationalProofDecided {
        customer: UserId,
        proof: EducationalProofId,
    },
    /// Tell the partner's owner what was decided about the application, a submission or the account.
    PartnerNotice {
        partner: PartnerId,
        user: UserId,
        notice: Notice,
    },
}

/// What may wait to be paid for a listing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Waiting {
    Orders,
    Subscriptions,
}

/// Which of the processor's objects a payment event is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PaymentSubject {
    CheckoutSession,
    Charge,
    /// The checkout session, and the charge that has paid it: nothing of the payment may have been told.
    WholePayment,
}

/// Which of the processor's objects takes money back.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ReversalSubject {
    Refund,
    Dispute,
}

/// What a customer hears of a subscription, beside the receipts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, strum::Display)]
#[serde(rename_all = "snake_case")]
#[strum(serialize_all = "snake_case")]
pub enum SubscriptionNews {
    TrialBegan,
    TrialEnds,
    PaymentFailed,
    Ended,
}

/// A mail to a partner. The texts live in the notify function.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "about", rename_all = "snake_case", deny_unknown_fields)]
pub enum Notice {
    Partner {
        #[serde(rename = "decision")]
        news: PartnerNews,
    },
    Submission {
        listing_title: String,
        version: String,
        decision: Verdict,
        reason_code: String,
        /// When it is rejected if nothing is mended before.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        rejects_at: Option<Timestamp>,
    },
    /// A moderator has said something, and waits for an answer.
    Reply {
        listing_title: String,
        version: String,
        text: String,
    },
    /// About a package that its scan held.
    HeldScan {
        listing_title: String,
        version: String,
        decision: HeldVerdict,
        reason_code: String,
    },
    /// About a version that has been published.
    Listed { news: ListedNews },
    Appeal {
        listing_title: String,
        version: String,
        decision: AppealVerdict,
        reason_code: String,
    },
}

/// What has become of a version that has been published.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ListedNews {
    pub listing_title: String,
    pub version: String,
    pub decision: ListedVerdict,
    pub reason_code: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ListedVerdict {
    Suspended,
    Reinstated,
    TakenDown,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AppealVerdict {
    Upheld,
    Dismissed,
}

/// What has become of a partner.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, strum::Display, strum::EnumIter)]
#[serde(rename_all = "snake_case")]
#[strum(serialize_all = "snake_case")]
pub enum PartnerNews {
    Received,
    Approved,
    Rejected,
    Suspended,
    Reinstated,
    Reopened,
    PayoutsEnabled,
    PayoutsHeld,
    BankPayoutFailed,
    BankPayoutPaid,
    /// A receiver at PayPal was named.
    PaidAtPayPal,
    PaidAtStripe,
    ReceiverUnpaid,
    /// An account at Stripe was made for the partner.
    AccountConnected,
    AgreementAccepted,
    /// Somebody joined the team, or is not in it any more.
    TeamChanged,
    /// An operator ended a hold.
    HoldReleased,
}

/// What has been decided about a submission.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    Approved,
    ChangesRequested,
    Rejected,
}

/// What has been decided about a package that its scan held.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum HeldVerdict {
    /// It is scanned once more.
    Released,
    Rejected,
}

impl Message {
    pub fn queue(&self) -> Queue {
        match self {
            Self::Reconsider { rejected } => rejected.message.queue(),
            Self::PaymentChanged { .. }
            | Self::PayPalOrderChanged { .. }
            | Self::PayPalRefundMade { .. }
            | Self::PayPalDisputeChanged { .. }
            | Self::PayPalCaptureReversed { .. }
            | Self::DisputeMadeByHand { .. }
            | Self::FreeOrderPlaced { .. }
            | Self::ReversalChanged { .. }
            | Self::RefundDecided { .. }
            | Self::SubscriptionChanged { .. }
            | Self::PaymentMethodChanged { .. }
            | Self::UnnamedCharge { .. }
            | Self::RenewalReturned { .. }
            | Self::ListingWithdrawn { .. }
            | Self::PartnerWithdrawn { .. } => Queue::Settlement,
            Self::AccountChanged { .. } | Self::BankPayoutChanged { .. } => Queue::Onboarding,
            Self::PayoutPage { .. } | Self::OpenPayoutPage { .. } => Queue::PayoutDecide,
            Self::PayoutDecided { .. } | Self::TransferReversed { .. } | Self::PayPalPayoutItemChanged { .. } => {
                Queue::PayoutTransfer
            }
            Self::ScanAgain { .. }
            | Self::CompareRules { .. }
            | Self::RescanPage { .. }
            | Self::Rescan { .. }
            | Self::SuspendFoundPage { .. }
            | Self::SuspendFound { .. } => Queue::Scan,
            Self::TellBuyers { .. }
            | Self::BuyerNotice { .. }
            | Self::HolderNotice { .. }
            | Self::OrderWithdrawn { .. }
            | Self::OrderPaid { .. }
            | Self::OrderRefunded { .. }
            | Self::RefundRequestEnded { .. }
            | Self::SubscriptionNotice { .. }
            | Self::EducationalProofDecided { .. }
            | Self::PartnerNotice { .. } => Queue::Notify,
        }
    }

    /// What the message must stay in order with, as SQS takes it; `None` where order does not matter.
    ///
    /// Ids of the processors are what strangers make them. One that SQS would refuse is hashed: it stands for itself as well as before,
    /// and stops nobody else's messages.
    pub fn group(&self) -> Option<String> {
        let group = self.ordered_by()?;
        if fits_an_id(&group) {
            Some(group)
        } else {
            Some(format!("sha256-{}", hex::encode(Sha256::digest(group))))
        }
    }

    fn ordered_by(&self) -> Option<String> {
        match self {
            Self::Reconsider { rejected } => rejected.message.group(),
            Self::PaymentChanged { order, .. }
            | Self::PayPalOrderChanged { order, .. }
            | Self::FreeOrderPlaced { order, .. }
            | Self::DisputeMadeByHand { order, .. }
            | Self::RenewalReturned { order, .. }
            | Self::RefundDecided { order, .. } => Some(order.to_string()),
            Self::SubscriptionChanged { subscription, .. } => Some(subscription.to_string()),
            Self::ReversalChanged { charge, .. }
            | Self::UnnamedCharge { charge, .. }
            | Self::PayPalRefundMade { capture: charge, .. }
            | Self::PayPalDisputeChanged { capture: charge, .. }
            | Self::PayPalCaptureReversed { capture: charge, .. } => Some(charge.clone()),
            Self::PaymentMethodChanged { customer, .. } => Some(customer.clone()),
            Self::AccountChanged { account, .. } | Self::BankPayoutChanged { account, .. } => Some(account.clone()),
            Self::ListingWithdrawn { listing, .. } => Some(listing.to_string()),
            Self::PayoutDecided { partner, .. }
            | Self::PartnerWithdrawn { partner, .. }
            | Self::TransferReversed { partner, .. }
            | Self::PayPalPayoutItemChanged { partner, .. } => Some(partner.to_string()),
            Self::PayoutPage { .. }
            | Self::OpenPayoutPage { .. }
            | Self::ScanAgain { .. }
            | Self::CompareRules { .. }
            | Self::RescanPage { .. }
            | Self::Rescan { .. }
            | Self::SuspendFoundPage { .. }
            | Self::SuspendFound { .. }
            | Self::TellBuyers { .. }
            | Self::BuyerNotice { .. }
            | Self::HolderNotice { .. }
            | Self::OrderWithdrawn { .. }
            | Self::OrderPaid { .. }
            | Self::OrderRefunded { .. }
            | Self::RefundRequestEnded { .. }
            | Self::SubscriptionNotice { .. }
            | Self::EducationalProofDecided { .. }
            | Self::PartnerNotice { .. } => None,
        }
    }
}

/// Of the name of a group, and of the id that SQS recognises a message by.
const MAX_ID_CHARS: usize = 128;

/// Whether SQS takes it as a group's name: letters, digits and punctuation of ASCII, 1 to 128 (API reference of `SendMessage`).
pub(crate) fn fits_an_id(text: &str) -> bool {
    (1..=MAX_ID_CHARS).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_graphic())
}

/// A message on its way. `id` is what makes its second delivery recognisable.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Envelope {
    pub id: MessageId,
    /// Format of the envelope itself. Readers refuse what they do not know: the message stays in its queue.
    pub v: Version,
    pub message: Message,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "u8", into = "u8")]
pub struct Version;

impl TryFrom<u8> for Version {
    type Error = String;
    fn try_from(version: u8) -> Result<Self, String> {
        if version == 1 {
            Ok(Self)
        } else {
            Err(format!("envelope version {version} is not known here"))
        }
    }
}

impl From<Version> for u8 {
    fn from(_: Version) -> u8 {
        1
    }
}

impl Envelope {
    pub fn new(id: MessageId, message: Message) -> Self {
        Self {
            id,
            v: Version,
            message,
        }
    }
}
