use shared::purchase::refund::RefundState;

use crate::document::{Document, html, pdf};
use crate::samples::{self, at};
use crate::statement;

fn dump(name: &str, document: &Document) {
    std::fs::write(
        format!("/tmp/docs-scratch/out/{name}.html"),
        html::render(document).unwrap(),
    )
    .unwrap();
    std::fs::write(
        format!("/tmp/docs-scratch/out/{name}.pdf"),
        pdf::render(document).unwrap(),
    )
    .unwrap();
}
#[test]
fn dump_all() {
    dump("statement", &samples::statement_document(0));
    dump("long", &samples::statement_document(90));
    dump("invoice", &samples::invoice_document());
    dump(
        "credit",
        &samples::credit_note_document(RefundState::Succeeded {
            at: at("2026-11-06T00:00:00Z"),
        }),
    );
    std::fs::write(
        "/tmp/docs-scratch/out/statement.csv",
        statement::table(&samples::month(0)).unwrap(),
    )
    .unwrap();
}
