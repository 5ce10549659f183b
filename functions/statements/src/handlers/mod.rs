//! One file for each kind of document.

pub(crate) mod invoices;
pub(crate) mod statements;
pub(crate) mod tax;

use shared::http::Problem;

use crate::document::{Document, html, pdf};
use crate::format::{File, Format};

/// A document as a page or on paper.
fn rendered(document: &Document, format: Format, name: String) -> Result<File, Problem> {
    let body = match format {
        Format::Pdf => pdf::render(document).map_err(Problem::internal)?,
        _ => html::render(document).map_err(Problem::internal)?.into_bytes(),
    };
    Ok(File { format, name, body })
}
