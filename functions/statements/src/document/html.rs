//! A document as a web page: for a screen of any width, for a reader's ears, and for a printer.

use askama::Template;

use super::Document;

#[derive(Template)]
#[template(path = "document.html")]
struct Page<'a> {
    document: &'a Document,
}

pub(crate) fn render(document: &Document) -> Result<String, askama::Error> {
    Page { document }.render()
}
