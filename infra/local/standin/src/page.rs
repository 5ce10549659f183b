//! The frame of every page, and what is in it: text, tables, tiles. Plain HTML that works without scripts, by keyboard and on a phone.

use std::fmt::Write as _;

use crate::control::Row;

/// A whole page; `of` is the processor that the stand-in stands for, `body` is HTML.
pub fn page(of: &str, title: &str, width: &str, body: &str) -> String {
    format!(
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <meta name=\"color-scheme\" content=\"light dark\">\n<link rel=\"icon\" href=\"data:,\">\n\
         <title>{title}</title>\n<style>{STYLE}</style>\n</head>\n<body>\n\
         <p class=\"banner\" role=\"note\"><strong>Test mode.</strong> This is a local stand-in{of}. No money moves.</p>\n\
         <main class=\"{width}\">\n{body}\n</main>\n</body>\n</html>\n",
        title = escaped(title),
        of = if of.is_empty() {
            String::new()
        } else {
            format!(" for {}", escaped(of))
        },
    )
}

/// A page with a heading, a sentence and perhaps a way on.
pub fn message(of: &str, title: &str, text: &str, link: Option<(&str, &str)>) -> String {
    let link = link.map_or(String::new(), |(label, url)| {
        format!(
            "<p><a class=\"button\" href=\"{}\">{}</a></p>",
            escaped(url),
            escaped(label)
        )
    });
    page(
        of,
        title,
        "narrow",
        &format!("<h1>{}</h1><p>{}</p>{link}", escaped(title), escaped(text)),
    )
}

pub fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for char in text.chars() {
        match char {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            other => out.push(other),
        }
    }
    out
}

/// A titled table of cells; without rows, a sentence. Heads that end in a dot are of columns that stand to the right.
pub fn table(title: &str, heads: &[&str], rows: &[Vec<String>], empty: &str) -> String {
    if rows.is_empty() {
        return format!("<h2>{title}</h2><p class=\"soft\">{empty}</p>");
    }
    let mut html = format!(
        "<h2>{title}</h2><div class=\"scroll\" tabindex=\"0\" role=\"region\" aria-label=\"{title}\"><table><thead><tr>"
    );
    for head in heads {
        let (class, head) = match head.strip_suffix('.') {
            Some(head) => (" class=\"amount\"", head),
            None => ("", *head),
        };
        let _ = write!(html, "<th scope=\"col\"{class}>{head}</th>");
    }
    html.push_str("</tr></thead><tbody>");
    for row in rows {
        html.push_str("<tr>");
        for cell in row {
            html.push_str(cell);
        }
        html.push_str("</tr>");
    }
    html + "</tbody></table></div>"
}

pub fn cell(text: &str) -> String {
    format!("<td>{}</td>", escaped(text))
}

pub fn amount_cell(amount: &str) -> String {
    format!("<td class=\"amount\">{}</td>", escaped(amount))
}

/// An id that leads to the object.
pub fn id_cell(id: &str) -> String {
    let shown: String = if id.chars().count() > 32 {
        id.chars().take(28).chain(['…']).collect()
    } else {
        id.to_owned()
    };
    format!(
        "<td><a href=\"/_control/objects/{0}\"><code>{1}</code></a></td>",
        escaped(id),
        escaped(&shown)
    )
}

/// Wide enough to be read on a phone, where the table scrolls sideways.
fn prose(html: &str) -> String {
    format!("<td class=\"prose\">{html}</td>")
}

/// Large figures with small words below.
pub fn tiles(tiles: &[(String, String)]) -> String {
    let mut html = String::from("<ul class=\"tiles\">");
    for (label, value) in tiles {
        let _ = write!(
            html,
            "<li><strong>{}</strong><span class=\"soft\">{}</span></li>",
            escaped(value),
            escaped(label)
        );
    }
    html + "</ul>"
}

/// The table of a stand-in's controls.
pub fn controls(rows: &[Row]) -> String {
    let rows: Vec<Vec<String>> = rows
        .iter()
        .map(|(method, path, body, does)| {
            vec![
                cell(method),
                format!(
                    "<td><code>/_control{}{}</code></td>",
                    if path.is_empty() { "" } else { "/" },
                    escaped(path)
                ),
                prose(&escaped(does)),
                prose(&format!("<code class=\"long\">{}</code>", escaped(body))),
            ]
        })
        .collect();
    table("Controls", &["Method", "Path", "Does", "Body or query"], &rows, "")
}

