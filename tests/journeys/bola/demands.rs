//! What a route answers whom.

use support::routes::Access;

/// Status by caller; `None` where the row says nothing about the caller, because it would act on what is its own.
pub(super) type Demand = fn(Access) -> Option<u16>;

pub(super) fn without_identity(access: Access) -> Option<u16> {
    match access {
        Access::Public => Some(200),
        Access::Anybody => None,
        Access::Webhook => Some(400),
        _ => Some(401),
    }
}

pub(super) fn without_scope(access: Access) -> Option<u16> {
    match access {
        Access::Public => Some(200),
        Access::Key => Some(401),
        Access::Anybody => None,
        Access::Webhook => Some(400),
        _ => Some(403),
    }
}

pub(super) fn stranger(access: Access) -> Option<u16> {
    match access {
        Access::Public => Some(200),
        Access::Key => Some(401),
        Access::Anybody => None,
        Access::Webhook => Some(400),
        Access::SignedIn(_) => None,
        Access::Holder(_)
        | Access::HolderOrOperator(_)
        | Access::TeamReads(_)
        | Access::TeamWrites(_)
        | Access::Owner(_)
        | Access::OwnerOrOperator(_)
        | Access::PartnersOperator => Some(404),
        Access::Operator => Some(403),
    }
}

pub(super) fn member(access: Access) -> Option<u16> {
    match access {
        Access::Owner(_) | Access::OwnerOrOperator(_) | Access::PartnersOperator | Access::Operator => Some(403),
        Access::TeamReads(_) => Some(200),
        Access::Holder(_) | Access::HolderOrOperator(_) => Some(404),
        Access::Key => Some(401),
        Access::Public | Access::Anybody | Access::Webhook | Access::SignedIn(_) | Access::TeamWrites(_) => None,
    }
}

pub(super) fn owner(access: Access) -> Option<u16> {
    match access {
        Access::PartnersOperator | Access::Operator => Some(403),
        Access::TeamReads(_) => Some(200),
        Access::Holder(_) | Access::HolderOrOperator(_) => Some(404),
        Access::Key => Some(401),
        Access::Public
        | Access::Anybody
        | Access::Webhook
        | Access::SignedIn(_)
        | Access::TeamWrites(_)
        | Access::Owner(_)
        | Access::OwnerOrOperator(_) => None,
    }
}

pub(super) fn operator(access: Access) -> Option<u16> {
    match access {
        Access::TeamReads(_) | Access::HolderOrOperator(_) => Some(200),
        Access::TeamWrites(_) | Access::Owner(_) => Some(403),
        Access::Holder(_) => Some(404),
        Access::Key => Some(401),
        Access::Public
        | Access::Anybody
        | Access::Webhook
        | Access::SignedIn(_)
        | Access::OwnerOrOperator(_)
        | Access::PartnersOperator
        | Access::Operator => None,
    }
}
