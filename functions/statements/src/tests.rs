use shared::purchase::refund::RefundState;

use crate::document::html;
use crate::samples::{self, at};
use crate::statement;

#[test]
fn a_statement_as_a_page() {
    insta::assert_snapshot!(html::render(&samples::statement_document(0)).expect("a page"));
}

#[test]
fn a_statement_as_a_table() {
    let table = statement::table(&samples::month(0)).expect("memory");
    insta::assert_snapshot!(String::from_utf8(table).expect("UTF-8"));
}

#[test]
fn an_invoice_as_a_page() {
    let page = html::render(&samples::invoice_document()).expect("a page");
    insta::assert_snapshot!(body(&page));
}

#[test]
fn a_credit_note_of_an_erased_customer() {
    let state = RefundState::Succeeded {
        at: at("2026-11-06T00:00:00Z"),
    };
    let page = html::render(&samples::credit_note_document(state)).expect("a page");
    insta::assert_snapshot!(body(&page));
}

#[test]
fn a_credit_note_whose_refund_failed_says_that_it_is_void() {
    let state = RefundState::Failed {
        at: at("2026-11-08T00:00:00Z"),
        reason: "lost_or_stolen_card".to_owned(),
    };
    let page = html::render(&samples::credit_note_document(state)).expect("a page");
    assert!(page.contains("Void: on 2026-11-08"), "{page}");
}

/// A page without its style sheet, which another snapshot has.
fn body(page: &str) -> &str {
    page.split_once("<body>").map_or(page, |(_, body)| body)
}
