//! The stand-in over HTTP, as its users meet it: a file per subject.

mod billing;
mod confirmation;
mod contract;
mod conversion;
mod dunning;
mod money;
mod outages;
mod pages;
mod portal;
mod prorations;
mod support;
mod triggers;
mod webhooks;
