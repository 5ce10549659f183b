//! The stand-in over HTTP, as its users meet it: through the client that Souk has, and as a browser. A file per subject.

mod disputes;
mod lists;
mod orders;
mod outages;
mod pages;
mod payouts;
mod support;
mod webhooks;
