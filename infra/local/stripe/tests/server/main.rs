//! The stand-in over HTTP, as its users meet it: a file per subject.

mod billing;
mod contract;
mod dunning;
mod money;
mod outages;
mod pages;
mod portal;
mod prorations;
mod support;
mod webhooks;