const STYLE: &str = "
:root { --ink: #1a1f36; --soft: #5a6274; --line: #d5dbe3; --paper: #fff; --ground: #f6f8fb; --accent: #4f46d8;
  --on-accent: #fff; --bad: #a8102b; --bad-ground: #fdecef; }
@media (prefers-color-scheme: dark) { :root { --ink: #e8ebf1; --soft: #a3acbd; --line: #39415a; --paper: #1d2336;
  --ground: #12172a; --accent: #a5a0ff; --on-accent: #14143a; --bad: #ff9fb0; --bad-ground: #3b1822; } }
* { box-sizing: border-box; }
body { margin: 0; background: var(--ground); color: var(--ink); font: 1rem/1.5 system-ui, sans-serif;
  overflow-wrap: anywhere; }
.banner { margin: 0; padding: .5rem 1rem; text-align: center; background: #ffe08a; color: #3d2f00; font-size: .9rem; }
main { margin: 1.5rem auto; padding: 0 1rem; }
main.narrow { max-width: 34rem; }
main.wide { max-width: 76rem; }
h1 { font-size: 1.5rem; line-height: 1.25; margin: 0 0 .75rem; }
h2 { font-size: 1.1rem; margin: 2rem 0 .5rem; }
a { color: var(--accent); }
.card, fieldset { background: var(--paper); border: 1px solid var(--line); border-radius: .6rem; padding: 1rem;
  margin: 0 0 1rem; }
legend { font-weight: 600; padding: 0 .35rem; }
.sum { display: flex; justify-content: space-between; gap: 1rem; padding: .35rem 0; }
.sum.total { border-top: 1px solid var(--line); font-weight: 700; margin-top: .35rem; padding-top: .6rem; }
.sum span:last-child { white-space: nowrap; }
.choice { display: flex; gap: .75rem; align-items: flex-start; padding: .55rem .25rem; cursor: pointer; }
.choice + .choice { border-top: 1px solid var(--line); }
.choice input { width: 1.2rem; height: 1.2rem; margin: .2rem 0 0; flex: none; accent-color: var(--accent); }
.soft { color: var(--soft); font-size: .9rem; }
.number { display: block; color: var(--soft); font: .85rem ui-monospace, monospace; }
.field { display: block; margin: 0 0 .75rem; font-weight: 600; }
.field input { display: block; width: 100%; margin-top: .25rem; padding: .6rem; font: inherit; color: inherit;
  background: var(--paper); border: 1px solid var(--soft); border-radius: .4rem; }
.field input { font-weight: 400; }
summary { font-weight: 600; cursor: pointer; padding: .25rem 0; }
.actions { display: flex; flex-wrap: wrap; gap: .75rem; position: sticky; bottom: 0; padding: .75rem 0;
  background: var(--ground); }
button, .button { font: inherit; font-weight: 600; padding: .75rem 1.25rem; border-radius: .5rem; cursor: pointer;
  border: 1px solid var(--accent); background: var(--accent); color: var(--on-accent); text-decoration: none;
  display: inline-block; }
button.primary { flex: 1 1 12rem; }
button.quiet { background: transparent; color: var(--accent); }
:focus-visible { outline: 3px solid var(--accent); outline-offset: 2px; }
.alert { background: var(--bad-ground); color: var(--bad); border: 1px solid currentColor; border-radius: .6rem;
  padding: .75rem 1rem; margin: 0 0 1rem; }
.scroll { overflow-x: auto; background: var(--paper); border: 1px solid var(--line); border-radius: .6rem; }
table { border-collapse: collapse; width: 100%; font-size: .9rem; }
th, td { text-align: left; vertical-align: top; padding: .45rem .7rem; border-top: 1px solid var(--line);
  overflow-wrap: normal; }
thead th { border-top: 0; color: var(--soft); font-weight: 600; white-space: nowrap; }
th.amount, td.amount { text-align: right; white-space: nowrap; }
code { font: .85em ui-monospace, monospace; overflow-wrap: anywhere; }
td code { white-space: nowrap; }
td code.long { white-space: normal; }
td.prose { min-width: 14rem; }
.tiles { display: grid; grid-template-columns: repeat(auto-fit, minmax(9rem, 1fr)); gap: .75rem; padding: 0; margin: 0;
  list-style: none; }
.tiles li { background: var(--paper); border: 1px solid var(--line); border-radius: .6rem; padding: .6rem .8rem; }
.tiles strong { display: block; font-size: 1.25rem; }
";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_cannot_become_markup() {
        assert_eq!(escaped("<a href=\"x\">&'"), "&lt;a href=&quot;x&quot;&gt;&amp;&#39;");
        assert!(page("", "<script>", "narrow", "").contains("<title>&lt;script&gt;</title>"));
    }
}
