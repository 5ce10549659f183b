use shared::purchase::refund::RefundState;

use crate::document::{Document, html, pdf};
use crate::samples::{self, at};
use crate::statement;

#[track_caller]
fn check_rendered(document: &Document, parts: &[&str]) {
    let page = html::render(document).expect("a page");
    for part in parts {
        assert!(page.contains(part), "no {part} in {page}");
    }
    assert!(!page.contains("<script>"), "what people wrote is text: {page}");
    assert!(pdf::render(document).expect("a file").starts_with(b"%PDF-1.7"));
}

#[test]
fn documents_say_what_they_are_about() {
    let returned = RefundState::Succeeded {
        at: at("2026-11-06T00:00:00Z"),
    };
    let failed = RefundState::Failed {
        at: at("2026-11-08T00:00:00Z"),
        reason: "lost_or_stolen_card".to_owned(),
    };
    check_rendered(
        &samples::statement_document(90),
        &["Statement 2026-11", "Opening balance", "default@1"],
    );
    check_rendered(
        &samples::invoice_document(),
        &["Invoice INV-000042", "chiara@people.example", "17.99"],
    );
    check_rendered(
        &samples::credit_note_document(returned),
        &["Credit note CRN-000042", "INV-000042", "5.00"],
    );
    check_rendered(&samples::credit_note_document(failed), &["Void: on 2026-11-08"]);
}

#[test]
fn a_table_has_no_formulas() {
    let table = String::from_utf8(statement::table(&samples::month(0)).expect("memory")).expect("UTF-8");
    assert!(table.starts_with("currency,time,kind,reference,"), "{table}");
    assert!(
        !table
            .lines()
            .any(|line| line.split(',').any(|cell| cell.trim_matches('"').starts_with('='))),
        "{table}"
    );
}
